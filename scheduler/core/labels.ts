import type { WorkloadKind } from "./model.ts";

/** Labels that every instance gets beside its template's. */
export const ownerLabel: Readonly<Record<WorkloadKind, string>> = {
  WasmDeployment: "wherry.dev/deployment",
  WasmDaemonSet: "wherry.dev/daemon-set",
  WasmJob: "wherry.dev/job",
};

/** Of a template that includes the configuration that it reads. */
export const configDigestAnnotation = "wherry.dev/config-digest";

export const templateHashLabel = "wherry.dev/template-hash";

/** Labels have keys such as `constructor`, too. */
export function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
