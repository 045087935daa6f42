/**
 * What a module exports to be called, bytes in and bytes out:
 *
 *   NAME(input: i32, length: i32, output: i32) -> i32    0: `output` points to the result; else to the text of an error
 *   malloc(size: i32) -> i32                             or cabi_realloc(old, oldSize, align, size: i32) -> i32
 *
 * `output` points to two i32: where the bytes are, and how many. They are the module's own, and it may use them again in the
 * next call; the input is the host's, at a place that it got from the allocator and uses again for the next input.
 */
import type { ExportFacts, ModuleFacts } from "../../wasm/module-facts.ts";

export type Allocator = "malloc" | "cabi_realloc";

const callSignature = "(i32i32i32)->(i32)";

function signatureOf({ signature }: ExportFacts): string {
  return (signature ?? "").replaceAll(/[\s,]/g, "");
}

function has({ exports }: Pick<ModuleFacts, "exports">, name: string, signature: string): boolean {
  return exports.some(
    (entry) => entry.name === name && entry.kind === "function" && signatureOf(entry) === signature,
  );
}

/** Those that can be called; not what is there for the host. */
export function callableNames(facts: Pick<ModuleFacts, "exports">): readonly string[] {
  return facts.exports
    .filter((entry) => entry.kind === "function" && signatureOf(entry) === callSignature)
    .map(({ name }) => name);
}

export function allocatorOf(facts: Pick<ModuleFacts, "exports">): Allocator | undefined {
  if (has(facts, "malloc", "(i32)->(i32)")) return "malloc";
  return has(facts, "cabi_realloc", "(i32i32i32i32)->(i32)") ? "cabi_realloc" : undefined;
}

/** Why none of its functions can be called; for its author. */
export function functionsFault(facts: Pick<ModuleFacts, "exports">): string | undefined {
  if (facts.exports.some(({ name, kind }) => name === "_start" && kind === "function")) {
    return "it is a command (it exports _start); build it as a reactor: -mexec-model=reactor, or a library of type cdylib";
  }
  if (!facts.exports.some(({ name, kind }) => name === "memory" && kind === "memory"))
    return 'it exports no memory called "memory"';
  if (allocatorOf(facts) === undefined)
    return "it exports neither malloc(i32) -> i32 nor cabi_realloc(i32, i32, i32, i32) -> i32, so there is no place for inputs";
  if (callableNames(facts).length === 0)
    return "it exports no function (i32, i32, i32) -> i32: input, its length, and where the result is to be told";
  return undefined;
}
