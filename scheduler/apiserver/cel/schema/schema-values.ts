import { isDeepStrictEqual } from "node:util";
import { parseLongDuration, parseTimestamp, timestampOf } from "../functions/time-ranges.ts";
import { daysSinceEpoch } from "../functions/time-ranges.ts";
import { isObject, type JsonObject } from "../../resource.ts";
import { ErrorValue, type ListSemantics, type ListValue, type MapValue, type Value } from "../values.ts";
import type { Declaration } from "./declaration.ts";
import { escapeName } from "./escape-name.ts";

/** A part of an object as expressions see it. Lists, maps and objects are read where they are used, never copied. */
export function toValue(data: unknown, declaration: Declaration): Value {
  if (data === null || data === undefined) return null;
  const { schema, element, fields } = declaration;
  if (schema["x-kubernetes-int-or-string"] === true) return intOrString(data);
  switch (schema.type) {
    case "object":
      if (!isObject(data)) return unexpected("a map");
      if (fields) return new ObjectValue(data, declaration);
      return element ? new DataMap(data, element) : unexpected("a map");
    case "array":
      return Array.isArray(data) && element
        ? new DataList(data, element, semanticsOf(declaration))
        : unexpected("an array");
    case "string":
      return typeof data === "string" ? textValue(data, schema.format) : unexpected("string");
    case "integer":
      return typeof data === "number" && Number.isInteger(data) ? BigInt(data) : unexpected("int");
    case "number":
      return typeof data === "number" ? data : unexpected("float");
    case "boolean":
      return typeof data === "boolean" ? data : unexpected("bool");
    default:
      return unexpected("a known type");
  }
}

function unexpected(wanted: string): ErrorValue {
  return new ErrorValue(`invalid data, expected ${wanted}`);
}

function intOrString(data: unknown): Value {
  if (typeof data === "string") return data;
  if (typeof data === "number" && Number.isInteger(data)) return BigInt(data);
  return new ErrorValue("invalid data, expected XIntOrString value to be either a string or integer");
}

function textValue(text: string, format: string | undefined): Value {
  switch (format) {
    case "duration":
      return parseLongDuration(text) ?? new ErrorValue(`Invalid duration ${text}`);
    case "date":
      return dateValue(text) ?? new ErrorValue(`Invalid date formatted string ${text}`);
    case "date-time":
      return parseTimestamp(text) ?? new ErrorValue(`Invalid date-time formatted string ${text}`);
    case "byte":
      return new Uint8Array(Buffer.from(text, "base64"));
    default:
      return text;
  }
}

function dateValue(text: string): Value | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  const days = match ? daysSinceEpoch(Number(match[1]), Number(match[2]), Number(match[3])) : undefined;
  return days === undefined ? undefined : timestampOf(BigInt(days) * 86_400_000_000_000n);
}

function semanticsOf({ schema }: Declaration): ListSemantics {
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  switch (schema["x-kubernetes-list-type"]) {
    case "map":
      return { kind: "map", keys: keys.map((key) => escapeName(key) ?? key) };
    case "set":
      return { kind: "set" };
    default:
      return { kind: "atomic" };
  }
}

class DataList implements ListValue {
  readonly kind = "list";
  readonly semantics: ListSemantics;
  readonly #data: readonly unknown[];
  readonly #element: Declaration;

  constructor(data: readonly unknown[], element: Declaration, semantics: ListSemantics) {
    this.#data = data;
    this.#element = element;
    this.semantics = semantics;
  }

  get size(): number {
    return this.#data.length;
  }

  at(index: number): Value {
    return toValue(this.#data[index], this.#element);
  }
}

/** An object with additionalProperties: any key. */
class DataMap implements MapValue {
  readonly kind = "map";
  readonly #data: JsonObject;
  readonly #element: Declaration;

  constructor(data: JsonObject, element: Declaration) {
    this.#data = data;
    this.#element = element;
  }

  get size(): number {
    return Object.keys(this.#data).length;
  }

  find(key: Value): Value | undefined {
    if (typeof key !== "string" || !Object.hasOwn(this.#data, key)) return undefined;
    return toValue(this.#data[key], this.#element);
  }

  keys(): Iterable<Value> {
    return Object.keys(this.#data);
  }
}

/** An object with properties: rules name them by their identifiers; a null counts as absent. */
class ObjectValue implements MapValue {
  readonly kind = "map";
  readonly #data: JsonObject;
  readonly #fields: NonNullable<Declaration["fields"]>;

  constructor(data: JsonObject, { fields }: Declaration) {
    this.#data = data;
    this.#fields = fields ?? new Map();
  }

  get size(): number {
    return Object.keys(this.#data).length;
  }

  find(key: Value): Value | undefined {
    const field = typeof key === "string" ? this.#fields.get(key) : undefined;
    if (!field || !Object.hasOwn(this.#data, field.property)) return undefined;
    const data = this.#data[field.property];
    return data === null || data === undefined ? undefined : toValue(data, field.declaration);
  }

  *keys(): Iterable<Value> {
    for (const [identifier, { property }] of this.#fields)
      if (Object.hasOwn(this.#data, property)) yield identifier;
  }

  /** Fields that no rule can name take part in equality all the same. */
  equalsHidden(other: MapValue): boolean {
    if (!(other instanceof ObjectValue)) return true;
    const known = new Set([...this.#fields.values()].map(({ property }) => property));
    return Object.entries(this.#data).every(
      ([name, data]) => known.has(name) || isDeepStrictEqual(data, other.#data[name]),
    );
  }
}
