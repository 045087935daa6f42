import { compare, equal, itemKey, scalarIdentity } from "../equality.ts";
import * as types from "../language/types.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  parameter,
  STRING,
  TIMESTAMP,
  UINT,
} from "../language/types.ts";
import type { Meter } from "../meter.ts";
import {
  ArrayList,
  ErrorValue,
  isError,
  isMap,
  listItems,
  type ListValue,
  type MapValue,
  showKey,
  Uint,
  type Value,
} from "../values.ts";
import { define, type Overload } from "./declare.ts";
import { durationOf, timestampOf } from "./time-ranges.ts";

const A = parameter("A");
const B = parameter("B");

const intOverflow = new ErrorValue("integer overflow");
const uintOverflow = new ErrorValue("unsigned integer overflow");
const divisionByZero = new ErrorValue("division by zero");
const modulusByZero = new ErrorValue("modulus by zero");

export function intOf(value: bigint): Value {
  return BigInt.asIntN(64, value) === value ? value : intOverflow;
}

export function uintOf(value: bigint): Value {
  return BigInt.asUintN(64, value) === value ? new Uint(value) : uintOverflow;
}

const arithmetic: readonly Overload[] = [
  define(["_+_", "add_int64"], [INT, INT], INT, ([a, b]) => intOf(a + b)),
  define(["_+_", "add_uint64"], [UINT, UINT], UINT, ([a, b]) => uintOf(a.value + b.value)),
  define(["_+_", "add_double"], [DOUBLE, DOUBLE], DOUBLE, ([a, b]) => a + b),
  define(["_+_", "add_string"], [STRING, STRING], STRING, ([a, b]) => a + b),
  define(["_+_", "add_bytes"], [BYTES, BYTES], BYTES, ([a, b]) => new Uint8Array(Buffer.concat([a, b]))),
  define(["_+_", "add_list"], [listOf(A), listOf(A)], listOf(A), ([a, b], meter) => concatenate(a, b, meter)),
  define(["_+_", "add_duration_duration"], [DURATION, DURATION], DURATION, ([a, b]) =>
    durationOf(a.nanos + b.nanos),
  ),
  define(["_+_", "add_duration_timestamp"], [DURATION, TIMESTAMP], TIMESTAMP, ([a, b]) =>
    timestampOf(a.nanos + b.nanos, b.offsetMinutes),
  ),
  define(["_+_", "add_timestamp_duration"], [TIMESTAMP, DURATION], TIMESTAMP, ([a, b]) =>
    timestampOf(a.nanos + b.nanos, a.offsetMinutes),
  ),
  define(["_-_", "subtract_int64"], [INT, INT], INT, ([a, b]) => intOf(a - b)),
  define(["_-_", "subtract_uint64"], [UINT, UINT], UINT, ([a, b]) => uintOf(a.value - b.value)),
  define(["_-_", "subtract_double"], [DOUBLE, DOUBLE], DOUBLE, ([a, b]) => a - b),
  define(["_-_", "subtract_duration_duration"], [DURATION, DURATION], DURATION, ([a, b]) =>
    durationOf(a.nanos - b.nanos),
  ),
  define(["_-_", "subtract_timestamp_duration"], [TIMESTAMP, DURATION], TIMESTAMP, ([a, b]) =>
    timestampOf(a.nanos - b.nanos, a.offsetMinutes),
  ),
  define(["_-_", "subtract_timestamp_timestamp"], [TIMESTAMP, TIMESTAMP], DURATION, ([a, b]) =>
    durationOf(a.nanos - b.nanos),
  ),
  define(["_*_", "multiply_int64"], [INT, INT], INT, ([a, b]) => intOf(a * b)),
  define(["_*_", "multiply_uint64"], [UINT, UINT], UINT, ([a, b]) => uintOf(a.value * b.value)),
  define(["_*_", "multiply_double"], [DOUBLE, DOUBLE], DOUBLE, ([a, b]) => a * b),
  define(["_/_", "divide_int64"], [INT, INT], INT, ([a, b]) => (b === 0n ? divisionByZero : intOf(a / b))),
  define(["_/_", "divide_uint64"], [UINT, UINT], UINT, ([a, b]) =>
    b.value === 0n ? divisionByZero : uintOf(a.value / b.value),
  ),
  define(["_/_", "divide_double"], [DOUBLE, DOUBLE], DOUBLE, ([a, b]) => a / b),
  define(["_%_", "modulo_int64"], [INT, INT], INT, ([a, b]) => (b === 0n ? modulusByZero : intOf(a % b))),
  define(["_%_", "modulo_uint64"], [UINT, UINT], UINT, ([a, b]) =>
    b.value === 0n ? modulusByZero : uintOf(a.value % b.value),
  ),
  define(["-_", "negate_int64"], [INT], INT, ([a]) => intOf(-a)),
  define(["-_", "negate_double"], [DOUBLE], DOUBLE, ([a]) => -a),
];

/** A longer list could not come from a request, so nobody needs one; a shorter one takes this much work an item. */
export const listSizeMax = 1_000_000;
export const itemToil = 10;
export const listTooLong = new ErrorValue(`a list would have more than ${listSizeMax} items`);

/** The accumulator of a running comprehension grows in place: nothing else can hold it. Otherwise both sides are copied. */
function concatenate(a: ListValue, b: ListValue, meter: Meter): Value {
  if (a.size + b.size > listSizeMax) return listTooLong;
  if (a instanceof Collected) {
    for (let at = 0; at < b.size; at++) a.values.push(b.at(at));
    return a;
  }
  meter.toil((a.size + b.size) * itemToil);
  const { semantics } = a;
  if (semantics.kind === "atomic") return new ArrayList([...listItems(a), ...listItems(b)]);
  const identify = (value: Value) =>
    semantics.kind === "map" && isMap(value)
      ? itemKey(value, semantics.keys, meter)
      : scalarIdentity(value, meter);
  const items = new Map<string, Value>(listItems(a).map((value) => [identify(value), value]));
  for (const value of listItems(b)) {
    const identity = identify(value);
    if (semantics.kind === "map" || !items.has(identity)) items.set(identity, value);
  }
  return new ArrayList([...items.values()], semantics);
}

/** What `map` and `filter` collect into. */
export class Collected extends ArrayList {}

const ordered = [types.BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION] as const;
const kindNames: Readonly<Record<string, string>> = { int: "int64", uint: "uint64" };
const numbers: readonly string[] = ["int", "uint", "double"];

function ordering(
  operator: string,
  idPrefix: string,
  holds: (order: number) => boolean,
): readonly Overload[] {
  return ordered.flatMap((left) =>
    ordered
      .filter((right) => left === right || (numbers.includes(left.kind) && numbers.includes(right.kind)))
      .map((right) => {
        const [a, b] = [left, right].map(({ kind }) => kindNames[kind] ?? kind);
        const id = `${idPrefix}_${a}${a === b ? "" : `_${b}`}`;
        return define([operator, id], [left, right], BOOL, ([x, y], meter) => {
          const order = compare(x, y, meter);
          return isError(order) ? order : holds(order);
        });
      }),
  );
}

const comparison: readonly Overload[] = [
  define(["_==_", "equals"], [A, A], BOOL, ([a, b], meter) => equal(a, b, meter)),
  define(["_!=_", "not_equals"], [A, A], BOOL, ([a, b], meter) => !equal(a, b, meter)),
  ...ordering("_<_", "less", (order) => order < 0),
  ...ordering("_<=_", "less_equals", (order) => order <= 0),
  ...ordering("_>_", "greater", (order) => order > 0),
  ...ordering("_>=_", "greater_equals", (order) => order >= 0),
];

/** `&&`, `||` and `?:` are evaluated by the interpreter; here they have only their types. */
const logic: readonly Overload[] = [
  define(["_&&_", "logical_and"], [BOOL, BOOL], BOOL, ([a, b]) => a && b),
  define(["_||_", "logical_or"], [BOOL, BOOL], BOOL, ([a, b]) => a || b),
  define(["_?_:_", "conditional"], [BOOL, A, A], A, ([condition, yes, no]) => (condition ? yes : no)),
  define(["!_", "logical_not"], [BOOL], BOOL, ([a]) => !a),
  define(["@not_strictly_false", "not_strictly_false"], [BOOL], BOOL, ([a]) => a),
];

export function contains(list: ListValue, value: Value, meter: Meter): boolean {
  for (let at = 0; at < list.size; at++) if (equal(list.at(at), value, meter)) return true;
  return false;
}

const containers: readonly Overload[] = [
  define(["@in", "in_list"], [A, listOf(A)], BOOL, ([value, list], meter) => contains(list, value, meter)),
  define(["@in", "in_map"], [A, mapOf(A, B)], BOOL, ([key, map]) => map.find(key) !== undefined),
  define(["_[_]", "index_list"], [listOf(A), INT], A, ([list, index]) => itemAt(list, index)),
  define(["_[_]", "index_map"], [mapOf(A, B), A], B, ([map, key]) => itemOf(map, key)),
];

export function itemAt(list: ListValue, index: Value): Value {
  const at = wholeNumber(index);
  if (at === undefined) return new ErrorValue("unsupported index type");
  if (at < 0 || at >= list.size) return new ErrorValue(`index out of bounds: ${at}`);
  return list.at(at);
}

function wholeNumber(value: Value): number | undefined {
  const number = value instanceof Uint ? value.value : value;
  if (typeof number === "bigint") return Number(number);
  return typeof number === "number" && Number.isInteger(number) ? number : undefined;
}

/** A null is a value like any other. */
export function itemOf(map: MapValue, key: Value): Value {
  const value = map.find(key);
  return value === undefined ? noSuchKey(key) : value;
}

function noSuchKey(key: Value): ErrorValue {
  return new ErrorValue(`no such key: ${showKey(key)}`);
}

export const operators: readonly Overload[] = [...arithmetic, ...comparison, ...logic, ...containers];

/** For the checker only: dyn(x). */
export const dynamic: Overload = define(["dyn", "to_dyn"], [A], DYN, ([value]) => value);
