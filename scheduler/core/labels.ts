import type { WorkloadKind } from "./model.ts";

/** Labels that every instance gets beside its template's. */
export const ownerLabel: Readonly<Record<WorkloadKind, string>> = {
  WasmDeployment: "wherry.dev/deployment",
  WasmJob: "wherry.dev/job",
};

export const templateHashLabel = "wherry.dev/template-hash";

/** Labels have keys such as `constructor`, too. */
export function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
