import type { JsonObject } from "../resource.ts";
import { type FieldSet, isEmpty, isMember } from "./field-set.ts";
import { elementOfItem, type FieldType, type ListType, type MapType, typeOfField } from "./field-type.ts";
import { fieldElement } from "./path-element.ts";
import { asList, asMap, shapeOf } from "./shape.ts";

/** The object without the fields and items that are in the set, each with all that is below it. */
export function removeFields(object: JsonObject, fields: FieldSet, type: FieldType): JsonObject {
  if (isEmpty(fields) || !type.map) return object;
  return removeFromMap(object, fields, type.map);
}

function removeFromValue(value: unknown, fields: FieldSet, type: FieldType): unknown {
  const shape = shapeOf(value, type);
  if (shape.kind === "map" && !shape.type.atomic) return removeFromMap(asMap(value), fields, shape.type);
  if (shape.kind === "list" && shape.type.kind !== "atomic")
    return removeFromList(asList(value), fields, shape.type);
  return value;
}

function removeFromMap(map: JsonObject, fields: FieldSet, type: MapType): JsonObject {
  const kept: JsonObject = {};
  for (const name of Object.keys(map)) {
    const node = fields[fieldElement(name)];
    if (node === undefined) kept[name] = map[name];
    else if (!isMember(node)) kept[name] = removeFromValue(map[name], node, typeOfField(type, name));
  }
  return kept;
}

function removeFromList(
  list: readonly unknown[],
  fields: FieldSet,
  type: Exclude<ListType, { kind: "atomic" }>,
): readonly unknown[] {
  return list.flatMap((item) => {
    const found = elementOfItem(type, item);
    const node = found.kind === "element" ? fields[found.element] : undefined;
    if (node === undefined) return [item];
    return isMember(node) ? [] : [removeFromValue(item, node, type.item)];
  });
}
