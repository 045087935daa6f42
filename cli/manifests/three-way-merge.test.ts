import * as fc from "fast-check";
import { expect, test } from "vitest";
import { threeWayMergePatch } from "./three-way-merge.ts";

test.each([
  { name: "nothing changed", original: { a: 1 }, modified: { a: 1 }, current: { a: 1, b: 2 }, patch: {} },
  { name: "a value changed", original: { a: 1 }, modified: { a: 2 }, current: { a: 1 }, patch: { a: 2 } },
  {
    name: "somebody else changed it",
    original: { a: 1 },
    modified: { a: 1 },
    current: { a: 9 },
    patch: { a: 1 },
  },
  {
    name: "a field went",
    original: { a: 1, b: 1 },
    modified: { a: 1 },
    current: { a: 1, b: 1 },
    patch: { b: null },
  },
  { name: "a field went that is gone", original: { b: 1 }, modified: {}, current: {}, patch: {} },
  {
    name: "others' fields stay",
    original: undefined,
    modified: { a: 1 },
    current: { x: 1 },
    patch: { a: 1 },
  },
  {
    name: "nested",
    original: { s: { a: 1, b: 1 } },
    modified: { s: { a: 2 } },
    current: { s: { a: 1, b: 1, c: 1 } },
    patch: { s: { a: 2, b: null } },
  },
  {
    name: "lists as a whole",
    original: { l: [1] },
    modified: { l: [1, 2] },
    current: { l: [1] },
    patch: { l: [1, 2] },
  },
  {
    name: "an object became a value",
    original: { a: { b: 1 } },
    modified: { a: 1 },
    current: { a: { b: 1 } },
    patch: { a: 1 },
  },
  {
    name: "null means not set",
    original: { a: 1 },
    modified: { a: null },
    current: { a: 1 },
    patch: { a: null },
  },
])("threeWayMergePatch: $name", ({ original, modified, current, patch }) => {
  expect(threeWayMergePatch({ original, modified, current })).toEqual(patch);
});

const tree = fc.letrec((tie) => ({
  node: fc.dictionary(
    fc.constantFrom("a", "b", "c"),
    fc.oneof({ depthSize: "small" }, fc.integer({ max: 3 }), fc.array(fc.integer({ max: 2 })), tie("node")),
  ),
})).node;

test("threeWayMergePatch: applied once, nothing is left to patch", () => {
  fc.assert(
    fc.property(tree, tree, tree, (original, modified, current) => {
      const applied = merge(current, threeWayMergePatch({ original, modified, current }));
      expect(threeWayMergePatch({ original: modified, modified, current: applied })).toEqual({});
    }),
  );
});

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isObject ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
