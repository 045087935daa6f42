import { badRequest } from "../status.ts";

/** Deeper than any real object; recursion over what passes is safe. */
const depthMax = 100;
/** Reported at most. */
const duplicatesMax = 20;

interface Level {
  /** undefined: a list. */
  readonly keys: Set<string> | undefined;
  readonly path: string;
  key: string;
  index: number;
}

/**
 * Looks over a text that JSON.parse has accepted, for what JSON.parse does not tell: names that an object has twice (their
 * paths are returned), nesting that is too deep, and the name `__proto__` (BadRequest both).
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
          noteKey(level, level.keys, JSON.parse(text.slice(at, end + 1)) as string, duplicates);
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
    }
  }
  return duplicates;
}

function noteKey(level: Level, keys: Set<string>, key: string, duplicates: string[]): void {
  if (key === "__proto__") throw badRequest('the field name "__proto__" is not allowed');
  level.key = key;
  if (keys.has(key) && duplicates.length < duplicatesMax) duplicates.push(pathOf(level));
  keys.add(key);
}

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
