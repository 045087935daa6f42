import type { ApiObject } from "../../api/object-meta.ts";
import type { FieldError } from "../../api/validation/field-error.ts";
import type { NameForm } from "../../api/validation/metadata.ts";

/** A structural schema: the subset of OpenAPI v3 that CustomResourceDefinitions may use. */
export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  /** As in OpenAPI 3.0: whether `minimum` itself is out. */
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly [extension: string]: unknown;
}

/** A column of the server-side table. Either a JSONPath or a function makes the cell. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** Above 0: only with `-o wide`. */
  readonly priority: number;
  readonly cell: { readonly kind: "path"; readonly path: string } | CellFunction;
}

export interface CellFunction {
  readonly kind: "function";
  readonly of: (object: ApiObject, nowMs: number) => unknown;
}

export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath: string | undefined;
}

/** Objects of one kind, stored as another's: its other form. */
export interface Alias {
  readonly group: string;
  readonly plural: string;
  readonly fromStored: (object: ApiObject) => ApiObject;
  readonly toStored: (object: ApiObject) => ApiObject;
}

/** Everything the server must know of a kind. Made from a CRD file or written as a descriptor. */
export interface ResourceDefinition {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  /** The version in which objects are stored. The others are views of it. */
  readonly storageVersion: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** stored: in the store. review: nowhere, it is answered and forgotten. live: in the scheduler's memory, behind the LiveResource
   * port. measured: nowhere, it is made when somebody reads it, behind the MeasuredResource port. */
  readonly storage: "stored" | "live" | "measured" | "review";
  /** undefined: the kind has objects of its own. */
  readonly alias: Alias | undefined;
  readonly nameForm: NameForm;
  /** Whether there is a `status` subresource; then neither write touches the other's part. */
  readonly status: boolean;
  readonly scale: ScalePaths | undefined;
  /** Whether `metadata.generation` counts changes outside metadata and status. */
  readonly generation: boolean;
  /** Whether strategic merge patches are taken: core kinds only, as in Kubernetes. */
  readonly strategicMerge: boolean;
  /** What clients of a deprecated version are told in a Warning header. */
  readonly deprecationWarning: string | undefined;
  readonly schema: Schema;
  /** What its `explain` subresource answers; undefined: there is none. */
  readonly explanation: ResourceDefinition | undefined;
  /** What every object has even if nobody says so, as Kubernetes' own kinds have their structs: `spec: {}`. */
  readonly emptyObject: JsonObject | undefined;
  readonly columns: readonly Column[];
  /** The fields, beside metadata.name and metadata.namespace, that a field selector may name. */
  readonly selectableFields: readonly string[];
  /** Brings a new or changed object into its stored form, before the schema's defaults. */
  readonly normalize: (object: ApiObject) => ApiObject;
  /** What schemas cannot say. */
  readonly validate: (object: ApiObject, old: ApiObject | undefined) => readonly FieldError[];
  /** What the writer of a valid object is told. */
  readonly warnings: (object: ApiObject, old: ApiObject | undefined) => readonly string[];
}

export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** As messages and metrics name a resource: `wasmjobs.wherry.dev`. */
export function qualified(resource: { readonly group: string; readonly plural: string }): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
