/**
 * A structural schema as ownership sees it: what is owned as a whole, what field by field, and what tells the items of a
 * list apart. As Kubernetes converts OpenAPI for server-side apply (kube-openapi, pkg/schemaconv).
 */
import { isObject, type Schema } from "../resource.ts";
import { objectMetaSchema } from "../schema/metadata-schema.ts";
import { keyElement, valueElement } from "./path-element.ts";

export type Scalar = "numeric" | "string" | "boolean" | "untyped";

/** A value may be of each of the kinds that are given. */
export interface FieldType {
  readonly map: MapType | undefined;
  readonly scalar: Scalar | undefined;
  readonly list: ListType | undefined;
}

export interface MapType {
  readonly atomic: boolean;
  /** The declared fields. */
  readonly fields: ReadonlyMap<string, FieldType>;
  /** Of fields that are not declared; undefined: there may be none. */
  readonly others: FieldType | undefined;
}

export type ListType =
  | { readonly kind: "atomic"; readonly item: FieldType }
  | { readonly kind: "set"; readonly item: FieldType }
  | {
      readonly kind: "map";
      readonly item: FieldType;
      /** In the order of their names. */
      readonly keys: readonly { readonly name: string; readonly default: unknown }[];
      /** In the schema's order, for messages. */
      readonly keyNames: readonly string[];
    };

const noFields: ReadonlyMap<string, FieldType> = new Map();

interface Recursive {
  map: MapType | undefined;
  scalar: Scalar | undefined;
  list: ListType | undefined;
}

/** Without a schema, inside what is owned as a whole. */
const untypedAtomic: Recursive = { map: undefined, scalar: "untyped", list: undefined };
untypedAtomic.map = { atomic: true, fields: noFields, others: untypedAtomic };
untypedAtomic.list = { kind: "atomic", item: untypedAtomic };

/** Without a schema: maps field by field, lists as a whole. */
const deduced: Recursive = {
  map: undefined,
  scalar: "untyped",
  list: { kind: "atomic", item: untypedAtomic },
};
deduced.map = { atomic: false, fields: noFields, others: deduced };

export function isDeduced(type: MapType): boolean {
  return type.others === deduced && type.fields.size === 0;
}

/** What a field of a map is. Unknown fields of stored objects, from a time with another schema, are deduced. */
export function typeOfField(type: MapType, name: string): FieldType {
  return type.fields.get(name) ?? type.others ?? deduced;
}

export function compileType(schema: Schema): FieldType {
  return new Compiler().compile(schema, false);
}

/** Schemas may hold themselves: each part is compiled once, and its type is there before what it holds is known. */
class Compiler {
  readonly #types = new Map<Schema, Recursive>();
  /** Of parts below one that preserves unknown fields. */
  readonly #openTypes = new Map<Schema, Recursive>();

  /** `keepsUnknown` holds for everything below the schema that says so, as in Kubernetes. */
  compile(schema: Schema, keepsUnknownAbove: boolean): FieldType {
    const keepsUnknown = keepsUnknownAbove || schema["x-kubernetes-preserve-unknown-fields"] === true;
    const known = keepsUnknown ? this.#openTypes : this.#types;
    const made = known.get(schema);
    if (made) return made;
    const type: Recursive = { map: undefined, scalar: scalarOf(schema), list: undefined };
    known.set(schema, type);
    const kind = typeOf(schema);
    if (kind === "object" || kind === undefined) type.map = this.#mapType(schema, keepsUnknown);
    if (kind === "array" || kind === undefined) type.list = this.#listType(schema, keepsUnknown);
    return type;
  }

  #mapType(schema: Schema, keepsUnknown: boolean): MapType {
    const properties = { ...embeddedProperties(schema), ...schema.properties };
    const fields = new Map(
      Object.entries(properties).map(([name, field]) => [name, this.compile(field, keepsUnknown)]),
    );
    return {
      atomic: schema["x-kubernetes-map-type"] === "atomic",
      fields,
      others: this.#othersOf(schema, fields.size === 0, keepsUnknown),
    };
  }

  #othersOf(schema: Schema, hasNoFields: boolean, keepsUnknown: boolean): FieldType | undefined {
    const { additionalProperties } = schema;
    if (isObject(additionalProperties)) return this.compile(additionalProperties, keepsUnknown);
    if (additionalProperties === undefined) return keepsUnknown || hasNoFields ? deduced : undefined;
    return additionalProperties ? deduced : undefined;
  }

  #listType(schema: Schema, keepsUnknown: boolean): ListType {
    const item = schema.items ? this.compile(schema.items, keepsUnknown) : untypedAtomic;
    switch (schema["x-kubernetes-list-type"]) {
      case "set":
        return { kind: "set", item };
      case "map":
        return keyedList(schema, item, schema["x-kubernetes-list-map-keys"] ?? []);
      case "atomic":
        return { kind: "atomic", item };
      default: {
        // Older kinds say it by how they are patched.
        const strategy = schema["x-kubernetes-patch-strategy"];
        const key = schema["x-kubernetes-patch-merge-key"];
        if (typeof strategy !== "string" || !strategy.split(",").includes("merge"))
          return { kind: "atomic", item };
        return typeof key === "string" ? keyedList(schema, item, [key]) : { kind: "set", item };
      }
    }
  }
}

/** undefined: values of every type. */
function typeOf(schema: Schema): Schema["type"] {
  return schema["x-kubernetes-int-or-string"] === true ? undefined : schema.type;
}

function scalarOf(schema: Schema): Scalar | undefined {
  switch (typeOf(schema)) {
    case "object":
    case "array":
      return undefined;
    case "integer":
    case "number":
      return "numeric";
    case "boolean":
      return "boolean";
    case "string": {
      const isPlain = schema.format === undefined || schema.format === "" || schema.format === "byte";
      return isPlain ? "string" : "untyped";
    }
    default:
      return "untyped";
  }
}

function embeddedProperties(schema: Schema): Readonly<Record<string, Schema>> {
  if (schema["x-kubernetes-embedded-resource"] !== true) return {};
  return { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: objectMetaSchema };
}

function keyedList(schema: Schema, item: FieldType, keyNames: readonly string[]): ListType {
  const properties = schema.items?.properties ?? {};
  const keys = [...keyNames].sort().map((name) => ({
    name,
    default: Object.hasOwn(properties, name) ? properties[name]?.default : undefined,
  }));
  return { kind: "map", item, keys, keyNames };
}

export type ItemElement =
  | { readonly kind: "element"; readonly element: string }
  | { readonly kind: "invalid"; readonly why: string };

/** What tells an item of a set or a keyed list apart from the others; in Kubernetes' words when nothing does. */
export function elementOfItem(type: Exclude<ListType, { kind: "atomic" }>, item: unknown): ItemElement {
  if (type.kind === "set") {
    const why = whyNoSetItem(item);
    return why === undefined ? { kind: "element", element: valueElement(item) } : { kind: "invalid", why };
  }
  if (item === null)
    return { kind: "invalid", why: "associative list with keys may not have a null element" };
  if (!isObject(item))
    return { kind: "invalid", why: "associative list with keys may not have non-map elements" };
  const pairs: (readonly [string, unknown])[] = [];
  for (const { name, default: byDefault } of type.keys) {
    const value = Object.hasOwn(item, name) ? item[name] : byDefault;
    if (value !== undefined) pairs.push([name, value]);
  }
  if (pairs.length > 0) return { kind: "element", element: keyElement(pairs) };
  const names = type.keyNames.map((name) => JSON.stringify(name)).join(" ");
  return {
    kind: "invalid",
    why: `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  };
}

function whyNoSetItem(item: unknown): string | undefined {
  if (item === null) return "associative list without keys has an element that's an explicit null";
  if (Array.isArray(item)) return "not supported: associative list with lists as elements";
  if (isObject(item)) return "associative list without keys has an element that's a map type";
  return undefined;
}
