import { expect, test } from "vitest";
import { lowerBound } from "./lower-bound.ts";

test.each([
  ["before all", 1, 0],
  ["between", 4, 2],
  ["at one, its first", 5, 2],
  ["after all", 9, 4],
])("lowerBound: %s", (_, wanted, position) => {
  const sorted = [2, 3, 5, 5];
  expect(lowerBound(sorted.length, (at) => (sorted[at] ?? 0) < wanted)).toBe(position);
});

test("lowerBound: of nothing", () => {
  expect(lowerBound(0, () => true)).toBe(0);
});
