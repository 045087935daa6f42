import type { Value } from "../values.ts";
import { SyntaxProblem } from "./problem.ts";

const start = /([rRbB]*)("""|'''|"|')/y;

const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "?": "?",
  '"': '"',
  "'": "'",
  "`": "`",
};

/** Reads the literal that begins at `at`: plain or raw, one line or three quotes, text or bytes. */
export function readStringLiteral(
  source: string,
  at: number,
): { readonly text: string; readonly value: Value } {
  start.lastIndex = at;
  const [opening = "", prefix = "", quote = ""] = start.exec(source) ?? [];
  const isRaw = /r/i.test(prefix);
  const isBytes = /b/i.test(prefix);
  const parts: (string | Uint8Array)[] = [];
  let place = at + opening.length;
  let plainFrom = place;
  for (;;) {
    if (source.startsWith(quote, place)) break;
    const unit = source[place];
    if (unit === undefined || (quote.length === 1 && (unit === "\n" || unit === "\r")))
      throw new SyntaxProblem(
        at,
        `Syntax error: token recognition error at: '${source.slice(at, Math.min(place, at + 20))}'`,
      );
    if (unit !== "\\") place++;
    else if (isRaw) place += 2;
    else {
      parts.push(source.slice(plainFrom, place));
      const escape = readEscape(source, place, isBytes);
      parts.push(escape.content);
      place += escape.length;
      plainFrom = place;
    }
  }
  parts.push(source.slice(plainFrom, place));
  const text = source.slice(at, place + quote.length);
  if (!isBytes) return { text, value: parts.map(String).join("") };
  return { text, value: new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part)))) };
}

/** The escape at `at`. In bytes, `\x` and octal escapes are single bytes. */
function readEscape(
  source: string,
  at: number,
  isBytes: boolean,
): { readonly content: string | Uint8Array; readonly length: number } {
  const letter = source[at + 1] ?? "";
  const simple = simpleEscapes[letter];
  if (simple !== undefined && Object.hasOwn(simpleEscapes, letter)) return { content: simple, length: 2 };
  const width = { x: 2, X: 2, u: 4, U: 8 }[letter];
  const digits = width === undefined ? source.slice(at + 1, at + 4) : source.slice(at + 2, at + 2 + width);
  const isOctal = width === undefined && /^[0-3][0-7]{2}$/.test(digits);
  const isHex = width !== undefined && new RegExp(`^[0-9A-Fa-f]{${width}}$`).test(digits);
  const code = Number.parseInt(digits, isOctal ? 8 : 16);
  const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if ((!isOctal && !isHex) || !isCharacter)
    throw new SyntaxProblem(at, `Syntax error: token recognition error at: '\\${letter}'`);
  const length = isOctal ? 4 : 2 + digits.length;
  if (isBytes && digits.length < 4) return { content: Uint8Array.of(code), length };
  return { content: String.fromCodePoint(code), length };
}
