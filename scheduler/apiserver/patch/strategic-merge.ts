import { isObject, type JsonObject } from "../resource.ts";
import { badRequest } from "../status.ts";

/**
 * Strategic merge patches, for the few lists of the core kinds that merge: by key, or as sets. Other lists are replaced.
 * https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
const mergeKeys: Readonly<Record<string, string>> = {
  "metadata.ownerReferences": "uid",
  // ServiceAccount's.
  secrets: "name",
  imagePullSecrets: "name",
  "status.conditions": "type",
};
const mergeSets: ReadonlySet<string> = new Set(["metadata.finalizers", "spec.finalizers"]);

const orderDirective = "$setElementOrder/";
const deleteDirective = "$deleteFromPrimitiveList/";

export function applyStrategicMergePatch(target: JsonObject, patch: unknown): JsonObject {
  if (!isObject(patch)) throw badRequest("a strategic merge patch is an object");
  return mergeObject(target, patch, "");
}

function mergeObject(target: JsonObject, patch: JsonObject, path: string): JsonObject {
  const directive = patch["$patch"];
  if (directive === "replace") return withoutDirectives(patch);
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge")
    throw badRequest(`unknown $patch directive ${JSON.stringify(directive)} at ${path || "the top"}`);
  const result: JsonObject = { ...target };
  const retained = patch["$retainKeys"];
  if (Array.isArray(retained))
    for (const name of Object.keys(result)) if (!retained.includes(name)) delete result[name];
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith(deleteDirective)) {
      const list = name.slice(deleteDirective.length);
      result[list] = asList(result[list]).filter((item) => !asList(value).includes(item));
    }
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith("$")) continue;
    const place = path === "" ? name : `${path}.${name}`;
    if (value === null) delete result[name];
    else if (isObject(value)) result[name] = mergeField(result[name], value, place);
    else if (Array.isArray(value))
      result[name] = mergeList(asList(result[name]), value, place, patch[orderDirective + name]);
    else result[name] = value;
  }
  return result;
}

function mergeField(target: unknown, patch: JsonObject, path: string): JsonObject {
  return mergeObject(isObject(target) ? target : {}, patch, path);
}

function mergeList(
  target: readonly unknown[],
  patch: readonly unknown[],
  path: string,
  order: unknown,
): readonly unknown[] {
  if (mergeSets.has(path)) return ordered([...new Set([...target, ...patch])], order, undefined);
  const key = mergeKeys[path];
  if (key === undefined) return patch.map((item) => (isObject(item) ? withoutDirectives(item) : item));
  if (patch.some((item) => isObject(item) && item["$patch"] === "replace"))
    return patch.filter((item) => !isObject(item) || item["$patch"] === undefined);
  const result = [...target];
  for (const item of patch) {
    if (!isObject(item) || item[key] === undefined)
      throw badRequest(`strategic merge patch: each item of ${path} needs its key ${key}`);
    const at = result.findIndex((one) => isObject(one) && one[key] === item[key]);
    if (item["$patch"] === "delete") {
      if (at >= 0) result.splice(at, 1);
    } else if (at >= 0) result[at] = mergeField(result[at], item, path);
    else result.push(withoutDirectives(item));
  }
  return ordered(result, order, key);
}

/** Items that the order names come in its order; those it does not know stay behind them. */
function ordered(list: readonly unknown[], order: unknown, key: string | undefined): readonly unknown[] {
  if (!Array.isArray(order)) return list;
  const identity = (item: unknown) => (key !== undefined && isObject(item) ? item[key] : item);
  const ranks = new Map(order.map((item, at) => [identity(item), at] as const));
  const rank = (item: unknown) => ranks.get(identity(item)) ?? order.length;
  return [...list].sort((a, b) => rank(a) - rank(b));
}

function withoutDirectives(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, one]) => !name.startsWith("$") && one !== null)
      .map(([name, one]) => [name, isObject(one) ? withoutDirectives(one) : one]),
  );
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
