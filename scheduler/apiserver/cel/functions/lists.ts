import { compare, equal } from "../equality.ts";
import * as types from "../language/types.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  INT,
  listOf,
  parameter,
  STRING,
  TIMESTAMP,
  UINT,
} from "../language/types.ts";
import type { Meter } from "../meter.ts";
import {
  absent,
  ArrayList,
  Duration,
  ErrorValue,
  isError,
  isList,
  listItems,
  type ListValue,
  OptionalValue,
  Uint,
  type Value,
} from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";
import { contains, intOf, itemToil, listSizeMax, listTooLong, uintOf } from "./operators.ts";
import { durationOf } from "./time-ranges.ts";

const T = parameter("T");
const anyList = listOf(T);

const comparable = [INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES] as const;
const summable: readonly (readonly [types.Type, string, Value])[] = [
  [INT, "int", 0n],
  [UINT, "uint", new Uint(0n)],
  [DOUBLE, "double", 0],
  [DURATION, "duration", new Duration(0n)],
];

function isSorted(list: ListValue, meter: Meter): Value {
  for (let at = 1; at < list.size; at++) {
    const order = compare(list.at(at - 1), list.at(at), meter);
    if (isError(order)) return order;
    if (order > 0) return false;
  }
  return true;
}

function sum(list: ListValue, start: Value): Value {
  let total = start;
  for (let at = 0; at < list.size; at++) {
    total = add(total, list.at(at));
    if (isError(total)) return total;
  }
  return total;
}

function add(a: Value, b: Value): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return intOf(a + b);
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a instanceof Uint && b instanceof Uint) return uintOf(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return durationOf(a.nanos + b.nanos);
  return new ErrorValue("no such overload");
}

function extreme(name: string, list: ListValue, sign: number, meter: Meter): Value {
  if (list.size === 0) return new ErrorValue(`${name} called on empty list`);
  let best = list.at(0);
  for (let at = 1; at < list.size; at++) {
    const order = compare(list.at(at), best, meter);
    if (isError(order)) return order;
    if (order * sign > 0) best = list.at(at);
  }
  return best;
}

function indexOf(list: ListValue, value: Value, meter: Meter): Value {
  for (let at = 0; at < list.size; at++) if (equal(list.at(at), value, meter)) return BigInt(at);
  return -1n;
}

function lastIndexOf(list: ListValue, value: Value, meter: Meter): Value {
  for (let at = list.size - 1; at >= 0; at--) if (equal(list.at(at), value, meter)) return BigInt(at);
  return -1n;
}

/** Kubernetes' own list library. */
const kubernetes: readonly Overload[] = [
  ...comparable.flatMap((type) => [
    defineMethod(["isSorted", `list_${type.kind}_is_sorted_bool`], [listOf(type)], BOOL, ([list], meter) =>
      isSorted(list, meter),
    ),
    defineMethod(["max", `list_${type.kind}_max_${type.kind}`], [listOf(type)], type, ([list], meter) =>
      extreme("max", list, 1, meter),
    ),
    defineMethod(["min", `list_${type.kind}_min_${type.kind}`], [listOf(type)], type, ([list], meter) =>
      extreme("min", list, -1, meter),
    ),
  ]),
  ...summable.map(([type, name, start]) =>
    defineMethod(["sum", `list_${name}_sum_${name}`], [listOf(type)], type, ([list]) =>
      sum(list, isList(list) && list.size > 0 ? zeroLike(list.at(0), start) : start),
    ),
  ),
  defineMethod(["indexOf", "list_a_index_of_int"], [anyList, T], INT, ([list, value], meter) =>
    indexOf(list, value, meter),
  ),
  defineMethod(["lastIndexOf", "list_a_last_index_of_int"], [anyList, T], INT, ([list, value], meter) =>
    lastIndexOf(list, value, meter),
  ),
];

/** A list of dynamic type meets the first overload; its items say which sum is meant. */
function zeroLike(item: Value, start: Value): Value {
  if (typeof item === "bigint") return 0n;
  if (typeof item === "number") return 0;
  if (item instanceof Uint) return new Uint(0n);
  return item instanceof Duration ? new Duration(0n) : start;
}

function slice(list: ListValue, start: bigint, end: bigint): Value {
  const name = `cannot slice(${start}, ${end})`;
  if (start < 0n || end < 0n) return new ErrorValue(`${name}, negative indexes not supported`);
  if (start > end) return new ErrorValue(`${name}, start index must be less than or equal to end index`);
  if (end > BigInt(list.size)) return new ErrorValue(`${name}, list is length ${list.size}`);
  return new ArrayList(listItems(list).slice(Number(start), Number(end)));
}

function flatten(list: ListValue, depth: bigint, meter: Meter): Value {
  if (depth < 0n) return new ErrorValue("level must be non-negative");
  const result: Value[] = [];
  const take = (from: ListValue, left: bigint): void => {
    meter.toil(from.size * itemToil + 1);
    if (result.length + from.size > listSizeMax) return;
    for (const value of listItems(from)) {
      if (isList(value) && left > 0n) take(value, left - 1n);
      else result.push(value);
    }
  };
  take(list, depth);
  return result.length >= listSizeMax ? listTooLong : new ArrayList(result);
}

function distinct(list: ListValue, meter: Meter): Value {
  const result = new ArrayList([]);
  for (const value of listItems(list)) if (!contains(result, value, meter)) result.values.push(value);
  return result;
}

function sortBy(list: ListValue, keys: ListValue, meter: Meter): Value {
  if (list.size !== keys.size)
    return new ErrorValue(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.size} and ${keys.size} elements respectively`,
    );
  let problem: ErrorValue | undefined;
  const order = Array.from({ length: list.size }, (_, at) => at).toSorted((a, b) => {
    const result = compare(keys.at(a), keys.at(b), meter);
    if (!isError(result)) return result;
    problem = new ErrorValue("list elements must have the same type");
    return 0;
  });
  return problem ?? new ArrayList(order.map((at) => list.at(at)));
}

function range(count: bigint): Value {
  if (count > listSizeMax) return listTooLong;
  return new ArrayList(Array.from({ length: Math.max(0, Number(count)) }, (_, at) => BigInt(at)));
}

/** Version 3 of cel-go's list extension. */
const extension: readonly Overload[] = [
  defineMethod(["slice", "list_slice"], [anyList, INT, INT], anyList, ([list, start, end]) =>
    slice(list, start, end),
  ),
  defineMethod(["flatten", "list_flatten"], [listOf(anyList)], anyList, ([list], meter) =>
    flatten(list, 1n, meter),
  ),
  defineMethod(
    ["flatten", "list_flatten_int"],
    [listOf(types.DYN), INT],
    listOf(types.DYN),
    ([list, depth], meter) => flatten(list, depth, meter),
  ),
  ...comparable.flatMap((type) => [
    defineMethod(["sort", `list_${type.kind}_sort`], [listOf(type)], listOf(type), ([list], meter) =>
      sortBy(list, list, meter),
    ),
    defineMethod(
      ["@sortByAssociatedKeys", `list_${type.kind}_sortByAssociatedKeys`],
      [anyList, listOf(type)],
      anyList,
      ([list, keys], meter) => sortBy(list, keys, meter),
    ),
  ]),
  define(["lists.range", "lists_range"], [INT], listOf(INT), ([count]) => range(count)),
  defineMethod(
    ["reverse", "list_reverse"],
    [anyList],
    anyList,
    ([list]) => new ArrayList(listItems(list).toReversed()),
  ),
  defineMethod(["distinct", "list_distinct"], [anyList], anyList, ([list], meter) => distinct(list, meter)),
  defineMethod(["first", "list_first"], [anyList], types.optionalOf(T), ([list]) =>
    list.size === 0 ? absent : new OptionalValue(list.at(0)),
  ),
  defineMethod(["last", "list_last"], [anyList], types.optionalOf(T), ([list]) =>
    list.size === 0 ? absent : new OptionalValue(list.at(list.size - 1)),
  ),
];

function containsAll(list: ListValue, part: ListValue, meter: Meter): boolean {
  for (let at = 0; at < part.size; at++) if (!contains(list, part.at(at), meter)) return false;
  return true;
}

function intersects(a: ListValue, b: ListValue, meter: Meter): boolean {
  for (let at = 0; at < a.size; at++) if (contains(b, a.at(at), meter)) return true;
  return false;
}

const sets: readonly Overload[] = [
  define(["sets.contains", "list_sets_contains_list"], [anyList, anyList], BOOL, ([a, b], meter) =>
    containsAll(a, b, meter),
  ),
  define(
    ["sets.equivalent", "list_sets_equivalent_list"],
    [anyList, anyList],
    BOOL,
    ([a, b], meter) => containsAll(a, b, meter) && containsAll(b, a, meter),
  ),
  define(["sets.intersects", "list_sets_intersects_list"], [anyList, anyList], BOOL, ([a, b], meter) =>
    intersects(a, b, meter),
  ),
];

export const lists: readonly Overload[] = [...kubernetes, ...extension, ...sets];
