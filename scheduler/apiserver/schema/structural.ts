import { duplicateValue, type FieldError } from "../../../api/validation/field-error.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";

/**
 * Brings an object into the shape that a structural schema gives it: fields that the schema does not know go, nulls where
 * null is no value count as absent, defaults fill what is absent. Returns a new object and the paths of what was dropped.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
 */
export function shapeObject(
  object: JsonObject,
  schema: Schema,
): { readonly object: JsonObject; readonly unknownFields: readonly string[] } {
  const unknownFields: string[] = [];
  return { object: shapeFields(object, schema, "", unknownFields), unknownFields };
}

function shape(value: unknown, schema: Schema, path: string, unknown: string[]): unknown {
  if (isObject(value)) return shapeFields(value, schema, path, unknown);
  const { items } = schema;
  if (!Array.isArray(value) || !items) return value;
  return value.map((one, at) => shape(one, items, `${path}[${at}]`, unknown));
}

function shapeFields(value: JsonObject, schema: Schema, path: string, unknown: string[]): JsonObject {
  const { properties, additionalProperties } = schema;
  const keepsUnknown =
    schema["x-kubernetes-preserve-unknown-fields"] === true || additionalProperties === true;
  const isOpen = properties === undefined && additionalProperties === undefined && schema.type !== "object";
  const result: JsonObject = {};
  for (const [name, field] of Object.entries(value)) {
    const own =
      ownSchema(properties, name) ?? (isObject(additionalProperties) ? additionalProperties : undefined);
    const place = path === "" ? name : `${path}.${name}`;
    if (own) {
      if (field !== null || own.nullable === true) result[name] = shape(field, own, place, unknown);
    } else if (keepsUnknown || isOpen) result[name] = field;
    else unknown.push(place);
  }
  for (const [name, own] of defaultedOf(schema))
    if (!Object.hasOwn(result, name)) result[name] = shape(structuredClone(own.default), own, "", []);
  return result;
}

const defaulted = new WeakMap<Schema, readonly (readonly [string, Schema])[]>();

/** The fields with defaults. Looked for once: an object may have a million items, and a schema ten thousand fields. */
function defaultedOf(schema: Schema): readonly (readonly [string, Schema])[] {
  const known = defaulted.get(schema);
  if (known) return known;
  const found = Object.entries(schema.properties ?? {}).filter(([, own]) => own.default !== undefined);
  defaulted.set(schema, found);
  return found;
}

/** The paths of fields that the schema does not know. */
export function unknownFieldsOf(value: unknown, schema: Schema): readonly string[] {
  const unknown: string[] = [];
  shape(value, schema, "", unknown);
  return unknown;
}

function ownSchema(properties: Schema["properties"], name: string): Schema | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** Lists declared as sets or maps must not hold an item twice. Applies to objects that the schema has accepted. */
export function findListDuplicates(value: unknown, schema: Schema, path: string): readonly FieldError[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    const nested = items ? value.flatMap((one, at) => findListDuplicates(one, items, `${path}[${at}]`)) : [];
    return [...repeatedItems(value, schema, path), ...nested];
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const own =
      ownSchema(schema.properties, name) ??
      (isObject(schema.additionalProperties) ? schema.additionalProperties : undefined);
    return own ? findListDuplicates(field, own, path === "" ? name : `${path}.${name}`) : [];
  });
}

function repeatedItems(list: readonly unknown[], schema: Schema, path: string): readonly FieldError[] {
  const type = schema["x-kubernetes-list-type"];
  if (type !== "set" && type !== "map") return [];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Set<string>();
  return list.flatMap((item, at) => {
    const identity =
      type === "map" && isObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;
    const text = JSON.stringify(identity);
    if (seen.has(text)) return [duplicateValue(`${path}[${at}]`, identity)];
    seen.add(text);
    return [];
  });
}
