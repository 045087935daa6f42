import { describe, expect, test } from "vitest";
import { runScript } from "./run-script.ts";

const passing = String.raw`
  (module $lib
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "nan") (result f32) (f32.const nan:0x200001))
    (func (export "splat") (param i64) (result v128) (i64x2.splat (local.get 0)))
    (func (export "same") (param externref) (result externref) (local.get 0))
    (func (export "list") (result i32 f64) (i32.const -1) (f64.const 0x1.8p1))
    (func (export "forever") (call 5))
    (tag $tag)
    (func (export "throw") (throw $tag))
    (global (export "answer") i32 (i32.const 42)))
  (register "lib" $lib)
  (assert_return (invoke "add" (i32.const 0x7fff_ffff) (i32.const 1)) (i32.const -2147483648))
  (assert_return (invoke "nan") (f32.const nan:0x200001))
  (assert_return (invoke "splat" (i64.const -1)) (v128.const i64x2 -1 -1))
  (assert_return (invoke $lib "same" (ref.extern 7)) (ref.extern 7))
  (assert_return (invoke "same" (ref.null extern)) (ref.null extern))
  (assert_return (invoke "list") (i32.const -1) (f64.const 3))
  (assert_return (get "answer") (i32.const 42))
  (assert_exhaustion (invoke "forever") "call stack exhausted")
  (assert_exception (invoke "throw"))
  (module
    (import "lib" "add" (func $add (param i32 i32) (result i32)))
    (import "spectest" "print_i32" (func (param i32)))
    (func $start (call 1 (call $add (i32.const 1) (i32.const 2))))
    (start $start)
    (func (export "divide") (result i32) (i32.div_s (i32.const 1) (i32.const 0))))
  (assert_trap (invoke "divide") "integer divide by zero")
  (assert_trap (module (func unreachable) (start 0)) "unreachable")
  (assert_unlinkable (module (import "lib" "none" (func))) "unknown import")
  (assert_invalid (module (func (result i32))) "type mismatch")
  (assert_malformed (module binary "\00asm\02\00\00\00") "unknown binary version")
  (module definition $many (func (export "one") (result i32) (i32.const 1)))
  (module instance $one $many)
  (assert_return (invoke $one "one") (i32.const 1))`;

describe("runScript", () => {
  test("runScript: what passes before rewriting passes after", async () => {
    const { failures, differs, passed } = await runScript(passing);
    expect(failures).toEqual([]);
    expect([...differs]).toEqual([]);
    expect(passed).toBe(19);
  });

  test("runScript: what the engine itself does otherwise is no failure", async () => {
    const { failures, differs, passed } = await runScript(`
      (module (func (export "one") (result i32) (i32.const 1)) (func (export "nan") (result f32) (f32.const nan:0x1)))
      (assert_return (invoke "one") (i32.const 2))
      (assert_return (invoke "nan") (f32.const nan:canonical))
      (assert_return (invoke "none"))
      (assert_trap (invoke "one") "unreachable")
      (assert_malformed_custom (module quote "") "what it is")`);
    expect(failures).toEqual([]);
    expect([...differs].map(([, count]) => count).reduce((sum, count) => sum + count)).toBe(5);
    expect(passed).toBe(1);
  });

  test("runScript: exceptions of the older proposal are read, texts that are none are counted", async () => {
    const { passed, texts } = await runScript(`
      (module (tag $e) (func (export "catch") (result i32)
        (try (result i32) (do (throw $e)) (catch $e (i32.const 7)))))
      (assert_return (invoke "catch") (i32.const 7))
      (assert_malformed (module quote "(func") "unexpected end")`);
    expect({ passed, texts }).toEqual({ passed: 2, texts: 1 });
  });

  test("runScript: a result that rewriting changes is a failure", async () => {
    // Memory 0 is all that the module has to itself, but the cap of pages counts for the rewritten one only.
    const { failures } = await runScript(`
      (module (memory i64 0 100000) (func (export "grow") (result i64) (memory.grow (i64.const 65537))))
      (assert_return (invoke "grow") (i64.const 0))`);
    expect(failures).toEqual([
      "line 3: returned (i64 00000000000000000000000000000000) became returned (i64 ffffffffffffffff0000000000000000)",
    ]);
  });
});
