import { expect, test } from "vitest";
import { pressureLimits } from "./limits.ts";
import { judgePressure, noPressure, type Pressure } from "./pressure.ts";

const thresholds = { hard: 100, soft: 200 };
const { pressureMsMin, softGraceMs } = pressureLimits;
const short: Pressure = { pressured: true, shortSinceMs: 0, lastShortMs: 0 };
const over: Pressure = { pressured: true, shortSinceMs: undefined, lastShortMs: 0 };

test.each([
  { name: "plenty", available: 500, pressured: false, wanted: 0 },
  { name: "just enough", available: 200, pressured: false, wanted: 0 },
  { name: "below soft: no eviction yet", available: 199, pressured: true, wanted: 0 },
  { name: "below hard: as much as leads out of pressure", available: 99, pressured: true, wanted: 141 },
  {
    name: "below soft for the grace",
    before: short,
    nowMs: softGraceMs,
    available: 150,
    pressured: true,
    wanted: 90,
  },
  {
    name: "below soft, a little less long",
    before: short,
    nowMs: softGraceMs - 1,
    available: 150,
    pressured: true,
    wanted: 0,
  },
  { name: "stalled with much available", available: 900, stalled: true, pressured: true, wanted: 0 },
  {
    name: "stalled for the grace",
    before: short,
    nowMs: softGraceMs,
    available: 900,
    stalled: true,
    pressured: true,
    wanted: 1,
  },
  { name: "above soft at once", before: over, nowMs: 1, available: 900, pressured: true, wanted: 0 },
  {
    name: "above soft, within the hysteresis",
    before: over,
    nowMs: pressureMsMin,
    available: 239,
    pressured: true,
    wanted: 0,
  },
  {
    name: "above both, after the minimum",
    before: over,
    nowMs: pressureMsMin,
    available: 240,
    pressured: false,
    wanted: 0,
  },
])("judgePressure: $name", ({ before = noPressure, nowMs = 0, available, stalled = false, ...expected }) => {
  const { pressure, wanted } = judgePressure(before, { available, stalled }, thresholds, nowMs);
  expect({ pressured: pressure.pressured, wanted }).toEqual({
    pressured: expected.pressured,
    wanted: expected.wanted,
  });
});

test("judgePressure: a break begins the grace anew", () => {
  let pressure = noPressure;
  const look = (available: number, nowMs: number) => {
    const verdict = judgePressure(pressure, { available, stalled: false }, thresholds, nowMs);
    pressure = verdict.pressure;
    return verdict.wanted;
  };
  expect(look(150, 0)).toBe(0);
  expect(look(250, 10_000)).toBe(0);
  expect(look(150, 20_000)).toBe(0);
  expect(look(150, 20_000 + softGraceMs - 1)).toBe(0);
  expect(look(150, 20_000 + softGraceMs)).toBe(90);
});
