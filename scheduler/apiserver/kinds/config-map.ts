import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../../api/object-meta.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  tooLong,
} from "../../../api/validation/field-error.ts";
import { checkConfigKey } from "../../../api/validation/names.ts";
import { isObject } from "../resource.ts";
import { ageColumn, coreKind, functionColumn } from "./descriptor.ts";

/** All values of a ConfigMap or Secret together. */
const configBytesMax = 1024 * 1024;

export const configMapDefinition = coreKind({
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  schema: {
    type: "object",
    description: "ConfigMap holds configuration data for instances to consume.",
    properties: {
      data: {
        type: "object",
        additionalProperties: { type: "string" },
        description: "The configuration data, as text.",
      },
      binaryData: {
        type: "object",
        additionalProperties: { type: "string", format: "byte" },
        description: "The configuration data that is no text, in base64. Its keys must not be in data too.",
      },
      immutable: { type: "boolean", description: "Whether data and binaryData can no longer be changed." },
    },
  },
  columns: [
    functionColumn(
      "Data",
      "integer",
      "How many keys it has.",
      (object) => entriesOf(object, "data", "binaryData").length,
    ),
    ageColumn,
  ],
  validate: (object, old) => {
    const binary = recordOf(object["binaryData"]);
    const twice = Object.keys(recordOf(object["data"])).filter((key) => Object.hasOwn(binary, key));
    return [
      ...validateImmutable(object, old, "data", "binaryData"),
      ...validateKeys(object, "data", "binaryData"),
      ...twice.map((key) => invalidValue(`data[${key}]`, key, "duplicate of key present in binaryData")),
    ];
  },
});

export function recordOf(value: unknown): Readonly<Record<string, string>> {
  // The schema has made sure that the values are strings.
  return isObject(value) ? (value as Record<string, string>) : {};
}

export function entriesOf(
  object: ApiObject,
  ...fields: readonly string[]
): readonly (readonly [string, string])[] {
  return fields.flatMap((field) => Object.entries(recordOf(object[field])));
}

export function validateKeys(object: ApiObject, ...fields: readonly string[]): readonly FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const field of fields) {
    for (const [key, value] of Object.entries(recordOf(object[field]))) {
      const problem = checkConfigKey(key);
      if (problem !== undefined) errors.push(invalidValue(`${field}[${key}]`, key, problem));
      bytes +=
        field === "data" && object.kind === "ConfigMap" ? Buffer.byteLength(value) : (value.length * 3) / 4;
    }
  }
  // Of a ConfigMap Kubernetes means the whole object, and writes it so.
  const place = object.kind === "ConfigMap" ? "[]" : "data";
  if (bytes > configBytesMax) errors.push(tooLong(place, configBytesMax));
  return errors;
}

export function validateImmutable(
  object: ApiObject,
  old: ApiObject | undefined,
  ...fields: readonly string[]
): readonly FieldError[] {
  if (old?.["immutable"] !== true) return [];
  const changed = fields.filter((field) => !isDeepStrictEqual(recordOf(object[field]), recordOf(old[field])));
  return [...(object["immutable"] === true ? [] : ["immutable"]), ...changed].map((field) =>
    forbiddenValue(field, "field is immutable when `immutable` is set"),
  );
}
