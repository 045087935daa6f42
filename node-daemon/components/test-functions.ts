/** Test support: small components whose functions are called with bytes, written as text. */
import { componentOf } from "./test-components.ts";

export interface LibraryParts {
  /** Of the core module, in the text format: beside `memory`, `realloc`, and `$answer`, which answers with what is at an address. */
  readonly core?: string;
  /** Exports of the component: functions lifted from `$i`, with the options `$options`. */
  readonly exports: string;
  readonly realloc?: string;
  /** At the level of the component, before the core module is instantiated. */
  readonly before?: string;
  /** What the core module is instantiated with. */
  readonly given?: string;
  readonly pages?: number;
}

/** Allocates each time at the same place, from the second page on, as much as there is. */
const sameplace = "(i32.const 65536)";

export function libraryText({ core = "", exports, realloc = sameplace, before = "", given = "", pages = 4 }: LibraryParts) {
  return `(component
  ${before}
  (core module $m
    ${core.includes("(import") ? core : ""}
    (memory (export "memory") ${pages})
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) ${realloc})
    (func $answer (param $at i32) (param $bytes i32) (result i32)
      (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $bytes)) (i32.const 16))
    (func $result (param $isError i32) (param $at i32) (param $bytes i32) (result i32)
      (i32.store (i32.const 16) (local.get $isError)) (i32.store (i32.const 20) (local.get $at))
      (i32.store (i32.const 24) (local.get $bytes)) (i32.const 16))
    ${core.includes("(import") ? "" : core})
  (core instance $i (instantiate $m ${given}))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  ${exports})`;
}

const options = `(memory $memory) (realloc (core func $realloc))`;

export const types = {
  bytes: "(param \"input\" (list u8)) (result (list u8))",
  text: "(param \"input\" string) (result string)",
  bytesOrError: "(param \"input\" (list u8)) (result (result (list u8) (error string)))",
  textOrError: "(param \"input\" string) (result (result string (error string)))",
} as const;

/** Lifts an export of the core module. */
export function lift(core: string, type: keyof typeof types, more = ""): string {
  return `(func $${core}-${type} ${types[type]} (canon lift (core func $i "${core}") ${options} ${more}))`;
}

/** Exports of the component, each lifted from the core's export of its name. */
export function exported(functions: Readonly<Record<string, keyof typeof types>>): string {
  return Object.entries(functions)
    .map(([name, type]) => `${lift(name, type)} (export "${name}" (func $${name}-${type}))`)
    .join("\n");
}

export function library(parts: LibraryParts): Promise<Uint8Array> {
  return componentOf(libraryText(parts));
}

/** A function of the core module that takes an address and a length. */
export const taking = (name: string, body: string) =>
  `(func (export "${name}") (param $at i32) (param $bytes i32) (result i32) ${body})`;

/** Answers with its input. */
export const echo = taking("echo", "(call $answer (local.get $at) (local.get $bytes))");
/** Has the second half of its input for a result, or an error where the first byte is an exclamation mark. */
export const judge = taking(
  "judge",
  `(call $result (i32.eq (i32.load8_u (local.get $at)) (i32.const 33)) (local.get $at) (local.get $bytes))`,
);
/** How often it was called. */
export const count = `(global $calls (mut i32) (i32.const 48))
  ${taking(
    "count",
    `(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
     (i32.store8 (i32.const 32) (global.get $calls)) (call $answer (i32.const 32) (i32.const 1))`,
  )}`;
export const spin = taking("spin", "(loop $again (br $again)) (i32.const 0)");
