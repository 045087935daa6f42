import { isDeepStrictEqual } from "node:util";
import type { FieldError } from "../../../api/validation/field-error.ts";
import { isObject, type JsonObject } from "../resource.ts";

/**
 * Of the errors of an update, those about values that it changes. What was stored under an older schema stays writable
 * everywhere else: a controller can still write its status.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
 */
export function ratchet(
  errors: readonly FieldError[],
  object: JsonObject,
  old: JsonObject,
): readonly FieldError[] {
  return errors.filter(({ field, reason }) => {
    const path = parsePath(field);
    if (!path) return true;
    // What is missing is an error of the one that should have it.
    const judged = reason === "FieldValueRequired" ? path.slice(0, -1) : path;
    const before = valueAt(old, judged);
    return before === undefined || !isDeepStrictEqual(before, valueAt(object, judged));
  });
}

/** `spec.items[2].name`, `spec.labels[a.b]`. undefined: not a path that can be followed; it counts as changed. */
function parsePath(field: string): readonly string[] | undefined {
  if (field === "" || field.startsWith("<")) return undefined;
  const steps: string[] = [];
  const step = /(?:^|\.)([^.[\]]+)|\[([^\]]*)\]/y;
  let end = 0;
  for (let match = step.exec(field); match; match = step.exec(field)) {
    steps.push(match[1] ?? match[2] ?? "");
    end = step.lastIndex;
  }
  return end === field.length ? steps : undefined;
}

function valueAt(object: JsonObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((place, step) => {
    if (Array.isArray(place))
      return /^\d+$/.test(step) ? (place as readonly unknown[])[Number(step)] : undefined;
    return isObject(place) && Object.hasOwn(place, step) ? place[step] : undefined;
  }, object);
}
