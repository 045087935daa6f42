import type { ApiObject } from "./object-meta.ts";

type Fields = Readonly<Record<string, unknown>>;

interface SpecDefaults {
  /** Where the spec that has a template is. */
  readonly path: readonly string[];
  readonly template: Readonly<Record<string, string>>;
  readonly complete: (spec: Fields) => Fields;
}

const serviceTemplate = { runtime: "v8", restartPolicy: "Always", onDisconnect: "continue" };
const jobTemplate = { runtime: "v8", restartPolicy: "Never", onDisconnect: "stop" };

/** What depends on the workload's kind, or on other fields, and so cannot be a default of the schema. */
const specDefaults: Readonly<Record<string, SpecDefaults>> = {
  WasmDeployment: { path: ["spec"], template: serviceTemplate, complete: (spec) => spec },
  WasmDaemonSet: { path: ["spec"], template: serviceTemplate, complete: (spec) => spec },
  WasmJob: { path: ["spec"], template: jobTemplate, complete: withJobDefaults },
  WasmCronJob: { path: ["spec", "jobTemplate", "spec"], template: jobTemplate, complete: withJobDefaults },
};

const backoffLimitDefault = 6;
const int32Max = 2 ** 31 - 1;

/**
 * As Kubernetes does: `completions` is 1 only where `parallelism` is empty, too, and with a limit for each index there is none
 * for all of them. To be asked before the schema fills in its own defaults.
 */
function withJobDefaults(spec: Fields): Fields {
  const isEmpty = (name: string) => spec[name] === undefined || spec[name] === null;
  return {
    ...spec,
    ...(isEmpty("completions") && isEmpty("parallelism") ? { completions: 1 } : {}),
    ...(isEmpty("backoffLimit")
      ? { backoffLimit: isEmpty("backoffLimitPerIndex") ? backoffLimitDefault : int32Max }
      : {}),
  };
}

/** Fills in what the object leaves open. Pure; anything of an unexpected shape is left for validation. */
export function applyDefaults(object: ApiObject): ApiObject {
  const defaults = specDefaults[object.kind];
  if (!defaults) return object;
  // Only fields below `spec` are replaced.
  return changeAt(object, defaults.path, (spec) =>
    changeAt(defaults.complete(spec), ["template", "spec"], (given) => {
      const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
      return { ...defaults.template, ...present };
    }),
  ) as ApiObject;
}

/** The same with what is at the path replaced; the same itself where there is no object. */
function changeAt(node: Fields, [first, ...rest]: readonly string[], change: (at: Fields) => Fields): Fields {
  if (first === undefined) return change(node);
  const child = node[first];
  return isRecord(child) ? { ...node, [first]: changeAt(child, rest, change) } : node;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
