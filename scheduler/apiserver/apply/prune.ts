import type { JsonObject } from "../resource.ts";
import { difference, type FieldSet, intersection, isEmpty, union } from "./field-set.ts";
import type { FieldType } from "./field-type.ts";
import { removeFields } from "./remove-items.ts";
import { withNamedFields } from "./set-against-type.ts";
import { toFieldSet } from "./to-field-set.ts";

/**
 * Takes out of a merged object what an applier applied the last time and does not this time, unless somebody else owns
 * it. `owned` is what all own, the applier with what it applies now.
 */
export function pruneFields(
  merged: JsonObject,
  last: FieldSet,
  owned: FieldSet,
  type: FieldType,
): JsonObject {
  if (isEmpty(difference(last, owned))) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(set, type);
  const fieldsOf = (object: JsonObject): FieldSet => toFieldSet(object, type, "all");
  const all = fieldsOf(merged);
  // Without all that was applied, with whatever stands below it; then back comes what is owned,
  const bare = removeFields(merged, named(last), type);
  const isOwned = union(fieldsOf(bare), named(owned));
  const withOwned = removeFields(merged, difference(all, isOwned), type);
  // and last what nobody owns but the applier never applied either.
  const gone = difference(all, fieldsOf(withOwned));
  return removeFields(merged, intersection(gone, named(last)), type);
}
