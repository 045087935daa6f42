/** Reads the parenthesized text of WebAssembly's test scripts, without knowing what it means. */

export type Expression = List | Atom | Text;

export interface List {
  readonly kind: "list";
  readonly items: readonly Expression[];
  /** Where it stands in the source, for what is read again by others. */
  readonly from: number;
  readonly to: number;
}

export interface Atom {
  readonly kind: "atom";
  readonly text: string;
}

/** A string, whose escapes may make any bytes. */
export interface Text {
  readonly kind: "text";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The first atom of a list. */
export function headOf(expression: Expression | undefined): string | undefined {
  if (expression?.kind !== "list") return undefined;
  const [first] = expression.items;
  return first?.kind === "atom" ? first.text : undefined;
}

interface OpenList {
  readonly items: Expression[];
  readonly from: number;
}

const atomEnd = /[\s()";]/y;

/** All expressions of a script. Throws a SyntaxError with the place. */
export function readExpressions(source: string): readonly Expression[] {
  const top: Expression[] = [];
  const open: OpenList[] = [];
  let at = 0;
  const fail = (what: string): never => {
    const line = source.slice(0, at).split("\n").length;
    throw new SyntaxError(`line ${line}: ${what}`);
  };
  while (at < source.length) {
    const character = source[at];
    const items = open.at(-1)?.items ?? top;
    if (source.startsWith(";;", at)) {
      at = lineEnd(source, at);
    } else if (source.startsWith("(;", at)) {
      at = commentEnd(source, at) ?? fail("a comment that does not end");
    } else if (character === "(") {
      open.push({ items: [], from: at++ });
    } else if (character === ")") {
      const list = open.pop() ?? fail("nothing to close");
      at++;
      (open.at(-1)?.items ?? top).push({ kind: "list", items: list.items, from: list.from, to: at });
    } else if (character === '"') {
      const end = textEnd(source, at) ?? fail("a string that does not end");
      items.push({ kind: "text", bytes: unescape(source.slice(at + 1, end - 1)) });
      at = end;
    } else if (/\s/.test(character ?? "")) {
      at++;
    } else {
      const from = at++;
      for (; at < source.length; at++) {
        atomEnd.lastIndex = at;
        if (atomEnd.test(source)) break;
      }
      items.push({ kind: "atom", text: source.slice(from, at) });
    }
  }
  if (open.length > 0) fail(`${open.length} lists that do not end`);
  return top;
}

function lineEnd(source: string, from: number): number {
  const end = /[\r\n]/g;
  end.lastIndex = from;
  return end.exec(source)?.index ?? source.length;
}

/** Comments nest. */
function commentEnd(source: string, from: number): number | undefined {
  const mark = /\(;|;\)/g;
  mark.lastIndex = from;
  let depth = 0;
  for (let found = mark.exec(source); found !== null; found = mark.exec(source)) {
    depth += found[0] === "(;" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return undefined;
}

/** Behind the closing quote. */
function textEnd(source: string, from: number): number | undefined {
  for (let at = from + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === '"') return at + 1;
  }
  return undefined;
}

const escapes: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  r: 13,
  '"': 0x22,
  "'": 0x27,
  "\\": 0x5c,
};
const utf8 = new TextEncoder();

function unescape(content: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const piece = /\\u\{([0-9a-fA-F_]+)\}|\\([0-9a-fA-F]{2})|\\(.)|[^\\]+/gsu;
  for (const [all, point, hex, letter] of content.matchAll(piece)) {
    if (point !== undefined)
      bytes.push(...utf8.encode(String.fromCodePoint(Number.parseInt(point.replaceAll("_", ""), 16))));
    else if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (letter !== undefined) bytes.push(escapes[letter] ?? letter.charCodeAt(0));
    else bytes.push(...utf8.encode(all));
  }
  return Uint8Array.from(bytes);
}
