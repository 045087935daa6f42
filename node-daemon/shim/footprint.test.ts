import { expect, test } from "vitest";
import type { TableFacts } from "../wasm/module-facts.ts";
import { heapBytesOf, tableElementsCap } from "./footprint.ts";
import { tableElementsMax } from "./limits.ts";

const table = (minElements: number, maxElements?: number): TableFacts => ({
  minElements,
  maxElements,
  imported: false,
  elementType: "funcref",
});

test.each([
  ["no table", [], ["reference-types"], 0],
  ["tables that cannot grow", [table(10, 10), table(5, 5)], ["reference-types"], 15],
  ["a table of a language without references", [table(10)], [], 10],
  ["a table that may grow", [table(10, 10), table(5, 6)], ["reference-types"], tableElementsMax],
  ["a table that is large already", [table(2 * tableElementsMax)], ["reference-types"], 2 * tableElementsMax],
])("tableElementsCap: %s", (_name, tables, features, expected) => {
  expect(tableElementsCap({ tables, features })).toBe(expected);
});

test("heapBytesOf: counts tables, exports, functions, arguments and variables", () => {
  const nothing = { tables: [], features: [], exports: [], functions: 0 };
  const started = { args: [], env: [] };
  expect(heapBytesOf(nothing, started)).toBe(0);
  expect(heapBytesOf({ ...nothing, tables: [table(1000)] }, started)).toBe(32_000);
  expect(heapBytesOf({ ...nothing, exports: [{ name: "a", kind: "global" }] }, started)).toBe(400);
  expect(heapBytesOf({ ...nothing, functions: 100 }, started)).toBe(1600);
  expect(heapBytesOf(nothing, { args: ["x".repeat(1000)], env: [["n", "value"]] })).toBe(2032 + 34 + 42);
});
