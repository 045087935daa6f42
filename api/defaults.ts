import type { ApiObject } from "./object-meta.ts";

/** What depends on the workload's kind and so cannot be a default of the schema they share. */
const templateDefaults: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  WasmDeployment: { runtime: "v8", restartPolicy: "Always", onDisconnect: "continue" },
  WasmJob: { runtime: "v8", restartPolicy: "Never", onDisconnect: "stop" },
};

/**
 * As Kubernetes does: `completions` is 1 only where `parallelism` is empty, too, and with a limit for each index there is none
 * for all of them. To be asked before the schema fills in its own defaults.
 */
export function withJobDefaults(spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const isEmpty = (name: string) => spec[name] === undefined || spec[name] === null;
  return {
    ...spec,
    ...(isEmpty("completions") && isEmpty("parallelism") ? { completions: 1 } : {}),
    ...(isEmpty("backoffLimit")
      ? { backoffLimit: isEmpty("backoffLimitPerIndex") ? backoffLimitDefault : int32Max }
      : {}),
  };
}

const backoffLimitDefault = 6;
const int32Max = 2 ** 31 - 1;

/** Fills in what the object leaves open. Pure; anything of an unexpected shape is left for validation. */
export function applyDefaults(object: ApiObject): ApiObject {
  const defaults = templateDefaults[object.kind];
  const { spec: given } = object;
  const spec = object.kind === "WasmJob" && isRecord(given) ? withJobDefaults(given) : given;
  if (!defaults || !isRecord(spec) || !isRecord(spec["template"])) return object;
  const { template } = spec;
  if (!isRecord(template) || !isRecord(template["spec"])) return object;
  const present = Object.fromEntries(Object.entries(template["spec"]).filter(([, value]) => value !== null));
  return { ...object, spec: { ...spec, template: { ...template, spec: { ...defaults, ...present } } } };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
