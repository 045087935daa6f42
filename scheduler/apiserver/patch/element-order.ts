/** The order of lists that strategic merge patches merge. */
import { isObject } from "../resource.ts";
import { badRequest } from "../status.ts";
import { badArgument, noMergeKey } from "./patch-errors.ts";
import { showGo } from "../apply/show-go.ts";

/**
 * The items that `order` names in its order, and the others, in the order that the server has them, each before the first
 * ordered item that the server has behind it.
 */
export function mergeInOrder(
  items: readonly unknown[],
  order: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string | undefined,
): readonly unknown[] {
  const wanted = ranksOf(order, mergeKey);
  const there = ranksOf(serverOrder, mergeKey);
  const rankIn = (ranks: ReadonlyMap<unknown, number>, item: unknown) => ranks.get(keyOf(item, mergeKey));
  const sorted = (list: readonly unknown[], ranks: ReadonlyMap<unknown, number>) =>
    [...list].sort((a, b) => (rankIn(ranks, a) ?? 0) - (rankIn(ranks, b) ?? 0));
  const ordered = sorted(
    items.filter((item) => rankIn(wanted, item) !== undefined),
    wanted,
  );
  const others = sorted(
    items.filter((item) => rankIn(wanted, item) === undefined),
    there,
  );
  const merged: unknown[] = [];
  let at = 0;
  for (const item of others) {
    const rank = rankIn(there, item);
    for (; at < ordered.length; at++) {
      const next = rankIn(there, ordered[at]);
      if (rank !== undefined && next !== undefined && rank < next) break;
      merged.push(ordered[at]);
    }
    merged.push(item);
  }
  return [...merged, ...ordered.slice(at)];
}

/**
 * What counts as the server's order of a list that was merged: its items that are left, and behind them, in the places of
 * those that were deleted, the first new ones. So it comes out in Kubernetes.
 */
export function orderOnServer(
  server: readonly unknown[],
  patch: readonly unknown[],
  merged: readonly unknown[],
  mergeKey: string | undefined,
): readonly unknown[] {
  const [there, left] = [ranksOf(server, mergeKey), ranksOf(merged, mergeKey)];
  const rest = server.filter((item) => left.has(keyOf(item, mergeKey)));
  const added = patch.filter((item) => {
    const key = keyOf(item, mergeKey);
    return left.has(key) && !there.has(key);
  });
  return [...rest, ...added].slice(0, server.length);
}

/** The items of a patch must be named by its `$setElementOrder`, in the same order. */
export function checkOrder(
  patch: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
): void {
  for (const item of order) checkKey(item, mergeKey);
  const given = patch.filter((item) => !isObject(item) || item["$patch"] === undefined);
  for (const item of given) checkKey(item, mergeKey);
  if (order.length === 0 || given.length === 0) return;
  let at = 0;
  for (const item of order)
    if (at < given.length && keyOf(given[at], mergeKey) === keyOf(item, mergeKey)) at++;
  if (at < given.length)
    throw badRequest(
      `The order in patch list:\n${showGo(patch)}\n doesn't match $setElementOrder list:\n${showGo(order)}\n`,
    );
}

function checkKey(item: unknown, mergeKey: string | undefined): void {
  if (mergeKey === undefined) return;
  if (!isObject(item)) throw badArgument("map[string]interface {}", item);
  if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
}

function ranksOf(list: readonly unknown[], mergeKey: string | undefined): ReadonlyMap<unknown, number> {
  const ranks = new Map<unknown, number>();
  for (const [at, item] of list.entries()) {
    const key = keyOf(item, mergeKey);
    if (!ranks.has(key)) ranks.set(key, at);
  }
  return ranks;
}

function keyOf(item: unknown, mergeKey: string | undefined): unknown {
  if (mergeKey === undefined || !isObject(item)) return item;
  return Object.hasOwn(item, mergeKey) ? item[mergeKey] : undefined;
}
