import type { JsonObject } from "../resource.ts";
import { type Entry, type FieldSet, leaf, nodeOf, setOf } from "./field-set.ts";
import { elementOfItem, type FieldType, type ListType, type MapType, typeOfField } from "./field-type.ts";
import { fieldElement } from "./path-element.ts";
import { asList, asMap, fieldOf, isEmptyMap, isEqualJson, shapeOf } from "./shape.ts";
import { fieldsOf } from "./to-field-set.ts";

/** The fields in which two objects differ; none is in two of the sets. */
export interface Comparison {
  readonly removed: FieldSet;
  readonly modified: FieldSet;
  readonly added: FieldSet;
}

/** Of one value: what stands under its name in each set. undefined: no difference. */
interface Change {
  readonly removed?: FieldSet | undefined;
  readonly modified?: FieldSet | undefined;
  readonly added?: FieldSet | undefined;
}

const modified: Change = { modified: leaf };
const same: Comparison = { removed: leaf, modified: leaf, added: leaf };

export function compareObjects(before: JsonObject, after: JsonObject, type: FieldType): Comparison {
  if (before === after || !type.map) return same;
  const changes = new Changes();
  compareMaps(before, after, type.map, changes);
  return changes.asComparison();
}

/** What differs below one value, while it is gathered. */
class Changes {
  readonly #removed: Entry[] = [];
  readonly #modified: Entry[] = [];
  readonly #added: Entry[] = [];

  note(element: string, change: Change | undefined): void {
    if (change?.removed) this.#removed.push([element, change.removed]);
    if (change?.modified) this.#modified.push([element, change.modified]);
    if (change?.added) this.#added.push([element, change.added]);
  }

  asChange(): Change | undefined {
    if (this.#removed.length + this.#modified.length + this.#added.length === 0) return undefined;
    return {
      removed: nodeOf(false, this.#removed),
      modified: nodeOf(false, this.#modified),
      added: nodeOf(false, this.#added),
    };
  }

  asComparison(): Comparison {
    return { removed: setOf(this.#removed), modified: setOf(this.#modified), added: setOf(this.#added) };
  }
}

function compareValues(before: unknown, after: unknown, type: FieldType): Change | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { added: fieldsOf(after, type, "all") };
  if (after === undefined) return { removed: fieldsOf(before, type, "all") };
  const [one, other] = [shapeOf(before, type), shapeOf(after, type)];
  if (one.kind === "map" && other.kind === "map") {
    const [left, right] = [asMap(before), asMap(after)];
    if (one.type.atomic || (isEmptyMap(left) && isEmptyMap(right))) return compareLeaves(before, after);
    const changes = new Changes();
    compareMaps(left, right, one.type, changes);
    return changes.asChange();
  }
  if (one.kind === "list" && other.kind === "list") {
    const [left, right] = [asList(before), asList(after)];
    if (one.type.kind === "atomic" || left.length + right.length === 0) return compareLeaves(before, after);
    return compareLists(left, right, one.type);
  }
  if (one.kind === other.kind) return compareLeaves(before, after);
  // Of another kind than it was: what was below it is gone, what is below it is new.
  const [gone, come] = [
    childrenOnly(fieldsOf(before, type, "all")),
    childrenOnly(fieldsOf(after, type, "all")),
  ];
  return { removed: gone, modified: gone && come ? undefined : leaf, added: come };
}

function compareLeaves(before: unknown, after: unknown): Change | undefined {
  return isEqualJson(before, after) ? undefined : modified;
}

function compareMaps(before: JsonObject, after: JsonObject, type: MapType, changes: Changes): void {
  for (const name of Object.keys(after)) {
    const value = after[name];
    if (value === undefined) continue;
    const old = fieldOf(before, name);
    if (old !== value) changes.note(fieldElement(name), compareValues(old, value, typeOfField(type, name)));
  }
  for (const name of Object.keys(before)) {
    const value = before[name];
    if (value === undefined || fieldOf(after, name) !== undefined) continue;
    changes.note(fieldElement(name), compareValues(value, undefined, typeOfField(type, name)));
  }
}

type KeyedListType = Exclude<ListType, { kind: "atomic" }>;

function compareLists(
  before: readonly unknown[],
  after: readonly unknown[],
  type: KeyedListType,
): Change | undefined {
  const [old, now] = [itemsByElement(before, type), itemsByElement(after, type)];
  const changes = new Changes();
  for (const [element, items] of old)
    changes.note(element, compareItems(items, now.get(element) ?? [], type));
  for (const [element, items] of now)
    if (!old.has(element)) changes.note(element, compareItems([], items, type));
  return changes.asChange();
}

function itemsByElement(
  list: readonly unknown[],
  type: KeyedListType,
): ReadonlyMap<string, readonly unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of list) {
    const found = elementOfItem(type, item);
    if (found.kind === "invalid") continue;
    const before = items.get(found.element);
    if (before) before.push(item);
    else items.set(found.element, [item]);
  }
  return items;
}

/** Of the items with one element, of which a well-formed list has one; several together are compared as a whole. */
function compareItems(
  before: readonly unknown[],
  after: readonly unknown[],
  type: KeyedListType,
): Change | undefined {
  if (before.length <= 1 && after.length <= 1) return compareValues(before[0], after[0], type.item);
  if (before.length > 1 && after.length > 1) return compareLeaves(before, after);
  if (before.length > 1)
    return { removed: leaf, added: after.length === 0 ? undefined : fieldsOf(after[0], type.item, "all") };
  return {
    added: leaf,
    removed: before.length === 0 ? undefined : fieldsOf(before[0], type.item, "all"),
  };
}

function childrenOnly(node: FieldSet | undefined): FieldSet | undefined {
  if (node === undefined || node === leaf) return undefined;
  const { ".": _self, ...children } = node;
  return children;
}
