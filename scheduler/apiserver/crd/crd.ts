import type { ApiObject } from "../../../api/object-meta.ts";
import type { Schema, ScalePaths } from "../resource.ts";

/** apiextensions.k8s.io/v1 CustomResourceDefinition, as it is stored: defaulted and valid. */
export interface Crd extends ApiObject {
  readonly spec: CrdSpec;
  readonly status: CrdStatus;
}

export interface CrdSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: CrdNames;
  readonly versions: readonly CrdVersion[];
  readonly conversion?: { readonly strategy?: string; readonly webhook?: unknown };
  readonly preserveUnknownFields?: boolean;
}

export interface CrdNames {
  readonly kind: string;
  readonly listKind?: string;
  readonly plural: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
  readonly subresources?: Subresources;
  readonly additionalPrinterColumns?: readonly CrdColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

export interface Subresources {
  readonly status?: object;
  readonly scale?: Partial<ScalePaths>;
}

export interface CrdColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

export interface CrdStatus {
  readonly conditions?: readonly CrdCondition[];
  readonly acceptedNames?: Partial<CrdNames>;
  readonly storedVersions?: readonly string[];
}

export interface CrdCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

/** Of an object that the schema of CustomResourceDefinition has accepted. */
export function asCrd(object: ApiObject): Crd {
  // The schema says of every field what the interfaces above say.
  return { status: {}, ...object } as unknown as Crd;
}

export function isEstablished(crd: Crd): boolean {
  return (
    crd.status.conditions?.some(({ type, status }) => type === "Established" && status === "True") ?? false
  );
}
