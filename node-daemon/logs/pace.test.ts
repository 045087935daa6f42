import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("Pace: a burst is free, then it goes at the rate", () => {
  const pace = new Pace(1000, 2000);
  pace.spend(2000, 0);
  expect(pace.waitMs(0)).toBe(0);
  pace.spend(500, 0);
  expect(pace.waitMs(0)).toBe(500);
  expect(pace.waitMs(500)).toBe(0);
});

test("Pace: what was not used does not add up to more than a burst", () => {
  const pace = new Pace(1000, 2000);
  pace.spend(3000, 1_000_000);
  expect(pace.waitMs(1_000_000)).toBe(1000);
});
