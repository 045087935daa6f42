import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";

/** What an instance used when its node last said so. */
export interface InstanceUsage {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly fuel: number;
  readonly throttledSeconds: number;
}

export const sortKeys = ["cpu", "memory", "fuel", "throttled"] as const;
export type SortKey = (typeof sortKeys)[number];

const sortFields = {
  cpu: "cpuMillis",
  memory: "memoryBytes",
  fuel: "fuel",
  throttled: "throttledSeconds",
} as const satisfies Readonly<Record<SortKey, keyof InstanceUsage>>;

/** undefined: its node has not told yet. */
export function usageOf({ status }: WasmInstance): InstanceUsage | undefined {
  const usage = status?.usage;
  if (!usage) return undefined;
  return {
    cpuMillis: cpuMillis(usage.cpu),
    memoryBytes: memoryBytes(usage.memory),
    fuel: usage.fuel ?? 0,
    throttledSeconds: usage.throttledSeconds ?? 0,
  };
}

/** A row per instance that runs, below a header; the largest first if `sortBy` says by what. */
export function instanceRows(
  instances: readonly WasmInstance[],
  { sortBy, showNamespace }: { readonly sortBy: SortKey | undefined; readonly showNamespace: boolean },
): readonly (readonly string[])[] {
  const running = instances.flatMap((instance) => {
    if (instance.status?.phase !== "Running") return [];
    return [{ instance, usage: usageOf(instance) }];
  });
  const amount = (usage: InstanceUsage | undefined) => (sortBy && usage ? usage[sortFields[sortBy]] : 0);
  const sorted = running.toSorted((a, b) => amount(b.usage) - amount(a.usage));
  const header = ["NAME", "CPU(cores)", "MEMORY(bytes)", "THROTTLED", "FUEL", "NODE"];
  const rows = sorted.map(({ instance: { metadata, spec }, usage }) => [
    ...(showNamespace ? [metadata.namespace ?? ""] : []),
    metadata.name,
    ...(usage
      ? [
          `${usage.cpuMillis}m`,
          memoryText(usage.memoryBytes),
          secondsText(usage.throttledSeconds),
          String(usage.fuel),
        ]
      : ["<unknown>", "<unknown>", "<unknown>", "<unknown>"]),
    spec.nodeName ?? "",
  ]);
  return [showNamespace ? ["NAMESPACE", ...header] : header, ...rows];
}

/** As kubectl has it, and smaller than it ever has: an instance may live in a few kilobytes. */
export function memoryText(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1 ? `${Math.ceil(bytes / 1024)}Ki` : `${Math.ceil(mebibytes)}Mi`;
}

function secondsText(seconds: number): string {
  return seconds === 0 ? "0s" : `${seconds < 10 ? seconds.toFixed(2) : Math.round(seconds)}s`;
}
