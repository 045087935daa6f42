/**
 * Strategic merge patches: a merge patch that knows of each list how it is patched. A list is replaced unless its schema
 * says that it merges, by the `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key` that Kubernetes' own kinds
 * have, or else by `x-kubernetes-list-type`.
 * https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { badRequest } from "../status.ts";
import { checkOrder, mergeInOrder, orderOnServer } from "./element-order.ts";
import { badArgument, elementKindOf, noMergeKey, unprocessable, unknownPatchType } from "./patch-errors.ts";

const patchDirective = "$patch";
const retainDirective = "$retainKeys";
const orderDirective = "$setElementOrder";
const deleteDirective = "$deleteFromPrimitiveList";

/** How one field is patched. */
interface FieldRules {
  /** Of the field's value, or of the items if that is a list; undefined: nothing is known of them. */
  readonly schema: Schema | undefined;
  readonly strategy: "merge" | "replace" | undefined;
  /** What tells the items of a list apart; undefined: they are told apart by themselves. */
  readonly mergeKey: string | undefined;
}

export function applyStrategicMergePatch(
  target: JsonObject,
  patch: unknown,
  schema: Schema | undefined,
): JsonObject {
  if (!isObject(patch)) throw badRequest("invalid JSON document");
  return mergeMap(target, patch, schema);
}

function mergeMap(target: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
  const directive = patch[patchDirective];
  if (directive === "replace") return clean({ ...patch, [patchDirective]: undefined });
  if (directive === "delete") return {};
  if (directive !== undefined) throw unknownPatchType(directive, patch);

  const result = retain(target, patch);
  const ordered = orderLists(result, patch, schema);
  for (const [name, value] of Object.entries(patch)) deleteFromList(result, name, value);
  for (const [name, value] of Object.entries(patch)) {
    if (isDirective(name) || ordered.has(name)) continue;
    if (value === null) delete result[name];
    else set(result, name, mergeField(own(result, name), value, rulesOf(schema, name, value)));
  }
  return result;
}

/** undefined: there is to be no such field. */
function mergeField(target: unknown, patch: unknown, rules: FieldRules): unknown {
  if (isObject(target) && isObject(patch))
    return rules.strategy === "replace" ? clean(patch) : mergeMap(target, patch, rules.schema);
  if (Array.isArray(target) && Array.isArray(patch))
    return rules.strategy === "merge" ? mergeList(target, patch, rules) : cleanList(patch);
  return cleanValue(patch);
}

/** A copy of the target, of which `$retainKeys` leaves what it names. */
function retain(target: JsonObject, patch: JsonObject): JsonObject {
  const retained = patch[retainDirective];
  if (retained === undefined) return { ...target };
  const badFormat = badRequest("invalid patch format of retainKeys");
  if (!Array.isArray(retained)) throw badFormat;
  const names = new Set<unknown>(retained);
  const isForgotten = ([name, value]: [string, unknown]): boolean =>
    value !== null && !isDirective(name) && !names.has(name);
  if (Object.entries(patch).some(isForgotten)) throw badFormat;
  return Object.fromEntries(Object.entries(target).filter(([name]) => names.has(name)));
}

/** Merges and orders the lists that have a `$setElementOrder`; their names. */
function orderLists(result: JsonObject, patch: JsonObject, schema: Schema | undefined): ReadonlySet<string> {
  const done = new Set<string>();
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(orderDirective)) continue;
    const name = listNameOf(directive, orderDirective, "invalid patch format of setElementOrder list");
    if (!Array.isArray(order)) throw badArgument("[]interface {}", order);
    const target = own(result, name) ?? undefined;
    const list = own(patch, name) ?? undefined;
    if (target !== undefined && !Array.isArray(target)) throw badArgument("[]interface {}", target);
    if (list !== undefined && !Array.isArray(list)) throw badArgument("[]interface {}", list);
    const rules = rulesOf(schema, name, order);
    checkOrder(list ?? [], order, rules.mergeKey);
    if (list !== undefined) done.add(name);
    if (target === undefined && list === undefined) continue;
    const merged = list === undefined ? target : mergeField(target, list, rules);
    const items: readonly unknown[] = Array.isArray(merged) ? merged : [];
    const serverOrder = orderOnServer(target ?? [], list ?? [], items, rules.mergeKey);
    result[name] = mergeInOrder(items, order, serverOrder, rules.mergeKey);
  }
  return done;
}

function deleteFromList(result: JsonObject, directive: string, gone: unknown): void {
  if (!directive.startsWith(deleteDirective)) return;
  const name = listNameOf(directive, deleteDirective, "invalid patch format of primitive list");
  if (!Array.isArray(gone)) throw badArgument("[]interface {}", gone);
  const list = own(result, name);
  if (!Array.isArray(list)) return;
  const values = new Set<unknown>(gone);
  result[name] = list.filter((item) => !values.has(item));
}

function mergeList(
  target: readonly unknown[],
  patch: readonly unknown[],
  rules: FieldRules,
): readonly unknown[] {
  const kind = elementKindOf(target, patch);
  if (kind === "list") throw unprocessable("lists of lists are not supported");
  if (kind !== "map") return mergeInOrder([...new Set([...target, ...patch])], patch, target, undefined);
  const { mergeKey } = rules;
  if (mergeKey === undefined) throw badRequest("cannot merge lists without merge key for the list's items");
  // What they are was looked at above.
  const items = patch as readonly JsonObject[];
  const rest = withoutDeleted(target, items, mergeKey);
  const given = items.filter((item) => item[patchDirective] === undefined);
  const merged = [...rest];
  const places = placesByKey(rest, mergeKey);
  for (const item of given) {
    const key = own(item, mergeKey);
    if (key === undefined) throw noMergeKey(item, mergeKey);
    const at = places.get(key) ?? merged.length;
    const old = merged[at];
    if (isObject(old)) merged[at] = mergeMap(old, item, rules.schema);
    else {
      places.set(key, at);
      merged.push(clean(item));
    }
  }
  return mergeInOrder(merged, given, rest, mergeKey);
}

/** Where the first item of each key is. */
function placesByKey(list: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const places = new Map<unknown, number>();
  for (const [at, item] of list.entries()) {
    const key = isObject(item) ? own(item, mergeKey) : undefined;
    if (key !== undefined && !places.has(key)) places.set(key, at);
  }
  return places;
}

/** The target's items that no item of the patch deletes; none, if the patch replaces the list. */
function withoutDeleted(
  target: readonly unknown[],
  patch: readonly JsonObject[],
  mergeKey: string,
): readonly unknown[] {
  const deleted = new Set<unknown>();
  let isReplaced = false;
  for (const item of patch) {
    const directive = item[patchDirective];
    if (directive === undefined) continue;
    if (directive === "delete") {
      const key = own(item, mergeKey);
      if (key === undefined) throw noMergeKey(item, mergeKey);
      deleted.add(key);
    } else if (directive === "replace") isReplaced = true;
    else if (directive === "merge") throw badRequest("merging lists cannot yet be specified in the patch");
    else throw unknownPatchType(directive, item);
  }
  if (isReplaced) return [];
  return target.filter((item) => !isObject(item) || !deleted.has(own(item, mergeKey)));
}

function rulesOf(schema: Schema | undefined, name: string, value: unknown): FieldRules {
  const field = fieldSchemaOf(schema, name);
  if (!field) return { schema: undefined, strategy: undefined, mergeKey: undefined };
  const strategies = textOf(field["x-kubernetes-patch-strategy"])?.split(",");
  const stated = strategies?.find((one) => one === "merge" || one === "replace");
  const mergeKey = textOf(field["x-kubernetes-patch-merge-key"]);
  if (!Array.isArray(value)) return { schema: field, strategy: asStrategy(stated), mergeKey };
  const listType = field["x-kubernetes-list-type"];
  const isMerged = listType === "set" || listType === "map";
  return {
    schema: field.items,
    strategy: strategies ? asStrategy(stated) : isMerged ? "merge" : undefined,
    mergeKey: mergeKey ?? (listType === "map" ? field["x-kubernetes-list-map-keys"]?.[0] : undefined),
  };
}

function asStrategy(text: string | undefined): FieldRules["strategy"] {
  return text === "merge" || text === "replace" ? text : undefined;
}

function fieldSchemaOf(schema: Schema | undefined, name: string): Schema | undefined {
  const { properties, additionalProperties } = schema ?? {};
  if (properties && Object.hasOwn(properties, name)) return properties[name];
  return isObject(additionalProperties) ? additionalProperties : undefined;
}

function listNameOf(directive: string, prefix: string, complaint: string): string {
  if (!directive.startsWith(`${prefix}/`)) throw badRequest(complaint);
  return directive.slice(prefix.length + 1);
}

function isDirective(name: string): boolean {
  return (
    name === patchDirective ||
    name === retainDirective ||
    name.startsWith(orderDirective) ||
    name.startsWith(deleteDirective)
  );
}

/** What of a patch becomes part of the object where there was nothing to merge with: no directives, no nulls. */
function clean(patch: JsonObject): JsonObject {
  const entries = Object.entries(patch).flatMap(([name, value]): [string, unknown][] => {
    if (isDirective(name)) return [];
    const cleaned = cleanValue(value);
    return cleaned === undefined ? [] : [[name, cleaned]];
  });
  return Object.fromEntries(entries);
}

/** undefined: a null, or a value that only says what becomes of an old one. */
function cleanValue(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return cleanList(value);
  if (!isObject(value)) return value;
  return value[patchDirective] === undefined ? clean(value) : undefined;
}

function cleanList(list: readonly unknown[]): readonly unknown[] {
  return list.flatMap((item) => {
    if (item === null) return [null];
    const cleaned = cleanValue(item);
    return cleaned === undefined ? [] : [cleaned];
  });
}

function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function set(object: JsonObject, name: string, value: unknown): void {
  if (value === undefined) delete object[name];
  else object[name] = value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
