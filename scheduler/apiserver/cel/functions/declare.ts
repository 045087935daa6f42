import type { Meter } from "../meter.ts";
import { type Type, typeParameters } from "../language/types.ts";
import {
  Duration,
  isList,
  isMap,
  isOpaque,
  type ListValue,
  type MapValue,
  type OpaqueValue,
  OptionalValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "../values.ts";

/** One way to call a function. The id is cel-go's: costs are told apart by it. */
export interface Overload {
  readonly id: string;
  readonly name: string;
  readonly isMethod: boolean;
  /** With the target first. */
  readonly parameters: readonly Type[];
  readonly result: Type;
  /** Whether the types have variables, which each call fills in anew. */
  readonly isGeneric: boolean;
  /** Only ever called with arguments that `acceptsAll` has accepted. */
  readonly call: (values: readonly Value[], meter: Meter) => Value;
}

interface ValueOfKind {
  readonly bool: boolean;
  readonly int: bigint;
  readonly uint: Uint;
  readonly double: number;
  readonly string: string;
  readonly bytes: Uint8Array;
  readonly timestamp: Timestamp;
  readonly duration: Duration;
  readonly list: ListValue;
  readonly map: MapValue;
  readonly type: TypeValue;
  readonly opaque: OpaqueValue | OptionalValue;
}
type ValueOf<T extends Type> = T["kind"] extends keyof ValueOfKind ? ValueOfKind[T["kind"]] : Value;
type ValuesOf<P extends readonly Type[]> = { readonly [K in keyof P]: ValueOf<P[K]> };

type Implementation<P extends readonly Type[]> = (values: ValuesOf<P>, meter: Meter) => Value;

function declare<const P extends readonly Type[]>(
  isMethod: boolean,
  [name, id]: readonly [name: string, id: string],
  parameters: P,
  result: Type,
  call: Implementation<P>,
): Overload {
  // The one cast that spares every function its own checks: calls are made after `acceptsAll`.
  const isGeneric = [...parameters, result].some(hasVariable);
  return { id, name, isMethod, parameters, result, isGeneric, call: call as unknown as Overload["call"] };
}

function hasVariable(type: Type): boolean {
  return type.kind === "parameter" || typeParameters(type).some(hasVariable);
}

/** `define(["size", "size_string"], [STRING], INT, ([text]) => …)` */
export function define<const P extends readonly Type[]>(
  names: readonly [name: string, id: string],
  parameters: P,
  result: Type,
  call: Implementation<P>,
): Overload {
  return declare(false, names, parameters, result, call);
}

/** The first parameter is the target. */
export function defineMethod<const P extends readonly Type[]>(
  names: readonly [name: string, id: string],
  parameters: P,
  result: Type,
  call: Implementation<P>,
): Overload {
  return declare(true, names, parameters, result, call);
}

/** Whether the values are of the kinds that an overload takes: dynamic values meet their types only here. */
export function acceptsAll({ parameters }: Overload, values: readonly Value[]): boolean {
  if (parameters.length !== values.length) return false;
  for (let at = 0; at < values.length; at++) {
    const [type, value] = [parameters[at], values[at]];
    if (!type || value === undefined || !accepts(type, value)) return false;
  }
  return true;
}

function accepts(type: Type, value: Value): boolean {
  switch (type.kind) {
    case "bool":
      return typeof value === "boolean";
    case "int":
      return typeof value === "bigint";
    case "uint":
      return value instanceof Uint;
    case "double":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "bytes":
      return value instanceof Uint8Array;
    case "timestamp":
      return value instanceof Timestamp;
    case "duration":
      return value instanceof Duration;
    case "null":
      return value === null;
    case "list":
      return isList(value);
    case "map":
      return isMap(value);
    case "type":
      return value instanceof TypeValue;
    case "opaque":
      if (value instanceof OptionalValue) return type.name === "optional_type";
      return isOpaque(value) && value.typeName === type.name;
    default:
      return true;
  }
}
