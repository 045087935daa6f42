/** What Kubernetes says of patches that do not fit. */
import { showGo } from "../apply/show-go.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { ApiError, badRequest } from "../status.ts";

/**
 * A patch that is well-formed but cannot be applied to this object. Kubernetes says only the first half, whatever the
 * reason; we add the reason.
 */
export function unprocessable(why: string): ApiError {
  return new ApiError("Invalid", `the server rejected our request due to an error in our request: ${why}`);
}

export function noMergeKey(item: JsonObject, mergeKey: string): ApiError {
  return badRequest(`map: ${showGo(item)} does not contain declared merge key: ${mergeKey}`);
}

export function unknownPatchType(directive: unknown, patch: JsonObject): ApiError {
  return badRequest(`unknown patch type: ${showGo(directive)} in map: ${showGo(patch)}`);
}

export function badArgument(expected: string, actual: unknown): ApiError {
  return badRequest(`expected a ${expected}, but received a ${goTypeOf(actual)}`);
}

type ElementKind = "list" | "map" | "scalar";

/** What all items of both lists are. */
export function elementKindOf(a: readonly unknown[], b: readonly unknown[]): ElementKind {
  const all = [...a, ...b];
  if (all.some((item) => Array.isArray(item))) return "list";
  const types = new Set(all.map(goTypeOf));
  if (types.size > 1) throw badRequest(`list element types are not identical: ${showGo([a, b])}`);
  return all.length > 0 && isObject(all[0]) ? "map" : "scalar";
}

export function goTypeOf(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  switch (typeof value) {
    case "object":
      return "map[string]interface {}";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int64" : "float64";
    default:
      return typeof value;
  }
}
