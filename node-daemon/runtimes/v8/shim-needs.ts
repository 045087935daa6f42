import { dirname } from "node:path";
import { type Isolation, processOverheadBytes } from "../../../api/isolation.ts";
import { isComponentFile } from "../../components/component-facts.ts";
import { factsFile } from "../../shim/module-store.ts";
import type { RunId, RunSpec } from "../runtime-driver.ts";
import type { ProcessLimits } from "./launcher.ts";
import { driverLimits } from "./limits.ts";

/** What the process that hosts a run has to be. */
export type ShimNeeds =
  | { readonly kind: "shared"; readonly namespace: string }
  | {
      readonly kind: "own";
      readonly namespace: string;
      readonly isolation: Exclude<Isolation, "shared">;
      readonly run: RunId;
      /** It serves an instance that has its own already, and will not be long. */
      readonly beside: boolean;
      /** What the engine's heap may take; undefined when the guest has no way to fill it. */
      readonly heapMb: number | undefined;
      readonly readOnlyPaths: readonly string[];
      readonly writablePaths: readonly string[];
      readonly network: boolean;
      readonly memoryBytesMax: number;
      readonly cpuMillisMax: number | undefined;
    };

export type OwnShimNeeds = Extract<ShimNeeds, { readonly kind: "own" }>;

const mebibyte = 2 ** 20;

/** Features that need a process of their own for other reasons than that they fill the heap. */
const heapless: ReadonlySet<string> = new Set(["large-functions", "threads"]);

export function needsOf(spec: RunSpec): ShimNeeds {
  const { namespace, module, isolation } = spec;
  if (isolation === "shared" && module.needsProcess.length === 0) return { kind: "shared", namespace };
  const fillsHeap = module.needsProcess.some((feature) => !heapless.has(feature));
  const heapMb = fillsHeap ? Math.ceil(spec.memoryBytesMax / mebibyte) + driverLimits.ownHeapMb : undefined;
  const heapBytes = fillsHeap ? spec.memoryBytesMax : 0;
  return {
    kind: "own",
    namespace,
    isolation: isolation === "shared" ? "process" : isolation,
    beside: spec.beside !== undefined,
    run: spec.id,
    heapMb,
    readOnlyPaths: [...filesOf(module), ...pathsOf(spec, true)],
    writablePaths: [spec.logFolder, ...pathsOf(spec, false), ...attachmentFolder(spec)],
    network: spec.network.allow.length > 0 || spec.network.listeners.length > 0,
    memoryBytesMax: spec.memoryBytesMax + heapBytes + 3 * processOverheadBytes,
    cpuMillisMax: spec.cpuLimitMillis,
  };
}

/** Others' modules are beside it. */
function filesOf({ file }: RunSpec["module"]): readonly string[] {
  return isComponentFile(file) ? [dirname(file)] : [file, factsFile(file)];
}

function pathsOf({ mounts }: RunSpec, readOnly: boolean): readonly string[] {
  return mounts.filter((mount) => mount.readOnly === readOnly).map(({ hostPath }) => hostPath);
}

function attachmentFolder({ attachment }: RunSpec): readonly string[] {
  return attachment === undefined ? [] : [dirname(attachment)];
}

export function processLimitsOf({ memoryBytesMax, cpuMillisMax }: OwnShimNeeds): ProcessLimits {
  return { memoryBytesMax, ...(cpuMillisMax !== undefined && { cpuMillisMax }) };
}
