import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";

export interface ComponentParts {
  /** Imports and types of the component, in the text format. */
  readonly outer?: string;
  /** Functions that the core module gets, by name: `(canon …)` of each. What needs memory names `$memory` and `$realloc`. */
  readonly canons?: Readonly<Record<string, string>>;
  /** Imports, functions and more of the core module, which has to export `run`. Functions of `canons` are in `c`. */
  readonly core: string;
  /** Of the core module that has the memory, beside it. */
  readonly allocator?: string;
  readonly pages?: number;
  /** Of the export `wasi:cli/run`. */
  readonly line?: string;
  /** How `run` is lifted, instead of plainly. */
  readonly lift?: string;
}

const plainAllocator = `(func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)`;

/** A command: one core module with memory and allocator, one with the code, and what is between them. */
export function componentText(parts: ComponentParts): string {
  const { outer = "", canons = {}, core, allocator = plainAllocator, pages = 1, line = "0.2.0" } = parts;
  const names = Object.keys(canons);
  return `(component
    ${outer}
    (core module $memories (memory (export "memory") ${pages}) ${allocator})
    (core instance $m (instantiate $memories))
    (alias core export $m "memory" (core memory $memory))
    (alias core export $m "realloc" (core func $realloc))
    ${names.map((name) => `(core func $canon-${name} ${canons[name]})`).join("\n    ")}
    (core module $code ${core})
    (core instance $given
      (export "memory" (memory $memory))
      ${names.map((name) => `(export "${name}" (func $canon-${name}))`).join(" ")})
    (core instance $i (instantiate $code (with "c" (instance $given))))
    (func $run (result (result)) ${parts.lift ?? `(canon lift (core func $i "run"))`})
    (instance $command (export "run" (func $run)))
    (export "wasi:cli/run@${line}" (instance $command)))`;
}

/** The component of that text. */
export async function assembleComponent(text: string): Promise<Uint8Array> {
  try {
    return await parse(text);
  } catch (thrown) {
    throw new Error(`assembling failed: ${String((thrown as { payload?: unknown }).payload ?? thrown)}`, {
      cause: thrown,
    });
  }
}

export function component(parts: ComponentParts): Promise<Uint8Array> {
  return assembleComponent(componentText(parts));
}
