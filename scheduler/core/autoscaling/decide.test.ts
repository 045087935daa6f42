import { expect, test } from "vitest";
import type { WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import type { Reading } from "./reading.ts";
import { AutoscalerLife, cpu, inFlight, list, query, unknown, use, value } from "./testing/autoscalers.ts";

test("decide: cpu above its target adds instances, and all below it take them away after the window", () => {
  const life = new AutoscalerLife({ metrics: [cpu(50)] }, 4);
  expect(life.look(0, use(1_000, 1_000, 1_000, 1_000))).toBe(8);
  expect(life.condition("AbleToScale")).toBe("True SucceededRescale");
  expect(life.last?.events).toEqual([
    { type: "Normal", reason: "SuccessfulRescale", message: "New size: 8 (was 4); reason: cpu above target" },
  ]);
  const quiet = use(...Array.from({ length: 8 }, () => 250));
  expect(life.lookEvery(15, 300, quiet)).toBe(8);
  expect(life.condition("AbleToScale")).toBe("True ScaleDownStabilized");
  expect(life.look(15, quiet)).toBe(4);
  expect(life.status?.targets).toBe("cpu: 25%/50%");
});

test.each<{
  name: string;
  spec: Partial<WasmAutoscalerSpec>;
  readings: readonly Reading[];
  reasons: readonly string[];
  isFallback?: boolean;
}>([
  { name: "all are known", spec: { metrics: [list(1)] }, readings: [value(2)], reasons: [] },
  {
    name: "one was not answered",
    spec: { metrics: [list(1)] },
    readings: [unknown],
    reasons: ["Unreachable"],
  },
  {
    name: "one is no number",
    spec: { metrics: [list(1)] },
    readings: [value(Number.NaN)],
    reasons: ["NoData"],
  },
  {
    name: "no instance has told of itself",
    spec: { metrics: [cpu(50)] },
    readings: [use()],
    reasons: ["NoData"],
  },
  {
    name: "a fallback stands in",
    spec: { metrics: [list(1)], fallback: [inFlight(1)] },
    readings: [unknown, value(1)],
    reasons: ["Unreachable"],
    isFallback: true,
  },
])("decide: says which metrics are not known: $name", ({ spec, readings, reasons, isFallback = false }) => {
  const life = new AutoscalerLife(spec, 2);
  life.look(0, ...readings);
  expect(life.last).toMatchObject({ unknown: reasons, isFallback });
});

test("decide: while one metric is not known, the others add and take nothing away", () => {
  const life = new AutoscalerLife({ metrics: [cpu(50), inFlight(10)] }, 4);
  expect(life.look(0, unknown, value(60))).toBe(6);
  expect(life.condition("ScalingActive")).toBe("False FailedGetResourceMetric");
  expect(life.lookEvery(15, 3_600, unknown, value(1))).toBe(6);
});

test("decide: a rise that has begun is finished without tolerance, for fifteen seconds", () => {
  const life = new AutoscalerLife({ metrics: [inFlight(10)] }, 10);
  expect(life.look(0, value(108))).toBe(10);
  expect(life.look(1, value(115))).toBe(12);
  expect(life.look(1, value(124))).toBe(13);
  expect(life.look(13.9, value(134))).toBe(14);
  // What finishes it does not begin another one.
  expect(life.look(0.1, value(144))).toBe(14);
  expect(life.look(1, value(155))).toBe(16);
});

test("decide: a rise is finished up to what there may be, and never goes down for it", () => {
  const life = new AutoscalerLife({ metrics: [inFlight(10)], maxReplicas: 13 }, 10);
  expect(life.look(0, value(115))).toBe(12);
  expect(life.look(1, value(119))).toBe(12);
  expect(life.look(1, value(110))).toBe(12);
  expect(life.look(1, value(500))).toBe(13);
});

test.each([
  { name: "of a Value", metric: query({ value: 10 }), reading: (ratio: number) => value(10 * ratio) },
  {
    name: "of what instances use",
    metric: cpu(50),
    reading: (ratio: number) => use(...Array.from({ length: 40 }, () => 500 * ratio)),
  },
])("decide: what falls only as instances are added is given its tolerance: $name", ({ metric, reading }) => {
  const life = new AutoscalerLife({ metrics: [metric] }, 10);
  const risen = life.look(0, reading(1.5));
  expect(risen).toBeGreaterThan(10);
  life.wallMs += 1_000;
  expect(life.look(1, reading(1.05))).toBe(risen);
});
