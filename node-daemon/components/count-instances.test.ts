import { expect, test } from "vitest";
import { BinaryReader, Rejection } from "../wasm/binary-reader.ts";
import { checkInstances } from "./count-instances.ts";
import { componentLimits } from "./limits.ts";
import { componentOf } from "./test-components.ts";

/** Each component has two instances of the one before: named from inside the next, or handed down by its parent. */
const doubling = (levels: number) => `(component
  (component $c0 (core module $m (func)) (core instance (instantiate $m)))
  ${Array.from(
    { length: levels },
    (_, i) => `(component $c${i + 1} (alias outer 1 $c${i} (component $b))
      (instance (instantiate $b)) (instance (instantiate $b)))`,
  ).join("\n")}
  (instance (instantiate $c${levels})))`;

const table: readonly (readonly [name: string, text: string, says: string | undefined])[] = [
  ["nothing", "(component)", undefined],
  [
    "instances of all kinds, with arguments and exports",
    `(component
      (import "wasi:cli/environment@0.2.0" (instance $e (export "get-arguments" (func))))
      (core module $m (import "a" "b" (func)) (func (export "f")))
      (core func $g (canon lower (func $e "get-arguments")))
      (core instance $given (export "b" (func $g)))
      (core instance $i (instantiate $m (with "a" (instance $given))))
      (component $c (import "x" (func)) (export "y" (func 0)))
      (instance $j (instantiate $c (with "x" (func $e "get-arguments"))))
      (instance $k (export "z" (func $j "y")))
      (export "k" (instance $k)))`,
    undefined,
  ],
  ["two to the power of 8", doubling(8), undefined],
  ["two to the power of 12", doubling(12), "more than 4000 instances"],
  ["two to the power of 60", doubling(60), "more than 4000 instances"],
  [
    "many of one",
    `(component (core module $m) ${"(core instance (instantiate $m))".repeat(componentLimits.instancesMax)})`,
    "more than 4000 instances",
  ],
  ["components in 90 others", `${"(component ".repeat(90)}${")".repeat(90)}`, undefined],
  [
    "instances of a component that is handed in",
    `(component
      (component $a (import "c" (component $c)) (instance (instantiate $c)))
      (component $b)
      (instance (instantiate $a (with "c" (component $b)))))`,
    "instances of components that are imported",
  ],
];

test.each(table)("checkInstances: %s", async (_name, text, says) => {
  const binary = await componentOf(text);
  const check = () => checkInstances(new BinaryReader(binary));
  if (says === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(says);
});

test("checkInstances: components in a thousand others, and what is cut off, are refused without a crash", async () => {
  const preamble = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
  let nested = preamble;
  for (let i = 0; i < 1_000; i++) {
    const size = nested.length;
    nested = [...preamble, 4, (size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, size >> 14, ...nested];
  }
  expect(() => checkInstances(new BinaryReader(Uint8Array.from(nested)))).toThrow(
    "nested more than 100 deep",
  );
  const whole = await componentOf(doubling(4));
  for (let end = 8; end < whole.length; end++) {
    try {
      checkInstances(new BinaryReader(whole.subarray(0, end)));
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(Rejection);
    }
  }
});
