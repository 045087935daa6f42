import type { ApiObject } from "../../../api/object-meta.ts";
import { customResourceDefinitionKind } from "../kinds/custom-resource-definition.ts";
import type { JsonObject, Schema } from "../resource.ts";
import { shapeObject } from "../schema/structural.ts";
import { compileSchema } from "../schema/validator.ts";

const kind = customResourceDefinitionKind(() => []);
const schema: Schema = {
  ...kind.schema,
  properties: {
    ...kind.schema.properties,
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { "x-kubernetes-preserve-unknown-fields": true },
  },
};
const validate = compileSchema(schema, { advises: false, checksListTypes: false });

/** As a client sends it, to what would be stored, with everything that is wrong with it. */
export function accept(
  given: JsonObject,
  old?: ApiObject,
): { readonly object: ApiObject; readonly errors: readonly string[]; readonly unknown: readonly string[] } {
  const sent = JSON.parse(JSON.stringify(given)) as ApiObject;
  const shaped = shapeObject(kind.normalize(sent), schema);
  const object = shaped.object as unknown as ApiObject;
  const broken = validate(shaped.object);
  const errors = broken.length > 0 ? broken : kind.validate(object, old);
  return {
    object,
    errors: errors.map(({ field, message }) => `${field}: ${message}`),
    unknown: shaped.unknownFields,
  };
}

const openAPIV3Schema: Schema = {
  type: "object",
  properties: { spec: { type: "object", properties: { color: { type: "string" } } } },
};

export function version(changes: JsonObject = {}): JsonObject {
  return { name: "v1", served: true, storage: true, schema: { openAPIV3Schema }, ...changes };
}

export function crd(spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "boats.example.com", ...metadata },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "boats", kind: "Boat" },
      versions: [version()],
      ...spec,
    },
  };
}

/** One whose schema's spec has these properties. */
export function withProperties(properties: Readonly<Record<string, Schema>>): JsonObject {
  return withSchema({ type: "object", properties: { spec: { type: "object", properties } } });
}

export function withSchema(root: Schema): JsonObject {
  return crd({ versions: [version({ schema: { openAPIV3Schema: root } })] });
}

/** Where the errors of a schema are that all versions have. */
export const base = "spec.validation.openAPIV3Schema";
export const specBase = `${base}.properties[spec].properties`;
