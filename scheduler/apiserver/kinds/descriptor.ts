import type { ApiObject } from "../../../api/object-meta.ts";
import type { Column, ResourceDefinition } from "../resource.ts";

type Given = Pick<ResourceDefinition, "kind" | "plural" | "schema" | "columns"> & Partial<ResourceDefinition>;

/** One of Kubernetes' own kinds, of core/v1 unless it says another group: what most share, and what this one says. */
export function coreKind(given: Given): ResourceDefinition {
  return {
    group: "",
    version: "v1",
    storageVersion: given.version ?? "v1",
    listKind: `${given.kind}List`,
    singular: given.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    storage: "stored",
    alias: undefined,
    nameForm: "subdomain",
    status: false,
    scale: undefined,
    generation: false,
    strategicMerge: true,
    deprecationWarning: undefined,
    selectableFields: [],
    emptyObject: undefined,
    explanation: undefined,
    normalize: (object) => object,
    validate: () => [],
    warnings: () => [],
    ...given,
  };
}

export function pathColumn(
  name: string,
  type: string,
  path: string,
  description: string,
  priority = 0,
): Column {
  return { name, type, format: "", description, priority, cell: { kind: "path", path } };
}

export function functionColumn(
  name: string,
  type: string,
  description: string,
  of: (object: ApiObject, nowMs: number) => unknown,
  priority = 0,
): Column {
  return { name, type, format: "", description, priority, cell: { kind: "function", of } };
}

export const ageColumn = pathColumn(
  "Age",
  "date",
  ".metadata.creationTimestamp",
  "How long ago the object was created.",
);
