import { asMember, type Entry, type FieldSet, leaf, nodeOf, setOf } from "./field-set.ts";
import { elementOfItem, type FieldType, type ListType, type MapType, typeOfField } from "./field-type.ts";
import { fieldElement } from "./path-element.ts";
import { asList, asMap, isEmptyMap, shapeOf } from "./shape.ts";
import type { JsonObject } from "../resource.ts";

/**
 * Which nodes of a value are in the set:
 *
 * - `given`: what somebody who applies this value says: its leaves, the items of its sets and keyed lists, the fields
 *   of open maps, and maps that are empty;
 * - `all`: what somebody who makes this value where nothing was has made: the maps and lists that hold these, too.
 */
export type Extent = "given" | "all";

/** The fields of a whole object. */
export function toFieldSet(object: JsonObject, type: FieldType, extent: Extent): FieldSet {
  return setOf(type.map ? fieldsOfMap(object, type.map, extent) : []);
}

/** Of a value: what stands under its name. undefined: nothing. */
export function fieldsOf(value: unknown, type: FieldType, extent: Extent): FieldSet | undefined {
  const shape = shapeOf(value, type);
  switch (shape.kind) {
    case "map": {
      if (shape.type.atomic) return leaf;
      return nodeOf(extent === "all", fieldsOfMap(asMap(value), shape.type, extent));
    }
    case "list": {
      if (shape.type.kind === "atomic") return leaf;
      return nodeOf(extent === "all", fieldsOfList(asList(value), shape.type, extent));
    }
    default:
      return leaf;
  }
}

function fieldsOfMap(map: JsonObject, type: MapType, extent: Extent): readonly Entry[] {
  const children: Entry[] = [];
  for (const name of Object.keys(map).sort()) {
    const value = map[name];
    if (value === undefined) continue;
    const node = fieldsOf(value, typeOfField(type, name), extent);
    if (extent === "all" || isOwnedByItself(value) || !type.fields.has(name))
      children.push([fieldElement(name), asMember(node)]);
    else if (node) children.push([fieldElement(name), node]);
  }
  return children;
}

function isOwnedByItself(value: unknown): boolean {
  return value === null || (typeof value === "object" && !Array.isArray(value) && isEmptyMap(asMap(value)));
}

function fieldsOfList(
  list: readonly unknown[],
  type: Exclude<ListType, { kind: "atomic" }>,
  extent: Extent,
): readonly Entry[] {
  const children = new Map<string, FieldSet>();
  for (const item of list) {
    const found = elementOfItem(type, item);
    if (found.kind === "invalid") continue;
    // An item that is there twice is owned as a whole.
    const isRepeated = children.has(found.element);
    children.set(found.element, isRepeated ? leaf : asMember(fieldsOf(item, type.item, extent)));
  }
  return [...children];
}
