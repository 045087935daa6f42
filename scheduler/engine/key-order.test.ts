import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KeyOrder } from "./key-order.ts";

function anOrder(...initial: readonly string[]) {
  const keys = new Set(initial);
  let sorted = 0;
  const order = new KeyOrder(() => {
    sorted++;
    return keys;
  });
  const add = (key: string) => {
    keys.add(key);
    order.add(key);
  };
  const remove = (key: string) => {
    keys.delete(key);
    order.remove(key);
  };
  return { order, keys, add, remove, sorted: () => sorted };
}

test("KeyOrder: keys are in order, whenever they came", () => {
  const { order, add, remove, sorted } = anOrder("c", "a");
  expect(order.keys()).toEqual(["a", "c"]);
  for (const key of ["d", "b", "0"]) add(key);
  remove("c");
  expect(order.keys()).toEqual(["0", "a", "b", "d"]);
  expect(sorted()).toBe(1);
});

test("KeyOrder: a list that somebody has does not change", () => {
  const { order, add } = anOrder("a");
  const before = order.keys();
  add("b");
  order.keys();
  expect(before).toEqual(["a"]);
});

test("KeyOrder: when most is new, it is sorted anew", () => {
  const { order, add, keys, sorted } = anOrder("a");
  order.keys();
  for (let i = 0; i < 2_000; i++) add(`k${i}`);
  expect(order.keys()).toEqual([...keys].sort());
  expect(sorted()).toBe(2);
});

test("KeyOrder: equals a sort of what there is, after any changes", () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e");
  const change = fc.record({ kind: fc.constantFrom("toggle", "list"), key });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const { order, keys, add, remove } = anOrder("b", "d");
      for (const { kind, key: one } of changes) {
        if (kind === "list") expect(order.keys()).toEqual([...keys].sort());
        else if (keys.has(one)) remove(one);
        else add(one);
      }
      expect(order.keys()).toEqual([...keys].sort());
    }),
  );
});
