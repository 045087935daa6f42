import { BOOL, DYN, INT, listOf, STRING } from "../language/types.ts";
import type { Meter } from "../meter.ts";
import { characterCount, codePoints, ErrorValue, type ListValue, stringList, type Value } from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";
import { formatText } from "./format-text.ts";

/** A text longer than this would never be stored; making it would only take memory. */
const textLengthMax = 16 * 1024 * 1024;

/** Indices count characters, not UTF-16 units. Most texts have only characters of one unit. */
function characters(text: string, meter: Meter): readonly string[] | string {
  meter.toil(text.length);
  return /[\ud800-\udbff]/.test(text) ? codePoints(text) : text;
}

function slice(text: readonly string[] | string, from: number, to?: number): string {
  const part = text.slice(from, to);
  return typeof part === "string" ? part : part.join("");
}

function outOfRange(index: bigint): ErrorValue {
  return new ErrorValue(`index out of range: ${index}`);
}

function charAt(text: string, index: bigint, meter: Meter): Value {
  const all = characters(text, meter);
  if (index < 0n || index > BigInt(all.length)) return outOfRange(index);
  return all[Number(index)] ?? "";
}

/** The index in characters of the unit at `unit`. */
function characterIndex(text: string, unit: number): bigint {
  if (unit < 0) return -1n;
  return BigInt(characterCount(text.slice(0, unit)));
}

function unitIndex(all: readonly string[] | string, index: number): number {
  return typeof all === "string" ? index : slice(all, 0, index).length;
}

function indexOf(text: string, part: string, offset: bigint, meter: Meter): Value {
  if (part === "") return offset;
  if (offset < 0n) return outOfRange(offset);
  const all = characters(text, meter);
  if (offset >= BigInt(all.length)) return -1n;
  return characterIndex(text, text.indexOf(part, unitIndex(all, Number(offset))));
}

function lastIndexOf(text: string, part: string, offset: bigint | undefined, meter: Meter): Value {
  const all = characters(text, meter);
  if (part === "") return offset ?? BigInt(all.length);
  if (offset === undefined) return characterIndex(text, text.lastIndexOf(part));
  if (offset < 0n) return outOfRange(offset);
  if (offset >= BigInt(all.length)) return -1n;
  return characterIndex(text, text.lastIndexOf(part, unitIndex(all, Number(offset))));
}

function substring(text: string, start: bigint, end: bigint | undefined, meter: Meter): Value {
  const all = characters(text, meter);
  const length = BigInt(all.length);
  if (end !== undefined && start > end)
    return new ErrorValue(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > length) return outOfRange(start);
  if (end !== undefined && (end < 0n || end > length)) return outOfRange(end);
  return slice(all, Number(start), end === undefined ? undefined : Number(end));
}

/** Go's strings.Replace; a negative limit is none. */
function replace(text: string, part: string, by: string, limit: bigint, meter: Meter): Value {
  meter.toil(text.length);
  if (part === by || limit === 0n) return text;
  const pieces = splitPieces(text, part, limit < 0n ? -1 : Number(limit) + 1);
  // An empty part stands before every character and at the end.
  const isBetween = part === "";
  const all = isBetween ? interleaved(text, limit) : pieces;
  const length = text.length + by.length * Math.max(0, all.length - 1);
  if (length > textLengthMax) return new ErrorValue("the text would become too long");
  meter.toil(length);
  return all.join(by);
}

function interleaved(text: string, limit: bigint): readonly string[] {
  const all = codePoints(text);
  const count = limit < 0n ? all.length + 1 : Math.min(Number(limit), all.length + 1);
  const pieces = ["", ...all];
  if (count === all.length + 1) return [...pieces, ""];
  return [...pieces.slice(0, count), pieces.slice(count).join("")];
}

/** Go's strings.SplitN: at most `limit` pieces, the last unsplit; below 0 without limit. */
function splitPieces(text: string, separator: string, limit: number): readonly string[] {
  if (limit === 0) return [];
  const all = separator === "" ? codePoints(text) : text.split(separator);
  if (limit < 0 || all.length <= limit) return all;
  return [...all.slice(0, limit - 1), all.slice(limit - 1).join(separator)];
}

function split(text: string, separator: string, limit: bigint, meter: Meter): Value {
  meter.toil(text.length);
  return stringList(splitPieces(text, separator, Number(limit)));
}

function join(list: ListValue, separator: string, meter: Meter): Value {
  const parts: string[] = [];
  let length = 0;
  for (let at = 0; at < list.size; at++) {
    const part = list.at(at);
    if (typeof part !== "string") return new ErrorValue("join: invalid input: not a string");
    length += part.length + separator.length;
    if (length > textLengthMax) return new ErrorValue("the text would become too long");
    parts.push(part);
  }
  meter.toil(length);
  return parts.join(separator);
}

const quoted: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

export function quote(text: string): string {
  return `"${codePoints(text.toWellFormed())
    .map((one) => quoted[one] ?? one)
    .join("")}"`;
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
}

function upperAscii(text: string): string {
  return text.replace(/[a-z]+/g, (part) => part.toUpperCase());
}

/** Unicode's white space, as Go trims it; JavaScript's trim also takes the byte order mark. */
function trim(text: string): string {
  return text.replace(/^\p{White_Space}+/u, "").replace(trailingSpace, "");
}
const trailingSpace = /(?<!\p{White_Space})\p{White_Space}+$/u;

const standard: readonly Overload[] = [
  defineMethod(["contains", "contains_string"], [STRING, STRING], BOOL, ([text, part], meter) => {
    meter.toil(text.length);
    return text.includes(part);
  }),
  defineMethod(["startsWith", "starts_with_string"], [STRING, STRING], BOOL, ([text, part]) =>
    text.startsWith(part),
  ),
  defineMethod(["endsWith", "ends_with_string"], [STRING, STRING], BOOL, ([text, part]) =>
    text.endsWith(part),
  ),
];

const positions: readonly Overload[] = [
  defineMethod(["charAt", "string_char_at_int"], [STRING, INT], STRING, ([text, at], meter) =>
    charAt(text, at, meter),
  ),
  defineMethod(["indexOf", "string_index_of_string"], [STRING, STRING], INT, ([text, part], meter) =>
    indexOf(text, part, 0n, meter),
  ),
  defineMethod(
    ["indexOf", "string_index_of_string_int"],
    [STRING, STRING, INT],
    INT,
    ([text, part, offset], meter) => indexOf(text, part, offset, meter),
  ),
  defineMethod(["lastIndexOf", "string_last_index_of_string"], [STRING, STRING], INT, ([text, part], meter) =>
    lastIndexOf(text, part, undefined, meter),
  ),
  defineMethod(
    ["lastIndexOf", "string_last_index_of_string_int"],
    [STRING, STRING, INT],
    INT,
    ([text, part, offset], meter) => lastIndexOf(text, part, offset, meter),
  ),
  defineMethod(["substring", "string_substring_int"], [STRING, INT], STRING, ([text, start], meter) =>
    substring(text, start, undefined, meter),
  ),
  defineMethod(
    ["substring", "string_substring_int_int"],
    [STRING, INT, INT],
    STRING,
    ([text, start, end], meter) => substring(text, start, end, meter),
  ),
];

const changes: readonly Overload[] = [
  defineMethod(["lowerAscii", "string_lower_ascii"], [STRING], STRING, ([text]) => lowerAscii(text)),
  defineMethod(["upperAscii", "string_upper_ascii"], [STRING], STRING, ([text]) => upperAscii(text)),
  defineMethod(["trim", "string_trim"], [STRING], STRING, ([text], meter) => {
    meter.toil(text.length);
    return trim(text);
  }),
  defineMethod(
    ["replace", "string_replace_string_string"],
    [STRING, STRING, STRING],
    STRING,
    ([text, part, by], meter) => replace(text, part, by, -1n, meter),
  ),
  defineMethod(
    ["replace", "string_replace_string_string_int"],
    [STRING, STRING, STRING, INT],
    STRING,
    ([text, part, by, limit], meter) => replace(text, part, by, limit, meter),
  ),
  defineMethod(
    ["split", "string_split_string"],
    [STRING, STRING],
    listOf(STRING),
    ([text, separator], meter) => split(text, separator, -1n, meter),
  ),
  defineMethod(
    ["split", "string_split_string_int"],
    [STRING, STRING, INT],
    listOf(STRING),
    ([text, separator, limit], meter) => split(text, separator, limit, meter),
  ),
  defineMethod(["join", "list_join"], [listOf(STRING)], STRING, ([list], meter) => join(list, "", meter)),
  defineMethod(["join", "list_join_string"], [listOf(STRING), STRING], STRING, ([list, separator], meter) =>
    join(list, separator, meter),
  ),
  defineMethod(["format", "string_format"], [STRING, listOf(DYN)], STRING, ([text, list], meter) =>
    formatText(text, list, meter),
  ),
  define(["strings.quote", "strings_quote"], [STRING], STRING, ([text]) => quote(text)),
];

/** The standard functions of strings and version 2 of cel-go's extension, which Kubernetes has. */
export const strings: readonly Overload[] = [...standard, ...positions, ...changes];
