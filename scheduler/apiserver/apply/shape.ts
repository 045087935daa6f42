import { isObject, type JsonObject } from "../resource.ts";
import type { FieldType, ListType, MapType, Scalar } from "./field-type.ts";

/** A value seen through its type: what decides how it is owned, compared and merged. */
export type Shape =
  | { readonly kind: "scalar"; readonly type: Scalar }
  | { readonly kind: "map"; readonly type: MapType }
  | { readonly kind: "list"; readonly type: ListType }
  /** The type allows nothing of the sort. */
  | { readonly kind: "none" };

const none: Shape = { kind: "none" };

/** null is a value of any type; where a type allows several, it counts as a map. */
export function shapeOf(value: unknown, type: FieldType): Shape {
  if (isObject(value) && type.map) return { kind: "map", type: type.map };
  if (Array.isArray(value) && type.list) return { kind: "list", type: type.list };
  if ((typeof value !== "object" || value === null) && type.scalar && (value !== null || !type.map))
    return { kind: "scalar", type: type.scalar };
  // Not of the type: as the type has it, so that the walk ends somewhere sensible.
  if (type.map) return { kind: "map", type: type.map };
  if (type.scalar) return { kind: "scalar", type: type.scalar };
  return type.list ? { kind: "list", type: type.list } : none;
}

const noMap: JsonObject = {};
const noList: readonly unknown[] = [];

export function asMap(value: unknown): JsonObject {
  return isObject(value) ? value : noMap;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : noList;
}

export function isEmptyMap(map: JsonObject): boolean {
  for (const _ in map) return false;
  return true;
}

/** A field of its own, never of its prototype. */
export function fieldOf(map: JsonObject, name: string): unknown {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

/** Equality of JSON values, whatever the order of fields. */
export function isEqualJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((item: unknown, at) => isEqualJson(item, b[at]))
    );
  }
  if (!isObject(a) || !isObject(b)) return false;
  let count = 0;
  for (const name of Object.keys(a)) {
    if (a[name] === undefined) continue;
    if (!Object.hasOwn(b, name) || !isEqualJson(a[name], b[name])) return false;
    count++;
  }
  for (const name of Object.keys(b)) if (b[name] !== undefined) count--;
  return count === 0;
}
