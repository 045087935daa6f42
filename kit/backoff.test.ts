import { expect, test } from "vitest";
import { backoffMs, jittered } from "./backoff.ts";

const limits = { initialMs: 1000, factor: 2, maxMs: 300_000 };

test.each([
  { name: "first retry", attempt: 0, expected: 1000 },
  { name: "doubles", attempt: 3, expected: 8000 },
  { name: "just under the cap", attempt: 8, expected: 256_000 },
  { name: "capped", attempt: 9, expected: 300_000 },
  { name: "overflowing exponent", attempt: 100_000, expected: 300_000 },
  { name: "negative attempt", attempt: -5, expected: 1000 },
])("backoffMs: $name", ({ attempt, expected }) => {
  expect(backoffMs(attempt, limits)).toBe(expected);
});

test("jittered: stays within the upper half", () => {
  expect(jittered(1000, 0)).toBe(500);
  expect(jittered(1000, 0.999)).toBeLessThan(1000);
});
