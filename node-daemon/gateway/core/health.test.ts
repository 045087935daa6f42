import { expect, test } from "vitest";
import { newHealth, nextAsideMs, noteFailure, noteSuccess } from "./health.ts";

test("noteFailure: five in a row are too many", () => {
  const health = newHealth();
  const few = Array.from({ length: 4 }, () => noteFailure(health));
  noteSuccess(health);
  const more = Array.from({ length: 5 }, () => noteFailure(health));
  expect(few).toEqual([false, false, false, false]);
  expect(more).toEqual([false, false, false, false, true]);
});

test("nextAsideMs: grows, is bounded, and is forgotten after a good time", () => {
  const health = newHealth();
  let now = 0;
  const times = Array.from({ length: 8 }, () => {
    const ms = nextAsideMs(health, "failed", now);
    now += ms;
    return ms;
  });
  expect(times).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(nextAsideMs(health, "failed", now + 60_001)).toBe(1_000);
});

test("nextAsideMs: is short for those that refuse", () => {
  const health = newHealth();
  const times = Array.from({ length: 8 }, () => nextAsideMs(health, "refused", 0));
  expect(times).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
});
