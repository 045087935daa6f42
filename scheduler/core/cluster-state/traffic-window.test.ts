import { expect, test } from "vitest";
import { TrafficWindow } from "./traffic-window.ts";

/** Adds 100 per second, told of every `everyMs`, from `fromMs` on. */
function steady(everyMs: number, fromMs: number, toMs: number): TrafficWindow {
  const window = new TrafficWindow();
  for (let atMs = fromMs + everyMs; atMs <= toMs; atMs += everyMs)
    window.add(everyMs / 10, atMs - everyMs, atMs);
  return window;
}

test.each([
  { name: "each second, on the second", everyMs: 1_000, fromMs: 0 },
  { name: "each second, in the middle of one", everyMs: 1_000, fromMs: 437 },
  { name: "seldom", everyMs: 1_900, fromMs: 12 },
  { name: "often", everyMs: 70, fromMs: 999 },
])("TrafficWindow: a steady flow reads as steady: $name", ({ everyMs, fromMs }) => {
  const toMs = fromMs + 60 * everyMs + 20_000;
  const window = steady(everyMs, fromMs, toMs);
  const last = fromMs + Math.floor((toMs - fromMs) / everyMs) * everyMs;
  for (let nowMs = last; nowMs <= last + 1_000; nowMs += 130)
    expect(window.perSecond(nowMs)).toBeCloseTo(100, 6);
});

test("TrafficWindow: what is over falls to nothing within eleven seconds", () => {
  const window = steady(1_000, 0, 30_000);
  expect(window.perSecond(36_000)).toBeCloseTo(50, 6);
  expect(window.perSecond(40_999)).toBeCloseTo(0.01, 6);
  expect(window.perSecond(41_000)).toBe(0);
  expect(window.perSecond(1e12)).toBe(0);
});

test("TrafficWindow: what came over a long time counts with the part that came lately", () => {
  const window = new TrafficWindow();
  window.add(1_000, 0, 100_000);
  expect(window.perSecond(101_000)).toBeCloseTo(10, 6);
});

test("TrafficWindow: what came at once is all there, until it is too old", () => {
  const window = new TrafficWindow();
  window.add(50, 20_500, 20_500);
  expect(window.perSecond(21_000)).toBe(0);
  expect(window.perSecond(23_000)).toBe(5);
  expect(window.perSecond(31_000)).toBe(5);
  expect(window.perSecond(32_001)).toBe(0);
});

test("TrafficWindow: seconds that are passed over are empty, not what was there sixteen seconds before", () => {
  const window = steady(1_000, 0, 20_000);
  window.add(1, 33_000, 33_000);
  expect(window.perSecond(35_000)).toBeCloseTo(0.1, 6);
  const later = steady(1_000, 0, 20_000);
  later.add(1, 500_000, 500_000);
  expect(later.perSecond(502_000)).toBeCloseTo(0.1, 6);
});
