import { expect, test } from "vitest";
import { amountOf, isShare } from "./number-or-share.ts";

test.each<{
  readonly name: string;
  readonly declared: number | string;
  readonly round?: (exact: number) => number;
  readonly expected: number;
}>([
  { name: "a number", declared: 3, expected: 3 },
  { name: "a number as text", declared: "3", expected: 3 },
  { name: "a share, rounded up", declared: "25%", expected: 3 },
  { name: "a share, rounded down", declared: "25%", round: Math.floor, expected: 2 },
  { name: "all", declared: "100%", expected: 10 },
  { name: "no number", declared: "some", expected: 0 },
])("amountOf: $name of 10", ({ declared, round, expected }) => {
  expect(amountOf(declared, 10, round)).toBe(expected);
});

test("isShare: only what ends with %", () => {
  expect([3, "3", "3%"].map(isShare)).toEqual([false, false, true]);
});
