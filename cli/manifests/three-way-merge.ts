/** The annotation in which client-side apply keeps what it applied, shared with kubectl. */
export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** What client-side apply compares: what was applied last, what shall be, and what is. */
interface ThreeStates {
  /** undefined: the object was not made by apply, so nothing is taken away. */
  readonly original: unknown;
  readonly modified: unknown;
  readonly current: unknown;
}

/**
 * The RFC 7386 merge patch that makes `current` as `modified` says. Fields that were applied before and are now gone
 * are removed; fields that others set stay. Lists are replaced as a whole, as for every custom kind.
 */
export function threeWayMergePatch({ original, modified, current }: ThreeStates): JsonObject {
  const wanted = asObject(modified);
  return combine(
    removals(asObject(original), wanted, asObject(current)),
    additions(asObject(current), wanted),
  );
}

function additions(current: JsonObject, modified: JsonObject): JsonObject {
  const patch: Record<string, Json> = {};
  for (const [key, value] of Object.entries(modified)) {
    // A null in a manifest means "not set", which the removals care for.
    if (value === null) continue;
    const before = current[key];
    if (isObject(value) && isObject(before)) {
      const inner = additions(before, value);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (!equal(before, value)) {
      patch[key] = value;
    }
  }
  return patch;
}

function removals(original: JsonObject, modified: JsonObject, current: JsonObject): JsonObject {
  const patch: Record<string, Json> = {};
  for (const [key, value] of Object.entries(original)) {
    const wanted = modified[key];
    const present = current[key];
    if (wanted === undefined || wanted === null) {
      if (present !== undefined) patch[key] = null;
    } else if (isObject(value) && isObject(wanted) && isObject(present)) {
      const inner = removals(value, wanted, present);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    }
  }
  return patch;
}

function combine(first: JsonObject, second: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const before = result[key];
    result[key] =
      before !== undefined && isObject(before) && isObject(value) ? combine(before, value) : value;
  }
  return result;
}

function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equal(item as Json, b[index] as Json));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => equal(a[key], b[key]));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asObject(value: unknown): JsonObject {
  return isObject(value as Json) ? (value as JsonObject) : {};
}
