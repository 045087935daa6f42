/** Test support: small components whose functions are called with bytes. Their core modules are written as text. */
import { componentOfCore } from "./test-handlers.ts";

export const bytes = "func(input: list<u8>) -> list<u8>";
export const text = "func(input: string) -> string";
export const bytesOrError = "func(input: list<u8>) -> result<list<u8>, string>";
export const textOrError = "func(input: string) -> result<string, string>";

export interface LibraryParts {
  /** Functions and more of the core module. It has `$answer` and `$result`, which say where a result is. */
  readonly core: string;
  /** Names of functions with their types, or parts of a world in WIT. */
  readonly exports: Readonly<Record<string, string>> | string;
  /** Of the package `test:guest`. */
  readonly interfaces?: string;
  /** Of the core module. */
  readonly imports?: string;
  /** Allocates always at the same place otherwise, from the second page on. */
  readonly realloc?: string;
  readonly encoding?: "utf8" | "utf16";
}

export function library(parts: LibraryParts): Promise<Uint8Array> {
  const { core, exports, interfaces, imports = "", realloc = "(i32.const 65536)", encoding } = parts;
  const module = `(module ${imports}
    (memory (export "memory") 4)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${realloc})
    (func $answer (param $at i32) (param $bytes i32) (result i32)
      (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $bytes)) (i32.const 16))
    (func $result (param $case i32) (param $at i32) (param $bytes i32) (result i32)
      (i32.store (i32.const 16) (local.get $case)) (i32.store (i32.const 20) (local.get $at))
      (i32.store (i32.const 24) (local.get $bytes)) (i32.const 16))
    ${core})`;
  const world =
    typeof exports === "string"
      ? exports
      : Object.entries(exports)
          .map(([name, type]) => `export ${name}: ${type};`)
          .join(" ");
  return componentOfCore(module, world, interfaces, encoding);
}

/** A function of the core module. `body` answers where the result is. */
export function exported(name: string, body: string): string {
  return `(func (export "${name}") (param $at i32) (param $bytes i32) (result i32) ${body})`;
}

/** Its input. */
export const echo = (name = "echo") => exported(name, "(call $answer (local.get $at) (local.get $bytes))");

/** Its input, as an error where that begins with an exclamation mark. */
export const judge = (name = "judge") =>
  exported(
    name,
    `(call $result (i32.eq (i32.load8_u (local.get $at)) (i32.const 33)) (local.get $at) (local.get $bytes))`,
  );

/** How often it was called, as a digit. */
export const count = `(global $calls (mut i32) (i32.const 48))
  ${exported(
    "count",
    `(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
     (i32.store8 (i32.const 32) (global.get $calls)) (call $answer (i32.const 32) (i32.const 1))`,
  )}`;

export const forever = "(loop $again (br $again)) (i32.const 0)";

/** Two components: the one that is called asks the other. */
export const composedText = `(component
  (component $other
    (core module $module
      (memory (export "memory") 2)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
      (func (export "twice") (param i32 i32) (result i32)
        (memory.copy (i32.add (local.get 0) (local.get 1)) (local.get 0) (local.get 1))
        (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (i32.mul (local.get 1) (i32.const 2))) (i32.const 16)))
    (core instance $instance (instantiate $module))
    (func (export "twice") (param "input" (list u8)) (result (list u8)) (canon lift (core func $instance "twice")
      (memory (core memory $instance "memory")) (realloc (core func $instance "realloc")))))
  (instance $other (instantiate $other))
  (component $caller
    (import "twice" (func $twice (param "input" (list u8)) (result (list u8))))
    (core module $memory (memory (export "memory") 2)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))
    (core instance $memory (instantiate $memory))
    (core func $twice (canon lower (func $twice) (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core module $module
      (import "" "memory" (memory 1))
      (import "" "twice" (func $twice (param i32 i32 i32)))
      (func (export "four-times") (param i32 i32) (result i32)
        (call $twice (local.get 0) (local.get 1) (i32.const 32))
        (call $twice (i32.load (i32.const 32)) (i32.load (i32.const 36)) (i32.const 16)) (i32.const 16)))
    (core instance $instance (instantiate $module (with "" (instance
      (export "memory" (memory $memory "memory")) (export "twice" (func $twice))))))
    (func (export "four-times") (param "input" (list u8)) (result (list u8)) (canon lift (core func $instance "four-times")
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc")))))
  (instance $caller (instantiate $caller (with "twice" (func $other "twice"))))
  (export "four-times" (func $caller "four-times")))`;
