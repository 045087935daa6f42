import type { ApiObject } from "./object-meta.ts";

/** What depends on the workload's kind and so cannot be a default of the schema they share. */
const templateDefaults: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  WasmDaemonSet: { runtime: "v8", restartPolicy: "Always", onDisconnect: "continue" },
  WasmDeployment: { runtime: "v8", restartPolicy: "Always", onDisconnect: "continue" },
  WasmJob: { runtime: "v8", restartPolicy: "Never", onDisconnect: "stop" },
};

/** Fills in what the object leaves open. Pure; anything of an unexpected shape is left for validation. */
export function applyDefaults(object: ApiObject): ApiObject {
  const defaults = templateDefaults[object.kind];
  const { spec } = object;
  if (!defaults || !isRecord(spec) || !isRecord(spec["template"])) return object;
  const { template } = spec;
  if (!isRecord(template) || !isRecord(template["spec"])) return object;
  const given = Object.fromEntries(Object.entries(template["spec"]).filter(([, value]) => value !== null));
  return { ...object, spec: { ...spec, template: { ...template, spec: { ...defaults, ...given } } } };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
