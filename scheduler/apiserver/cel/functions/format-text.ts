import { formatType } from "../language/types.ts";
import type { Meter } from "../meter.ts";
import { compareStrings } from "../equality.ts";
import {
  Duration,
  ErrorValue,
  isError,
  isList,
  isMap,
  type ListValue,
  type MapValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "../values.ts";
import { formatDouble, typeOfValue } from "./conversions.ts";
import { formatDuration, formatTimestamp } from "./time-ranges.ts";

const precisionDefault = 6;
/** What JavaScript can print; nobody reads more digits. */
const precisionMax = 100;
const textLengthMax = 1024 * 1024;

/** `"%s is %.2f".format([a, b])`: version 1 of cel-go's formatting, in its locale en_US. */
export function formatText(text: string, values: ListValue, meter: Meter): Value {
  let result = "";
  let used = 0;
  const clause = /%(?:%|(?:\.(\d{1,4}))?(.?))/gs;
  let from = 0;
  for (const match of text.matchAll(clause)) {
    result += text.slice(from, match.index);
    from = match.index + match[0].length;
    if (match[0] === "%%") {
      result += "%";
      continue;
    }
    if (used >= values.size) return new ErrorValue(`index ${used} out of range`);
    const piece = formatClause(match[2] ?? "", match[1], values.at(used++), meter);
    if (isError(piece)) return piece;
    result += piece;
    if (result.length > textLengthMax) return new ErrorValue("the text would become too long");
  }
  meter.toil(text.length + result.length);
  return result + text.slice(from);
}

function formatClause(
  letter: string,
  digits: string | undefined,
  value: Value,
  meter: Meter,
): string | ErrorValue {
  const precision = Math.min(digits === undefined ? precisionDefault : Number(digits), precisionMax);
  switch (letter) {
    case "s":
      return plain(value, meter);
    case "d":
      return (
        integer(value, 10) ??
        failed(`decimal clause can only be used on integers, was given ${typeName(value)}`)
      );
    case "f":
      return float(value, "fixed-point", (number) => fixed(number, precision));
    case "e":
      return float(value, "scientific", (number) => scientific(number, precision));
    case "b":
      if (typeof value === "boolean") return value ? "1" : "0";
      return (
        integer(value, 2) ??
        failed(`only integers and bools can be formatted as binary, was given ${typeName(value)}`)
      );
    case "o":
      return (
        integer(value, 8) ?? failed(`octal clause can only be used on integers, was given ${typeName(value)}`)
      );
    case "x":
      return hexadecimal(value);
    case "X": {
      const text = hexadecimal(value);
      return isError(text) ? text : text.toUpperCase();
    }
    case "":
      return new ErrorValue("unexpected end of string");
    default:
      return new ErrorValue(`could not parse formatting clause: unrecognized formatting clause "${letter}"`);
  }
}

function failed(message: string): ErrorValue {
  return new ErrorValue(`error during formatting: ${message}`);
}

export function typeName(value: Value): string {
  const type = typeOfValue(value);
  return type.kind === "list" || type.kind === "map" ? type.kind : formatType(type);
}

function integer(value: Value, radix: number): string | undefined {
  if (typeof value === "bigint") return value.toString(radix);
  return value instanceof Uint ? value.value.toString(radix) : undefined;
}

function hexadecimal(value: Value): string | ErrorValue {
  const text = integer(value, 16);
  if (text !== undefined) return text;
  if (typeof value === "string" || value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return failed(
    `only integers, byte buffers, and strings can be formatted as hex, was given ${typeName(value)}`,
  );
}

const namedNumbers: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity };

function float(value: Value, clause: string, format: (value: number) => string): string | ErrorValue {
  if (typeof value === "number") return format(value);
  const named =
    typeof value === "string" && Object.hasOwn(namedNumbers, value) ? namedNumbers[value] : undefined;
  if (named !== undefined) return format(named);
  return failed(`${clause} clause can only be used on doubles, was given ${typeName(value)}`);
}

function fixed(value: number, precision: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value < 0 ? "-∞" : "∞";
  return value.toLocaleString("en-US", {
    minimumFractionDigits: precision,
    maximumFractionDigits: precision,
    roundingMode: "halfEven",
  });
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function scientific(value: number, precision: number): string {
  if (!Number.isFinite(value)) return fixed(value, precision);
  const [mantissa = "", exponent = "0"] = value.toExponential(precision).split("e");
  const digits = exponent.replace(/^[+-]/, "").padStart(2, "0");
  const raised = digits.replace(/\d/g, (digit) => superscripts[Number(digit)] ?? "");
  return `${mantissa}×10${exponent.startsWith("-") ? "⁻" : ""}${raised}`;
}

function plain(value: Value, meter: Meter): string | ErrorValue {
  if (value === null) return "null";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return formatDouble(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof TypeValue)
    return typeName(value) === "type" ? formatType(value.type) : typeName(value);
  if (isList(value)) return listText(value, meter);
  if (isMap(value)) return mapText(value, meter);
  return (
    integer(value, 10) ??
    failed(
      `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeName(value)}`,
    )
  );
}

/** Inside lists and maps, values are written as CEL's literals. */
function literal(value: Value, meter: Meter): string | ErrorValue {
  meter.toil(1);
  if (typeof value === "number")
    return Number.isFinite(value) ? value.toFixed(precisionDefault) : `"${formatDouble(value)}"`;
  const text = plain(value, meter);
  if (isError(text)) return text;
  meter.toil(text.length);
  if (typeof value === "string") return JSON.stringify(text);
  if (value instanceof Uint8Array) return `b${JSON.stringify(text)}`;
  if (value instanceof Timestamp) return `timestamp(${JSON.stringify(text)})`;
  if (value instanceof Duration) return `duration(${JSON.stringify(text)})`;
  return text;
}

function listText(list: ListValue, meter: Meter): string | ErrorValue {
  const parts: string[] = [];
  for (let at = 0; at < list.size; at++) {
    const part = literal(list.at(at), meter);
    if (isError(part)) return part;
    parts.push(part);
  }
  return `[${parts.join(", ")}]`;
}

function mapText(map: MapValue, meter: Meter): string | ErrorValue {
  const parts: (readonly [string, string])[] = [];
  for (const key of map.keys()) {
    const [name, value] = [literal(key, meter), literal(map.find(key) ?? null, meter)];
    if (isError(name)) return name;
    if (isError(value)) return value;
    parts.push([name, value]);
  }
  const sorted = parts.toSorted(([a], [b]) => compareStrings(a, b));
  return `{${sorted.map(([name, value]) => `${name}:${value}`).join(", ")}}`;
}
