import * as types from "../language/types.ts";
import type { Type } from "../language/types.ts";
import { isObject, type Schema } from "../../resource.ts";
import { escapeName } from "./escape-name.ts";

/** A schema as rules see it: its type, and how large its values can get, by which costs are estimated. */
export interface Declaration {
  readonly type: Type;
  readonly schema: Schema;
  /** The most characters, items or entries that a value can have. */
  readonly maxElements: number;
  /** The fewest bytes that a value takes in a request. */
  readonly minBytes: number;
  /** Of a list's items and a map's values. */
  readonly element?: Declaration;
  /** An object's properties by the identifiers that rules use. */
  readonly fields?: ReadonlyMap<string, Field>;
}

export interface Field {
  readonly property: string;
  readonly declaration: Declaration;
}

/** Kubernetes estimates with this, whatever a server accepts. */
export const requestBytesMax = 3 * 1024 * 1024;
const datetimeBytesMax = 32;
const dateBytes = 12;

/** Undefined: rules cannot see values of this schema (nothing is said of their type). */
export function declare(schema: Schema, isResourceRoot: boolean, name = "selfType"): Declaration | undefined {
  if (schema["x-kubernetes-int-or-string"] === true)
    return {
      type: types.DYN,
      schema,
      minBytes: 1,
      maxElements: schema.maxLength === undefined ? requestBytesMax - 2 : bounded(schema.maxLength) * 4,
    };
  switch (schema.type) {
    case "array":
      return declareList(schema, name);
    case "object":
      return isResourceRoot
        ? declareObject(withMetadata(schema), name)
        : (declareMap(schema, name) ?? (hasValues(schema) ? undefined : declareObject(schema, name)));
    case "string":
      return declareText(schema);
    case "boolean":
      return { type: types.BOOL, schema, maxElements: 0, minBytes: 4 };
    case "number":
      return { type: types.DOUBLE, schema, maxElements: 0, minBytes: 1 };
    case "integer":
      return { type: types.INT, schema, maxElements: 0, minBytes: 1 };
    default:
      return undefined;
  }
}

function bounded(limit: number): number {
  return Math.max(0, limit);
}

function hasValues({ additionalProperties }: Schema): boolean {
  return isObject(additionalProperties);
}

function declareList(schema: Schema, name: string): Declaration | undefined {
  if (!schema.items) return undefined;
  const element = declare(
    schema.items,
    schema.items["x-kubernetes-embedded-resource"] === true,
    `${name}.@idx`,
  );
  if (!element) return undefined;
  const maxElements =
    schema.maxItems === undefined
      ? Math.floor((requestBytesMax - 2) / (element.minBytes + 1))
      : bounded(schema.maxItems);
  return { type: types.listOf(element.type), schema, maxElements, minBytes: 2, element };
}

function declareMap(schema: Schema, name: string): Declaration | undefined {
  const values = schema.additionalProperties;
  if (typeof values !== "object") return undefined;
  const element = declare(values, values["x-kubernetes-embedded-resource"] === true, `${name}.@elem`);
  if (!element) return undefined;
  const maxElements =
    schema.maxProperties === undefined
      ? Math.floor((requestBytesMax - 2) / (element.minBytes + 6))
      : bounded(schema.maxProperties);
  return { type: types.mapOf(types.STRING, element.type), schema, maxElements, minBytes: 2, element };
}

function declareObject(schema: Schema, name: string): Declaration {
  const fields = new Map<string, Field>();
  const required = new Set(schema.required ?? []);
  let minBytes = 2;
  for (const [property, own] of Object.entries(schema.properties ?? {})) {
    const identifier = escapeName(property);
    const isEmbedded = own["x-kubernetes-embedded-resource"] === true;
    const declaration = declare(own, isEmbedded, `${name}.${identifier ?? property}`);
    if (!declaration) continue;
    if (identifier !== undefined) fields.set(identifier, { property, declaration });
    if (required.has(property) && own.default === undefined)
      minBytes += property.length + declaration.minBytes + 4;
  }
  const fieldTypes = new Map([...fields].map(([field, { declaration }]) => [field, declaration.type]));
  return { type: { kind: "struct", name, fields: fieldTypes }, schema, maxElements: 0, minBytes, fields };
}

/** Of a resource, rules see apiVersion, kind and two fields of metadata, whatever its schema says. */
export function withMetadata(schema: Schema): Schema {
  const text: Schema = { type: "string" };
  const metadata: Schema = { type: "object", properties: { name: text, generateName: text } };
  return { ...schema, properties: { ...schema.properties, apiVersion: text, kind: text, metadata } };
}

function declareText(schema: Schema): Declaration {
  const text = (type: Type, minBytes: number, maxElements: number): Declaration => ({
    type,
    schema,
    minBytes,
    maxElements,
  });
  switch (schema.format) {
    case "byte":
      return text(
        types.BYTES,
        2,
        schema.maxLength === undefined ? requestBytesMax - 2 : bounded(schema.maxLength),
      );
    case "duration":
      return text(types.DURATION, 3, 32);
    case "date":
      return text(types.TIMESTAMP, dateBytes, dateBytes);
    case "date-time":
      return text(types.TIMESTAMP, 21, datetimeBytesMax);
    default:
      return text(types.STRING, 2, textLengthMax(schema));
  }
}

/** maxLength counts characters, the estimate bytes: up to four each. */
function textLengthMax(schema: Schema): number {
  if (schema.maxLength !== undefined) return bounded(schema.maxLength) * 4;
  if (schema.enum === undefined || schema.enum.length === 0) return requestBytesMax - 2;
  const lengths = schema.enum.map((one) => (typeof one === "string" ? Buffer.byteLength(one) : 0));
  return lengths.reduce((longest, length) => Math.max(longest, length), 0);
}
