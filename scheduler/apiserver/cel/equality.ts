import type { Meter } from "./meter.ts";
import {
  Duration,
  ErrorValue,
  isList,
  isMap,
  isOpaque,
  keyIdentity,
  type ListValue,
  type MapValue,
  noSuchOverload,
  OptionalValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "./values.ts";
import { sameType } from "./language/types.ts";

/** CEL's `==`: numbers compare across types, values of different types differ. */
export function equal(a: Value, b: Value, meter: Meter): boolean {
  meter.toil(1);
  if (a === b) {
    if (typeof a === "string") meter.toil(a.length / 8);
    return true;
  }
  const [left, right] = [numeric(a), numeric(b)];
  if (left !== undefined && right !== undefined) return left === right || compareNumbers(left, right) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof TypeValue) return b instanceof TypeValue && sameKind(a, b);
  if (a instanceof OptionalValue) {
    if (!(b instanceof OptionalValue)) return false;
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equal(a.value, b.value, meter);
  }
  if (isList(a)) return isList(b) && equalLists(a, b, meter);
  if (isMap(a)) return isMap(b) && equalMaps(a, b, meter);
  if (isOpaque(a)) return isOpaque(b) && a.typeName === b.typeName && a.equals(b);
  return false;
}

/** `type([1]) == type(["a"])`: types of values have no parameters. */
function sameKind(a: TypeValue, b: TypeValue): boolean {
  const [left, right] = [a.type, b.type];
  if (left.kind === "list" || left.kind === "map") return left.kind === right.kind;
  if (left.kind === "opaque" && right.kind === "opaque") return left.name === right.name;
  if (left.kind === "type") return right.kind === "type";
  return sameType(left, right);
}

function numeric(value: Value): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return value instanceof Uint ? value.value : undefined;
}

/** Either side's declaration decides: sets and maps do not care for order. */
function equalLists(a: ListValue, b: ListValue, meter: Meter): boolean {
  if (a.size !== b.size) return false;
  const { semantics } = a;
  if (semantics.kind === "atomic" && b.semantics.kind !== "atomic") return equalLists(b, a, meter);
  if (semantics.kind === "map") {
    const mine = itemsByKey(a, semantics.keys, meter);
    return every(b.size, (at) => {
      const other = b.at(at);
      const own = mine.get(itemKey(other, semantics.keys, meter));
      return own !== undefined && equal(own, other, meter);
    });
  }
  if (semantics.kind === "set") {
    const mine = new Set<string>();
    for (let at = 0; at < a.size; at++) mine.add(scalarIdentity(a.at(at), meter));
    return every(b.size, (at) => mine.has(scalarIdentity(b.at(at), meter)));
  }
  return every(a.size, (at) => equal(a.at(at), b.at(at), meter));
}

function every(size: number, holds: (at: number) => boolean): boolean {
  for (let at = 0; at < size; at++) if (!holds(at)) return false;
  return true;
}

function itemsByKey(list: ListValue, keys: readonly string[], meter: Meter): Map<string, Value> {
  const items = new Map<string, Value>();
  for (let at = 0; at < list.size; at++) items.set(itemKey(list.at(at), keys, meter), list.at(at));
  return items;
}

export function itemKey(item: Value, keys: readonly string[], meter: Meter): string {
  if (!isMap(item)) return "";
  return JSON.stringify(keys.map((key) => scalarIdentity(item.find(key) ?? null, meter)));
}

/** Items of sets and keys of map lists are scalars, so a text tells them apart. */
export function scalarIdentity(value: Value, meter: Meter): string {
  const identity = keyIdentity(value) ?? otherIdentity(value);
  meter.toil(identity.length);
  return identity;
}

function otherIdentity(value: Value): string {
  if (value instanceof Timestamp) return `t${value.nanos}`;
  if (value instanceof Duration) return `d${value.nanos}`;
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString("base64")}`;
  return "?";
}

function equalMaps(a: MapValue, b: MapValue, meter: Meter): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    meter.toil(1);
    const [own, other] = [a.find(key), b.find(key)];
    if (own === undefined && other === undefined) continue;
    if (own === undefined || other === undefined || !equal(own, other, meter)) return false;
  }
  return a.equalsHidden?.(b) ?? true;
}

/** -1, 0 or 1; an error where the two have no order. */
export function compare(a: Value, b: Value, meter: Meter): number | ErrorValue {
  const [left, right] = [numeric(a), numeric(b)];
  if (left !== undefined && right !== undefined) {
    const result = compareNumbers(left, right);
    return Number.isNaN(result) ? new ErrorValue("NaN values cannot be ordered") : result;
  }
  if (typeof a === "string" && typeof b === "string") {
    meter.toil(Math.min(a.length, b.length));
    return compareStrings(a, b);
  }
  if (typeof a === "boolean" && typeof b === "boolean") return order(Number(a), Number(b));
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos);
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return noSuchOverload;
}

/** An integer meets a double as a double. NaN equals nothing and has no order. */
function compareNumbers(a: bigint | number, b: bigint | number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return NaN;
  return typeof a === typeof b ? order(a, b) : order(Number(a), Number(b));
}

function order(a: bigint | number, b: bigint | number): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

/** By code points, as UTF-8 sorts, not by UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    return order(surrogatesLast(left), surrogatesLast(right));
  }
  return order(a.length, b.length);
}

function surrogatesLast(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
