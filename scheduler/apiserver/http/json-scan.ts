import { ApiError, badRequest } from "../status.ts";

/** Deeper than any real object; recursion over what passes is safe. */
const depthMax = 100;
/** Names of one object. With its managed fields, one with more could not be stored; and each step on its way copies it. */
const namesMax = 65_536;
/** Reported at most. */
const duplicatesMax = 20;
/** Names may have megabytes. */
const pathLengthMax = 1_000;

interface Level {
  /** undefined: a list. */
  readonly keys: Set<string> | undefined;
  readonly path: string;
  key: string;
  index: number;
}

/**
 * Looks over a text that JSON.parse has accepted, for what JSON.parse does not tell: names that an object has twice (their
 * paths are returned), nesting that is too deep, the name `__proto__`, and numbers that no double can hold, which would be
 * something else when they are written again (BadRequest all).
 */
export function scanJson(text: string): readonly string[] {
  const duplicates: string[] = [];
  const levels: Level[] = [];
  let expectsKey = false;
  for (let at = 0; at < text.length; at++) {
    const level = levels.at(-1);
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = stringEnd(text, at);
        if (expectsKey && level?.keys) {
          noteKey(level, level.keys, keyOf(text.slice(at + 1, end)), duplicates);
          expectsKey = false;
        }
        at = end;
        break;
      }
      case 0x7b:
      case 0x5b: {
        const isObject = text[at] === "{";
        if (levels.length >= depthMax)
          throw badRequest(`the object is nested deeper than ${depthMax} levels`);
        levels.push({ keys: isObject ? new Set() : undefined, path: pathOf(level), key: "", index: 0 });
        expectsKey = isObject;
        break;
      }
      case 0x7d:
      case 0x5d:
        levels.pop();
        expectsKey = false;
        break;
      case 0x2c:
        if (level?.keys) expectsKey = true;
        else if (level) level.index++;
        break;
      default:
        if (isOfNumber(text.charCodeAt(at))) at = numberEnd(text, at) - 1;
    }
  }
  return duplicates;
}

function keyOf(written: string): string {
  return written.includes("\\") ? (JSON.parse(`"${written}"`) as string) : written;
}

function noteKey(level: Level, keys: Set<string>, key: string, duplicates: string[]): void {
  if (key === "__proto__") throw badRequest('the field name "__proto__" is not allowed');
  level.key = key;
  if (keys.has(key) && duplicates.length < duplicatesMax)
    duplicates.push(pathOf(level).slice(0, pathLengthMax));
  keys.add(key);
  if (keys.size > namesMax)
    throw new ApiError("RequestEntityTooLarge", `an object may have ${namesMax} fields`);
}

/** Digits and signs; letters of `true` and the like are passed by. */
function isOfNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d;
}

/** Shorter ones without an exponent are far from infinite. */
const safeLength = 300;

function numberEnd(text: string, start: number): number {
  let at = start;
  let hasExponent = false;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x65 || code === 0x45) hasExponent = true;
    else if (!isOfNumber(code) && code !== 0x2e && code !== 0x2b) break;
  }
  if ((hasExponent || at - start > safeLength) && !Number.isFinite(Number(text.slice(start, at))))
    throw badRequest(
      `json: cannot unmarshal number ${text.slice(start, start + shownLength)} into Go value of type float64`,
    );
  return at;
}

const shownLength = 40;

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function pathOf(level: Level | undefined): string {
  if (!level) return "";
  if (!level.keys) return `${level.path}[${level.index}]`;
  return level.path === "" ? level.key : `${level.path}.${level.key}`;
}
