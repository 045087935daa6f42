/**
 * The commands of a test script.
 * https://github.com/WebAssembly/spec/tree/main/interpreter#scripts
 */
import { type Expression, headOf, type List, readExpressions } from "./s-expressions.ts";

export type ModuleSource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary"; readonly bytes: Uint8Array<ArrayBuffer> };

export interface ModuleText {
  readonly id: string | undefined;
  readonly source: ModuleSource;
}

export interface Action {
  readonly kind: "invoke" | "get";
  /** Undefined: the last instance. */
  readonly instance: string | undefined;
  readonly name: string;
  readonly args: readonly Expression[];
}

export type Command =
  /** Compiles it, and unless it is a definition only, instantiates it. */
  | ({ readonly kind: "module"; readonly definition: boolean } & ModuleText)
  | {
      readonly kind: "instance";
      readonly id: string | undefined;
      readonly definition: string | undefined;
    }
  | { readonly kind: "register"; readonly name: string; readonly instance: string | undefined }
  | { readonly kind: "action"; readonly action: Action }
  | { readonly kind: "returns"; readonly action: Action; readonly results: readonly Expression[] }
  | { readonly kind: "throws"; readonly action: Action; readonly what: "trap" | "exhaustion" | "exception" }
  | { readonly kind: "starts badly"; readonly module: ModuleText; readonly what: "trap" | "unlinkable" }
  | { readonly kind: "invalid"; readonly module: ModuleText }
  | { readonly kind: "unknown"; readonly name: string };

export interface NumberedCommand {
  readonly line: number;
  readonly command: Command;
}

export function readScript(source: string): readonly NumberedCommand[] {
  const lines = lineCounter(source);
  const expressions = readExpressions(source);
  const names = expressions.map(headOf);
  // A script may be one module without the parentheses around it.
  if (names.length > 0 && names.every((name) => name !== undefined && moduleFields.has(name))) {
    const module: ModuleText = { id: undefined, source: { kind: "text", text: source } };
    return [{ line: 1, command: { kind: "module", definition: false, ...module } }];
  }
  return expressions.map((expression) => {
    const line = expression.kind === "list" ? lines(expression.from) : 0;
    return { line, command: readCommand(expression, source) };
  });
}

const moduleFields: ReadonlySet<string> = new Set(
  "type rec import func table memory global export start elem data tag".split(" "),
);

/** Positions must be asked for in ascending order. */
function lineCounter(source: string): (position: number) => number {
  let line = 1;
  let at = 0;
  return (position) => {
    for (; at < position; at++) if (source[at] === "\n") line++;
    return line;
  };
}

function readCommand(expression: Expression, source: string): Command {
  const name = headOf(expression) ?? "";
  const list = expression.kind === "list" ? expression : undefined;
  if (list === undefined) return { kind: "unknown", name: "no list" };
  const [, first, ...rest] = list.items;
  switch (name) {
    case "module":
      return readModuleCommand(list, source);
    case "register":
      return { kind: "register", name: textOf(first), instance: idOf(rest[0]) };
    case "invoke":
    case "get":
      return { kind: "action", action: readAction(list) };
    case "assert_return":
      return { kind: "returns", action: readAction(first), results: rest };
    case "assert_exhaustion":
      return { kind: "throws", action: readAction(first), what: "exhaustion" };
    case "assert_exception":
      return { kind: "throws", action: readAction(first), what: "exception" };
    case "assert_trap":
      return headOf(first) === "module"
        ? { kind: "starts badly", module: readModule(first, source), what: "trap" }
        : { kind: "throws", action: readAction(first), what: "trap" };
    case "assert_unlinkable":
      return { kind: "starts badly", module: readModule(first, source), what: "unlinkable" };
    case "assert_invalid":
    case "assert_malformed":
      return { kind: "invalid", module: readModule(first, source) };
    default:
      return { kind: "unknown", name };
  }
}

function readModuleCommand(list: List, source: string): Command {
  const [, first, second, third] = list.items;
  if (isAtom(first, "instance")) return { kind: "instance", id: idOf(second), definition: idOf(third) };
  return { kind: "module", definition: isAtom(first, "definition"), ...readModule(list, source) };
}

function readModule(expression: Expression | undefined, source: string): ModuleText {
  if (expression?.kind !== "list") throw new SyntaxError("a module was expected");
  const words = expression.items.slice(1).filter((item) => !isAtom(item, "definition"));
  const id = idOf(words[0]);
  const rest = id === undefined ? words : words.slice(1);
  const [form, ...contents] = rest;
  if (isAtom(form, "binary")) return { id, source: { kind: "binary", bytes: joined(contents) } };
  if (isAtom(form, "quote")) {
    return { id, source: { kind: "text", text: new TextDecoder().decode(joined(contents, 0x0a)) } };
  }
  const text = source.slice(expression.from, expression.to).replace(/^\(\s*module\s+definition\b/, "(module");
  return { id, source: { kind: "text", text } };
}

function readAction(expression: Expression | undefined): Action {
  const kind = headOf(expression);
  if (expression?.kind !== "list" || (kind !== "invoke" && kind !== "get")) {
    throw new SyntaxError("invoke or get was expected");
  }
  const [, ...words] = expression.items;
  const instance = idOf(words[0]);
  const [name, ...args] = instance === undefined ? words : words.slice(1);
  return { kind, instance, name: textOf(name), args };
}

function isAtom(expression: Expression | undefined, text: string): boolean {
  return expression?.kind === "atom" && expression.text === text;
}

function idOf(expression: Expression | undefined): string | undefined {
  return expression?.kind === "atom" && expression.text.startsWith("$") ? expression.text : undefined;
}

function textOf(expression: Expression | undefined): string {
  if (expression?.kind !== "text") throw new SyntaxError("a string was expected");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(expression.bytes);
}

function joined(texts: readonly Expression[], separator?: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const text of texts) {
    if (text.kind !== "text") continue;
    for (const byte of text.bytes) bytes.push(byte);
    if (separator !== undefined) bytes.push(separator);
  }
  return Uint8Array.from(bytes);
}
