import { duplicateValue, type FieldError } from "../../../api/validation/field-error.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { ApiError } from "../status.ts";

/**
 * Brings an object into the shape that a structural schema gives it: fields that the schema does not know go, nulls where
 * null is no value count as absent, defaults fill what is absent. Returns a new object and the paths of what was dropped.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
 */
export function shapeObject(
  object: JsonObject,
  schema: Schema,
): { readonly object: JsonObject; readonly unknownFields: readonly string[] } {
  const pass: Pass = { unknownFields: [], defaultBytes: 0 };
  return { object: shapeFields(object, schema, "", pass), unknownFields: pass.unknownFields };
}

/** The paths of fields that the schema does not know. */
export function unknownFieldsOf(value: unknown, schema: Schema): readonly string[] {
  const pass: Pass = { unknownFields: [], defaultBytes: 0 };
  shape(value, schema, "", pass);
  return pass.unknownFields;
}

interface Pass {
  readonly unknownFields: string[];
  /** A small object of many empty items may ask for any number of defaults. */
  defaultBytes: number;
}

/** More than any object may have. */
const defaultBytesMax = 4 * 1024 * 1024;
/** As many as Kubernetes tells of. */
const unknownFieldsMax = 100;
/** Names may have a megabyte. */
const shownLengthMax = 1000;

function shape(value: unknown, schema: Schema, path: string, pass: Pass): unknown {
  if (isObject(value)) return shapeFields(value, schema, path, pass);
  const { items } = schema;
  if (!Array.isArray(value) || !items) return value;
  return value.map((one, at) => shape(one, items, `${path}[${at}]`, pass));
}

function shapeFields(value: JsonObject, schema: Schema, path: string, pass: Pass): JsonObject {
  const { properties, additionalProperties } = schema;
  const keepsUnknown =
    schema["x-kubernetes-preserve-unknown-fields"] === true || additionalProperties === true;
  const isResource = schema["x-kubernetes-embedded-resource"] === true;
  const isOpen = properties === undefined && additionalProperties === undefined && schema.type !== "object";
  const result: JsonObject = {};
  for (const [name, field] of Object.entries(value)) {
    const own =
      ownSchema(properties, name) ?? (isObject(additionalProperties) ? additionalProperties : undefined);
    const place = path === "" ? name : `${path}.${name}`;
    // What every object has, an embedded one has, too, whatever its schema says.
    if (isResource && metaFields.has(name)) result[name] = field;
    else if (own) {
      if (field !== null || own.nullable === true) result[name] = shape(field, own, place, pass);
    } else if (keepsUnknown || isOpen) result[name] = field;
    else if (pass.unknownFields.length < unknownFieldsMax)
      pass.unknownFields.push(place.slice(0, shownLengthMax));
  }
  for (const { name, own, bytes } of defaultedOf(schema)) {
    if (Object.hasOwn(result, name)) continue;
    pass.defaultBytes += bytes;
    if (pass.defaultBytes > defaultBytesMax)
      throw new ApiError(
        "RequestEntityTooLarge",
        `the defaults of its fields would give the object more than ${defaultBytesMax} bytes`,
      );
    // Defaults have no unknown fields to tell of.
    const filled: Pass = { unknownFields: [], defaultBytes: pass.defaultBytes };
    result[name] = shape(structuredClone(own.default), own, "", filled);
    pass.defaultBytes = filled.defaultBytes;
  }
  return result;
}

const metaFields: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

interface Defaulted {
  readonly name: string;
  readonly own: Schema;
  readonly bytes: number;
}

const defaulted = new WeakMap<Schema, readonly Defaulted[]>();

/** The fields with defaults. Looked for once: an object may have a million items, and a schema ten thousand fields. */
function defaultedOf(schema: Schema): readonly Defaulted[] {
  const known = defaulted.get(schema);
  if (known) return known;
  const found = Object.entries(schema.properties ?? {})
    .filter(([, own]) => own.default !== undefined)
    .map(([name, own]) => ({ name, own, bytes: name.length + JSON.stringify(own.default).length }));
  defaulted.set(schema, found);
  return found;
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
