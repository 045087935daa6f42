/**
 * Kinds that are built into Kubernetes are Go structures there: what does not fit their fields cannot even be decoded, which
 * is another answer than that it is invalid. Custom kinds have no such structures, only schemas.
 */
import { showValue } from "../../../api/validation/field-error.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { isOfFormat } from "./formats.ts";

interface Place {
  /** The Go type that has the field, as far as it is known by convention. */
  readonly structure: string;
  /** The names on the way there. */
  readonly path: string;
}

/** Why the object is none of the built-in kind, in the words of Go's decoder. undefined: it is one. */
export function undecodable(object: JsonObject, schema: Schema, kind: string): string | undefined {
  return inFields(object, schema, { structure: kind, path: "" });
}

function problem(value: unknown, schema: Schema, place: Place): string | undefined {
  // Go leaves a field that is null as it is.
  if (value === null || value === undefined || schema["x-kubernetes-int-or-string"] === true)
    return undefined;
  const mismatch = (what: string) =>
    `json: cannot unmarshal ${what} into Go struct field ${place.structure}.${place.path} of type ${goType(schema)}`;
  switch (schema.type) {
    case "string":
      if (typeof value !== "string") return mismatch(jsonType(value));
      return illFormed(value, schema.format);
    case "boolean":
      return typeof value === "boolean" ? undefined : mismatch(jsonType(value));
    case "integer":
      if (typeof value !== "number") return mismatch(jsonType(value));
      return Number.isInteger(value) ? undefined : mismatch(`number ${showValue(value)}`);
    case "number":
      return typeof value === "number" ? undefined : mismatch(jsonType(value));
    case "array":
      if (!Array.isArray(value)) return mismatch(jsonType(value));
      return schema.items && first(value, (one) => problem(one, schema.items ?? {}, place));
    case "object":
      return isObject(value) ? inFields(value, schema, place) : mismatch(jsonType(value));
    default:
      return undefined;
  }
}

/** The two formats that are types of their own in Go. */
function illFormed(text: string, format: string | undefined): string | undefined {
  if ((format !== "byte" && format !== "date-time") || isOfFormat(format, text)) return undefined;
  if (format === "byte") return `illegal base64 data at input byte ${text.search(/[^A-Za-z0-9+/=]|=[^=]|$/)}`;
  const shown = showValue(text);
  return `parsing time ${shown} as "2006-01-02T15:04:05Z07:00": cannot parse ${shown} as "2006"`;
}

function inFields(
  object: JsonObject,
  { properties = {}, additionalProperties }: Schema,
  place: Place,
): string | undefined {
  return first(Object.entries(object), ([name, value]) => {
    if (Object.hasOwn(properties, name) && properties[name])
      return problem(value, properties[name], {
        structure: structureOf(place),
        path: joined(place.path, name),
      });
    return isObject(additionalProperties) ? problem(value, additionalProperties, place) : undefined;
  });
}

/** `metadata` is an ObjectMeta, the `spec` of a Lease a LeaseSpec; other names are not ours to know. */
function structureOf({ structure, path }: Place): string {
  if (path === "metadata") return "ObjectMeta";
  if (path === "spec" || path === "status")
    return `${structure}${path.charAt(0).toUpperCase()}${path.slice(1)}`;
  return structure;
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function first<T>(items: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = check(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function goType({ type, format, items, additionalProperties }: Schema): string {
  switch (type) {
    case "string":
      return format === "byte" ? "[]uint8" : "string";
    case "boolean":
      return "bool";
    case "integer":
      return format === "int32" ? "int32" : "int64";
    case "number":
      return "float64";
    case "array":
      return `[]${goType(items ?? {})}`;
    default:
      return isObject(additionalProperties) ? `map[string]${goType(additionalProperties)}` : "v1.Object";
  }
}
