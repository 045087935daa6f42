/**
 * The script without the classes and functions that nothing in it mentions. What jco generates has all of its runtime for
 * asynchronous components in it, and each instance makes all of that anew; without tasks most of it is for nothing.
 *
 * Only what is declared at the outermost level of `instantiate` is looked at, and what mentions a name, be it in a comment, keeps
 * it. Each piece that goes has to be one declaration by itself, for the parser too: so this may leave something that nobody needs,
 * and never take something away.
 */
import { Script } from "node:vm";

interface Declaration {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export function withoutUnused(script: string): string {
  const declared = declarations(script).filter(({ from, to }) => isDeclaration(script.slice(from, to)));
  const bodies = new Map(declared.map(({ name, from, to }) => [name, script.slice(from, to)]));
  // Two of one name are not what is understood here.
  if (bodies.size !== declared.length) return script;
  const used = new Set<string>();
  const waiting = [without(script, declared)];
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
    for (const [word] of text.matchAll(/[\w$]+/g)) {
      const body = used.has(word) ? undefined : bodies.get(word);
      if (body === undefined) continue;
      used.add(word);
      waiting.push(body);
    }
  }
  return without(
    script,
    declared.filter(({ name }) => !used.has(name)),
  );
}

function without(text: string, pieces: readonly Declaration[]): string {
  const kept: string[] = [];
  let from = 0;
  for (const piece of pieces) {
    kept.push(text.slice(from, piece.from));
    from = piece.to;
  }
  kept.push(text.slice(from));
  return kept.join("");
}

/** A function or class expression is what a declaration is, if there is nothing else. */
function isDeclaration(text: string): boolean {
  try {
    void new Script(`"use strict"; (${text})`);
    return true;
  } catch {
    return false;
  }
}

const declaration = /(?:class|(?:async +)?function\*?) +([\w$]+)/y;

/** Those inside of the outermost braces, in order. */
function declarations(text: string): Declaration[] {
  const found: Declaration[] = [];
  let open: { readonly name: string; readonly from: number } | undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{") depth++;
    else if (character === "}") {
      depth--;
      if (depth === 1 && open) {
        found.push({ ...open, to: at + 1 });
        open = undefined;
      }
    } else if (character === "'" || character === '"' || character === "`") at = endOfString(text, at);
    else if (character === "/" && (text[at + 1] === "/" || text[at + 1] === "*")) at = endOfComment(text, at);
    else if (
      depth === 1 &&
      !open &&
      (character === "c" || character === "a" || character === "f") &&
      startsLine(text, at)
    ) {
      declaration.lastIndex = at;
      const name = declaration.exec(text)?.[1];
      if (name !== undefined) open = { name, from: at };
    }
  }
  return found;
}

function startsLine(text: string, at: number): boolean {
  return /^\s*$/.test(text.slice(text.lastIndexOf("\n", at - 1) + 1, at));
}

/** Where its last quote is. What a template holds is text here: it has no quotes in what it is given. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[start]) return at;
  }
  return text.length;
}

/** Its last character. */
function endOfComment(text: string, start: number): number {
  const isLine = text[start + 1] === "/";
  const end = text.indexOf(isLine ? "\n" : "*/", start + 2);
  if (end < 0) return text.length;
  return isLine ? end : end + 1;
}
