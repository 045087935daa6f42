import { expect, test } from "vitest";
import { live, type Scaler } from "./workload-model.ts";

const flat = (rate: number, seconds: number) => Array.from({ length: seconds }, () => rate);
const always = (count: number): Scaler => ({ tick: () => count });

test("live: what arrives beyond what the ready ones are meant for is over target", () => {
  const life = live(
    { arrivals: [...flat(100, 60), ...flat(250, 10)], perInstance: 100, startMs: 0 },
    always(1),
  );
  expect(life.overTarget).toBeCloseTo(1_500, 6);
  expect(life.requests).toBe(8_500);
});

test("live: instances cost from when they are asked for, and answer from when they are ready", () => {
  const arrivals = [...flat(100, 60), ...flat(200, 40)];
  const scaler: Scaler = { tick: (nowMs) => (nowMs >= 60_000 ? 2 : 1) };
  const life = live({ arrivals, perInstance: 100, startMs: 5_000 }, scaler);
  expect(life.overTarget).toBeCloseTo(500, 6);
  expect(life.instanceHours).toBeCloseTo((60 + 40 * 2) / 3_600, 6);
});

test("live: the first to go are those that are not ready", () => {
  const arrivals = flat(100, 100);
  const scaler: Scaler = { tick: (nowMs) => (nowMs >= 20_000 && nowMs < 22_000 ? 5 : 1) };
  expect(live({ arrivals, perInstance: 100, startMs: 5_000 }, scaler).overTarget).toBe(0);
});
