import type { Type } from "./language/types.ts";

/**
 * What expressions compute with. Integers are bigints and doubles numbers, so that the two never mix by accident;
 * errors are values, because `||`, `&&` and the macros look past them.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | ListValue
  | MapValue
  | OptionalValue
  | TypeValue
  | OpaqueValue
  | ErrorValue;

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970, and the offset in which it was written, which only its text shows. */
export class Timestamp {
  readonly nanos: bigint;
  readonly offsetMinutes: number;
  constructor(nanos: bigint, offsetMinutes = 0) {
    this.nanos = nanos;
    this.offsetMinutes = offsetMinutes;
  }
}

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** How two lists that are declared as such compare and add: by position, as sets, or as maps by their items' keys. */
export type ListSemantics =
  | { readonly kind: "atomic" }
  | { readonly kind: "set" }
  | { readonly kind: "map"; readonly keys: readonly string[] };

export interface ListValue {
  readonly kind: "list";
  readonly size: number;
  readonly semantics: ListSemantics;
  /** Of an index below the size. */
  at(index: number): Value;
}

export interface MapValue {
  readonly kind: "map";
  readonly size: number;
  /** Undefined: no such key. */
  find(key: Value): Value | undefined;
  keys(): Iterable<Value>;
  /** Whether what no key names is equal too. Absent: there is nothing hidden. */
  equalsHidden?(other: MapValue): boolean;
}

export class OptionalValue {
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export class TypeValue {
  readonly type: Type;
  constructor(type: Type) {
    this.type = type;
  }
}

/** A value of a library: compared and measured by its own rules. */
export interface OpaqueValue {
  readonly kind: "opaque";
  readonly typeName: string;
  equals(other: OpaqueValue): boolean;
  /** What cost formulas count of it. */
  readonly size: number;
}

export class ErrorValue {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export const noSuchOverload = new ErrorValue("no such overload");
export const absent = new OptionalValue(undefined);

export function isError(value: unknown): value is ErrorValue {
  return value instanceof ErrorValue;
}

export function isList(value: unknown): value is ListValue {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "list";
}

export function isMap(value: unknown): value is MapValue {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "map";
}

export function isOpaque(value: unknown): value is OpaqueValue {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "opaque";
}

const atomic: ListSemantics = { kind: "atomic" };

/** A list made by an expression. `values` grows only while a comprehension collects into it. */
export class ArrayList implements ListValue {
  readonly kind = "list";
  readonly values: Value[];
  readonly semantics: ListSemantics;

  constructor(values: Value[], semantics: ListSemantics = atomic) {
    this.values = values;
    this.semantics = semantics;
  }

  get size(): number {
    return this.values.length;
  }

  at(index: number): Value {
    return this.values[index] ?? null;
  }
}

/** A map made by an expression. */
export class TableMap implements MapValue {
  readonly kind = "map";
  readonly #entries = new Map<string, readonly [Value, Value]>();

  get size(): number {
    return this.#entries.size;
  }

  find(key: Value): Value | undefined {
    const identity = keyIdentity(key);
    return identity === undefined ? undefined : this.#entries.get(identity)?.[1];
  }

  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }

  /** False: the key is there already, or can be none. */
  insert(key: Value, value: Value): boolean {
    const identity = keyIdentity(key);
    if (identity === undefined || this.#entries.has(identity)) return false;
    this.#entries.set(identity, [key, value]);
    return true;
  }

  static of(entries: Iterable<readonly [Value, Value]>): TableMap {
    const map = new TableMap();
    for (const [key, value] of entries) map.insert(key, value);
    return map;
  }
}

/** Equal numbers of different types are one key. */
export function keyIdentity(key: Value): string | undefined {
  if (typeof key === "string") return `s${key}`;
  if (typeof key === "boolean") return `b${key}`;
  if (typeof key === "bigint") return `n${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === "number" && Number.isInteger(key)) return `n${BigInt(key)}`;
  return undefined;
}

export function listItems(list: ListValue): Value[] {
  if (list instanceof ArrayList) return list.values;
  return Array.from({ length: list.size }, (_, at) => list.at(at));
}

export function stringList(values: readonly string[]): ListValue {
  return new ArrayList([...values]);
}

/** A map's key as messages show it. */
export function showKey(key: Value): string {
  if (key instanceof Uint) return String(key.value);
  return typeof key === "object" ? "?" : String(key);
}

/** Characters as CEL has them. */
export function codePoints(text: string): string[] {
  return Array.from(text);
}

/** Characters as CEL counts them: code points. */
export function characterCount(text: string): number {
  let pairs = 0;
  for (let at = 0; at < text.length - 1; at++) {
    if ((text.charCodeAt(at) & 0xfc00) !== 0xd800) continue;
    if ((text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) pairs++;
  }
  return text.length - pairs;
}

/** The size that cost formulas count. */
export function costSize(value: Value): number {
  if (typeof value === "string") return characterCount(value);
  if (value instanceof Uint8Array) return value.length;
  if (isList(value) || isMap(value) || isOpaque(value)) return value.size;
  return 1;
}
