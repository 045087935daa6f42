import * as types from "../language/types.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  INT,
  listOf,
  mapOf,
  parameter,
  STRING,
  TIMESTAMP,
  UINT,
} from "../language/types.ts";
import {
  characterCount,
  Duration,
  ErrorValue,
  isError,
  isList,
  isMap,
  OptionalValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";
import { dynamic, intOf, uintOf } from "./operators.ts";
import {
  durationOf,
  formatDuration,
  formatTimestamp,
  parseDuration,
  parseTimestamp,
  timestampOf,
} from "./time-ranges.ts";

const A = parameter("A");
const B = parameter("B");

function conversionError(value: string, from: string, to: string): ErrorValue {
  return new ErrorValue(`type conversion error from '${from}' to '${to}'${value === "" ? "" : `: ${value}`}`);
}

const trueTexts = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const falseTexts = new Set(["0", "f", "F", "FALSE", "false", "False"]);

function boolOf(text: string): Value {
  if (trueTexts.has(text)) return true;
  return falseTexts.has(text) ? false : conversionError("", "string", "bool");
}

function integerOf(text: string): Value {
  return /^[+-]?\d{1,40}$/.test(text)
    ? intOf(BigInt(text.replace("+", "")))
    : conversionError("", "string", "int");
}

function unsignedOf(text: string): Value {
  return /^\d{1,40}$/.test(text) ? uintOf(BigInt(text)) : conversionError("", "string", "uint");
}

function doubleOf(text: string): Value {
  if (/^[+-]?(inf|infinity)$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return NaN;
  const isNumber = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text);
  return isNumber ? Number(text) : conversionError("", "string", "double");
}

/** As Go's %g prints them: with an exponent from a million on, and below 0.0001. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const exponential = value.toExponential();
  const exponent = Number(exponential.slice(exponential.indexOf("e") + 1));
  if (exponent >= -4 && exponent < 6) return String(value);
  return exponential.replace(/e([+-])(\d)$/, "e$10$2");
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): Value {
  try {
    return decoder.decode(bytes);
  } catch {
    return new ErrorValue("invalid UTF-8 in bytes, cannot convert to string");
  }
}

const maxInt = 2 ** 63;

function truncated(value: number): Value {
  if (!Number.isFinite(value) || value <= -maxInt || value >= maxInt)
    return new ErrorValue("integer overflow");
  return BigInt(Math.trunc(value));
}

function truncatedUnsigned(value: number): Value {
  if (!Number.isFinite(value) || value < 0 || value >= 2 * maxInt)
    return new ErrorValue("unsigned integer overflow");
  return new Uint(BigInt(Math.trunc(value)));
}

export function typeOfValue(value: Value): types.Type {
  switch (typeof value) {
    case "boolean":
      return BOOL;
    case "bigint":
      return INT;
    case "number":
      return DOUBLE;
    case "string":
      return STRING;
    default:
      break;
  }
  if (value === null) return types.NULL;
  if (value instanceof Uint) return UINT;
  if (value instanceof Timestamp) return TIMESTAMP;
  if (value instanceof Duration) return DURATION;
  if (value instanceof Uint8Array) return BYTES;
  if (value instanceof TypeValue) return types.TYPE;
  if (value instanceof OptionalValue) return types.optionalOf(types.DYN);
  if (isError(value)) return types.ERROR;
  if (isList(value)) return listOf(types.DYN);
  if (isMap(value)) return mapOf(types.DYN, types.DYN);
  return types.opaque(value.typeName);
}

const toText: readonly Overload[] = [
  define(["string", "string_to_string"], [STRING], STRING, ([text]) => text),
  define(["string", "bool_to_string"], [BOOL], STRING, ([value]) => String(value)),
  define(["string", "bytes_to_string"], [BYTES], STRING, ([bytes]) => textOf(bytes)),
  define(["string", "double_to_string"], [DOUBLE], STRING, ([value]) => formatDouble(value)),
  define(["string", "duration_to_string"], [DURATION], STRING, ([value]) => formatDuration(value)),
  define(["string", "int64_to_string"], [INT], STRING, ([value]) => String(value)),
  define(["string", "timestamp_to_string"], [TIMESTAMP], STRING, ([value]) => formatTimestamp(value)),
  define(["string", "uint64_to_string"], [UINT], STRING, ([{ value }]) => String(value)),
];

const toNumber: readonly Overload[] = [
  define(["int", "int64_to_int64"], [INT], INT, ([value]) => value),
  define(["int", "double_to_int64"], [DOUBLE], INT, ([value]) => truncated(value)),
  define(["int", "duration_to_int64"], [DURATION], INT, ([{ nanos }]) => nanos),
  define(["int", "string_to_int64"], [STRING], INT, ([text]) => integerOf(text)),
  define(["int", "timestamp_to_int64"], [TIMESTAMP], INT, ([{ nanos }]) =>
    floorDivide(nanos, 1_000_000_000n),
  ),
  define(["int", "uint64_to_int64"], [UINT], INT, ([{ value }]) => intOf(value)),
  define(["uint", "uint64_to_uint64"], [UINT], UINT, ([value]) => value),
  define(["uint", "double_to_uint64"], [DOUBLE], UINT, ([value]) => truncatedUnsigned(value)),
  define(["uint", "int64_to_uint64"], [INT], UINT, ([value]) => uintOf(value)),
  define(["uint", "string_to_uint64"], [STRING], UINT, ([text]) => unsignedOf(text)),
  define(["double", "double_to_double"], [DOUBLE], DOUBLE, ([value]) => value),
  define(["double", "int64_to_double"], [INT], DOUBLE, ([value]) => Number(value)),
  define(["double", "string_to_double"], [STRING], DOUBLE, ([text]) => doubleOf(text)),
  define(["double", "uint64_to_double"], [UINT], DOUBLE, ([{ value }]) => Number(value)),
];

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

const toOthers: readonly Overload[] = [
  define(["bool", "bool_to_bool"], [BOOL], BOOL, ([value]) => value),
  define(["bool", "string_to_bool"], [STRING], BOOL, ([text]) => boolOf(text)),
  define(["bytes", "bytes_to_bytes"], [BYTES], BYTES, ([bytes]) => bytes),
  define(["bytes", "string_to_bytes"], [STRING], BYTES, ([text]) => new Uint8Array(Buffer.from(text))),
  define(["duration", "duration_to_duration"], [DURATION], DURATION, ([value]) => value),
  define(["duration", "int64_to_duration"], [INT], DURATION, ([value]) => durationOf(value)),
  define(
    ["duration", "string_to_duration"],
    [STRING],
    DURATION,
    ([text]) => parseDuration(text) ?? conversionError("", "string", "google.protobuf.Duration"),
  ),
  define(["timestamp", "timestamp_to_timestamp"], [TIMESTAMP], TIMESTAMP, ([value]) => value),
  define(["timestamp", "int64_to_timestamp"], [INT], TIMESTAMP, ([value]) =>
    timestampOf(value * 1_000_000_000n),
  ),
  define(
    ["timestamp", "string_to_timestamp"],
    [STRING],
    TIMESTAMP,
    ([text]) => parseTimestamp(text) ?? conversionError("", "string", "google.protobuf.Timestamp"),
  ),
  define(["type", "type"], [A], types.typeOf(A), ([value]) => new TypeValue(typeOfValue(value))),
  dynamic,
];

const sizes: readonly Overload[] = [
  define(["size", "size_bytes"], [BYTES], INT, ([bytes]) => BigInt(bytes.length)),
  defineMethod(["size", "bytes_size"], [BYTES], INT, ([bytes]) => BigInt(bytes.length)),
  define(["size", "size_list"], [listOf(A)], INT, ([list]) => BigInt(list.size)),
  defineMethod(["size", "list_size"], [listOf(A)], INT, ([list]) => BigInt(list.size)),
  define(["size", "size_map"], [mapOf(A, B)], INT, ([map]) => BigInt(map.size)),
  defineMethod(["size", "map_size"], [mapOf(A, B)], INT, ([map]) => BigInt(map.size)),
  define(["size", "size_string"], [STRING], INT, ([text], meter) => {
    meter.toil(text.length);
    return BigInt(characterCount(text));
  }),
  defineMethod(["size", "string_size"], [STRING], INT, ([text], meter) => {
    meter.toil(text.length);
    return BigInt(characterCount(text));
  }),
];

export const conversions: readonly Overload[] = [...toText, ...toNumber, ...toOthers, ...sizes];
