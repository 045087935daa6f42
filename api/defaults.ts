import type { ApiObject } from "./object-meta.ts";

const jobDefaults = { runtime: "v8", restartPolicy: "Never", onDisconnect: "stop" };

/** What depends on the workload's kind and so cannot be a default of the schema they share; and where its template is. */
const templateDefaults: Readonly<Record<string, TemplateDefaults>> = {
  WasmDeployment: {
    path: ["spec", "template", "spec"],
    values: { runtime: "v8", restartPolicy: "Always", onDisconnect: "continue" },
  },
  WasmJob: { path: ["spec", "template", "spec"], values: jobDefaults },
  WasmCronJob: { path: ["spec", "jobTemplate", "spec", "template", "spec"], values: jobDefaults },
};

interface TemplateDefaults {
  readonly path: readonly string[];
  readonly values: Readonly<Record<string, string>>;
}

/** Fills in what the object leaves open. Pure; anything of an unexpected shape is left for validation. */
export function applyDefaults(object: ApiObject): ApiObject {
  const defaults = templateDefaults[object.kind];
  if (!defaults) return object;
  // Only fields below `spec` are replaced.
  return fillIn(object, defaults.path, defaults.values) as ApiObject;
}

function fillIn(
  node: Readonly<Record<string, unknown>>,
  [first, ...rest]: readonly string[],
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  if (first === undefined) {
    const given = Object.fromEntries(Object.entries(node).filter(([, value]) => value !== null));
    return { ...values, ...given };
  }
  const child = node[first];
  return isRecord(child) ? { ...node, [first]: fillIn(child, rest, values) } : node;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
