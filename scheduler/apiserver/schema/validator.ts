import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import {
  type FieldError,
  invalidValue,
  requiredValue,
  showValue,
  tooLong,
  tooMany,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import type { JsonObject, Schema } from "../resource.ts";
import { findListDuplicates } from "./structural.ts";

/** More would help nobody, and a list of a million wrong items must not become a million messages. */
const errorsMax = 50;

/** Go's time.RFC3339, and what `format: date-time` means in OpenAPI. */
const dateTimeForm = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  "date-time": (text) => dateTimeForm.test(text) && !Number.isNaN(Date.parse(text)),
  byte: (text) => /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
};

const integerRanges: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
};

export type Validate = (object: JsonObject) => readonly FieldError[];

/** Compiles a structural schema. The compiled check gives errors in Kubernetes' own words. */
export function compileSchema(schema: Schema): Validate {
  const ajv = new Ajv({ strict: false, allErrors: true, verbose: true, validateSchema: false });
  for (const [name, check] of Object.entries(formats)) ajv.addFormat(name, check);
  const validate: ValidateFunction = ajv.compile(toJsonSchema(schema));
  return (object) => {
    if (validate(object)) return findListDuplicates(object, schema, "").slice(0, errorsMax);
    return (validate.errors ?? []).slice(0, errorsMax).map((error) => fieldError(error, object));
  };
}

const plainKeywords = [
  "enum",
  "pattern",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "minimum",
  "maximum",
  "required",
  "description",
] as const;

/** Only keywords that ajv knows with the same meaning; everything else of a CRD's schema is for others. */
function toJsonSchema(schema: Schema): JsonObject {
  const result: JsonObject = {};
  for (const keyword of plainKeywords) if (schema[keyword] !== undefined) result[keyword] = schema[keyword];
  const types =
    schema["x-kubernetes-int-or-string"] === true ? ["integer", "string"] : [schema.type ?? []].flat();
  if (types.length > 0) result["type"] = schema.nullable === true ? [...types, "null"] : types;
  const range = schema.type === "integer" ? integerRanges[schema.format ?? ""] : undefined;
  if (range) {
    result["minimum"] ??= range[0];
    result["maximum"] ??= range[1];
  }
  if (schema.format !== undefined && schema.format in formats) result["format"] = schema.format;
  if (schema.items) result["items"] = toJsonSchema(schema.items);
  if (schema.properties)
    result["properties"] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, one]) => [name, toJsonSchema(one)]),
    );
  if (typeof schema.additionalProperties === "object")
    result["additionalProperties"] = toJsonSchema(schema.additionalProperties);
  return result;
}

function fieldError(error: ErrorObject, root: JsonObject): FieldError {
  const field = fieldPath(error.instancePath, root);
  const params = error.params as Readonly<Record<string, unknown>>;
  const limit = Number(params["limit"]);
  const schema = (error.parentSchema ?? {}) as Schema;
  switch (error.keyword) {
    case "required": {
      const missing = String(params["missingProperty"]);
      return requiredValue(field === "" ? missing : `${field}.${missing}`);
    }
    case "type": {
      const wanted = [params["type"]].flat().filter((one) => one !== "null");
      return {
        reason: "FieldValueTypeInvalid",
        field,
        message: `Invalid value: ${showValue(typeName(error.data))}: ${field} in body must be of type ${wanted.join(" or ")}: ${showValue(typeName(error.data))}`,
      };
    }
    case "enum":
      return unsupportedValue(field, error.data, schema.enum ?? []);
    case "minimum":
      return invalidValue(field, error.data, `should be greater than or equal to ${limit}`);
    case "maximum":
      return invalidValue(field, error.data, `should be less than or equal to ${limit}`);
    case "maxLength":
      return tooLong(field, limit);
    case "minLength":
      return invalidValue(field, error.data, `should be at least ${limit} chars long`);
    case "maxItems":
      return tooMany(field, Array.isArray(error.data) ? error.data.length : 0, limit);
    case "minItems":
      return invalidValue(field, error.data, `should have at least ${limit} items`);
    case "pattern":
      return invalidValue(field, error.data, patternAdvice(schema));
    case "minProperties":
    case "maxProperties": {
      const bound = error.keyword === "minProperties" ? "least" : "most";
      const note = schema.description === undefined ? "" : `: ${schema.description}`;
      return invalidValue(field, error.data, `should have at ${bound} ${limit} properties${note}`);
    }
    case "format":
      return invalidValue(field, error.data, `must be of type ${schema.format}`);
    default:
      return invalidValue(field, error.data, error.message ?? "is not allowed");
  }
}

/** What a person should write, for the patterns that appear in our schemas. */
const patternAdvices: readonly { readonly marker: string; readonly advice: string }[] = [
  {
    marker: "[KMGTPE]i",
    advice:
      "must be a quantity: a number with an optional unit, such as 250m or 2 for cpu, 64Mi or 1Gi for memory",
  },
  {
    marker: "file|https?",
    advice: "must begin with https://, http:// or file://, such as file:///srv/app.wasm",
  },
  { marker: "[0-9]+%?", advice: "must be a number of instances such as 1, or a share such as 25%" },
  { marker: "sha256:", advice: "must be sha256: followed by 64 lower-case hexadecimal digits" },
  {
    marker: "[-a-z0-9]*[a-z0-9]",
    advice:
      "must consist of lower case alphanumeric characters or '-', and start and end with an alphanumeric character",
  },
];

function patternAdvice({ pattern = "" }: Schema): string {
  if (pattern === "^/") return "must be an absolute path, beginning with /";
  const known = patternAdvices.find(({ marker }) => pattern.includes(marker));
  return known?.advice ?? `should match '${pattern}'`;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

/** A JSON pointer as Kubernetes writes paths: /spec/env/0/name → spec.env[0].name */
function fieldPath(pointer: string, root: JsonObject): string {
  let path = "";
  let place: unknown = root;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(place)) path += `[${name}]`;
    else path += path === "" ? name : `.${name}`;
    place = (place as Readonly<Record<string, unknown>> | undefined)?.[name];
  }
  return path;
}
