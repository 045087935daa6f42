import { describe, expect, test } from "vitest";
import { exportedFunctions } from "./exported-functions.ts";
import { inputOf, textOf } from "./function-types.ts";
import { componentOf } from "./test-components.ts";
import { composedText } from "./test-functions.ts";
import { dummyComponent } from "./test-handlers.ts";

const functionsOf = (binary: Uint8Array) =>
  exportedFunctions(binary).map(({ name, type }) => [name, textOf(type), inputOf(type)]);

describe("exportedFunctions", () => {
  test.each([
    ["func(input: list<u8>) -> list<u8>", "bytes"],
    ["func(input: list<u8>) -> string", "bytes"],
    ["func(input: string) -> list<u8>", "text"],
    ["func(input: list<u8>) -> result<list<u8>, string>", "bytes"],
    ["func(input: string) -> result<string, string>", "text"],
    ["func(input: list<u8>) -> result<list<u8>>", undefined],
    ["func(input: list<u8>) -> result<_, string>", undefined],
    ["func(input: list<u8>) -> result<list<u8>, list<u8>>", undefined],
    ["func(input: list<u8>) -> result<result<list<u8>, string>, string>", undefined],
    ["func(input: list<u8>) -> option<list<u8>>", undefined],
    ["func(input: list<u8>) -> u8", undefined],
    ["func(input: list<u8>)", undefined],
    ["func() -> list<u8>", undefined],
    ["func(input: u8) -> list<u8>", undefined],
    ["func(input: list<s8>) -> list<u8>", undefined],
    ["func(input: list<list<u8>>) -> list<u8>", undefined],
    ["func(input: result<list<u8>, string>) -> list<u8>", undefined],
    ["func(a: list<u8>, b: list<u8>) -> list<u8>", undefined],
    ["func(a: tuple<u8, char>, b: option<f32>, c: bool) -> list<string>", undefined],
  ])("%s", async (type, input) => {
    const binary = await dummyComponent(`export f: ${type};`);
    expect(functionsOf(binary)).toEqual([["f", type, input]]);
  });

  test("types that have names, in interfaces that have some of others", async () => {
    const binary = await dummyComponent(`
      import wasi:io/streams@0.2.12; import wasi:clocks/wall-clock@0.2.12;
      export shop: interface {
        use wasi:clocks/wall-clock@0.2.12.{datetime};
        type packet = list<u8>;
        record order { item: string, many: u32 }
        enum color { red, green }
        resource cart { constructor(); add: func(what: order) -> result<packet, color>; }
        quote: func(input: packet) -> result<packet, string>;
        since: func(when: datetime) -> packet;
      }
      export wasi:cli/run@0.2.12;`);
    expect(functionsOf(binary)).toEqual(
      expect.arrayContaining([
        ["shop#quote", "func(input: list<u8>) -> result<list<u8>, string>", "bytes"],
        ["shop#since", "func(when: datetime) -> list<u8>", undefined],
        ["shop#[constructor]cart", "func() -> cart", undefined],
        ["shop#[method]cart.add", expect.stringContaining("-> result<list<u8>, color>"), undefined],
        ["wasi:cli/run@0.2.12#run", "func() -> result", undefined],
      ]),
    );
  });

  test("what a composition exports, and what calls something asynchronous", async () => {
    expect(functionsOf(await componentOf(composedText))).toEqual([
      ["four-times", "func(input: list<u8>) -> list<u8>", "bytes"],
    ]);
    const text = `(component
      (core module $m (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "f") (param i32 i32) (result i32) unreachable))
      (core func (canon waitable-set.new)) (core func (canon task.return (result u32)))
      (core func (canon context.get i32 0)) (core func (canon backpressure.inc)) (core func (canon subtask.drop))
      (core instance $i (instantiate $m))
      (func (export "f") (param "input" (list u8)) (result (list u8)) (canon lift (core func $i "f")
        (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      (type $slow (func async (param "input" (list u8)) (result (list u8)))))`;
    expect(functionsOf(await componentOf(text))).toEqual([
      ["f", "func(input: list<u8>) -> list<u8>", "bytes"],
    ]);
  });

  test("a type that pretends to be another by its name is none", async () => {
    const binary = await dummyComponent(
      `export shop: interface { record %string { x: u8 } f: func(input: %string) -> list<u8>; }`,
    );
    expect(functionsOf(binary)).toEqual([["shop#f", "func(input: string) -> list<u8>", undefined]]);
  });

  const doubling = Array.from({ length: 40 }, (_, i) => `(type $t${i + 1} (tuple $t${i} $t${i}))`).join(" ");
  const table: readonly (readonly [name: string, text: string])[] = [
    ["types that double", `(component (type $t0 (tuple u8 u8)) ${doubling} (type (func (param "a" $t40))))`],
    ["more types than are read", `(component ${"(type u8)".repeat(200_001)})`],
    ["an instance without a type", `(component (import "a" (instance $a)) (export "b" (instance $a)))`],
  ];
  test.each(table)("%s: nothing is found, at once", async (_, text) => {
    expect(functionsOf(await componentOf(text))).toEqual([]);
  });

  test("what is cut off, at each byte: nothing is found, and nothing is thrown", async () => {
    const binary = await componentOf(composedText);
    for (let length = 8; length < binary.length; length++) {
      const found = exportedFunctions(binary.subarray(0, length));
      expect(found.length).toBeLessThanOrEqual(1);
    }
  });

  test("any byte that is another: nothing is thrown", async () => {
    const binary = await componentOf(composedText);
    for (let at = 8; at < binary.length; at++) {
      for (const byte of [0, 1, 0x42, 0x7f, 0xff]) {
        const changed = binary.slice();
        changed[at] = byte;
        expect(() => exportedFunctions(changed)).not.toThrow();
      }
    }
  });
});
