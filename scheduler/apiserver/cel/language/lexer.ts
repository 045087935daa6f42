import { ErrorValue, Uint, type Value } from "../values.ts";
import { SyntaxProblem } from "./problem.ts";
import { readStringLiteral } from "./string-literal.ts";

export type Token =
  | { readonly kind: "name"; readonly at: number; readonly text: string }
  | { readonly kind: "literal"; readonly at: number; readonly text: string; readonly value: Value }
  /** Operators, brackets, and the keyword `in`. */
  | { readonly kind: "mark"; readonly at: number; readonly text: string }
  | { readonly kind: "end"; readonly at: number; readonly text: "<EOF>" };

const spaces = /(?:[ \t\r\n\f]|\/\/[^\n]*)+/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /0x[0-9A-Fa-f]+[uU]?|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+[uU]?/y;
const mark = /==|!=|<=|>=|&&|\|\||[<>+\-*/%!?:.,()[\]{}]/y;
const stringStart = /(?:[rR][bB]?|[bB][rR]?)?(?:"|')/y;

const words: Readonly<Record<string, Value>> = { true: true, false: false, null: null };

/** Splits an expression into tokens, in time linear in its length. */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = matchAt(spaces, source, 0).length;
  while (at < source.length) {
    const token = tokenAt(source, at);
    tokens.push(token);
    at += token.text.length;
    at += matchAt(spaces, source, at).length;
  }
  tokens.push({ kind: "end", at: source.length, text: "<EOF>" });
  return tokens;
}

function tokenAt(source: string, at: number): Token {
  if (matchAt(stringStart, source, at) !== "") {
    const { text, value } = readStringLiteral(source, at);
    return { kind: "literal", at, text, value };
  }
  const word = matchAt(name, source, at);
  if (word !== "") {
    if (word === "in") return { kind: "mark", at, text: word };
    if (Object.hasOwn(words, word)) return { kind: "literal", at, text: word, value: words[word] ?? null };
    return { kind: "name", at, text: word };
  }
  const digits = matchAt(number, source, at);
  if (digits !== "") return { kind: "literal", at, text: digits, value: numberValue(digits) };
  const operator = matchAt(mark, source, at);
  if (operator !== "") return { kind: "mark", at, text: operator };
  const shown = source.slice(at, at + 2);
  throw new SyntaxProblem(at, `Syntax error: token recognition error at: '${shown}'`);
}

function matchAt(pattern: RegExp, source: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? "";
}

/** Ranges are checked by the parser, which knows the sign. */
function numberValue(text: string): Value {
  if (/[uU]$/.test(text)) return new Uint(BigInt(text.slice(0, -1)));
  if (text.startsWith("0x") || /^[0-9]+$/.test(text)) return BigInt(text);
  const value = Number(text);
  return Number.isFinite(value) ? value : new ErrorValue("invalid double literal");
}
