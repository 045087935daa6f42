import { expect, test } from "vitest";
import type { WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import type { Reading } from "./reading.ts";
import { AutoscalerLife, cpu, inFlight, list, unknown, use, value } from "./testing/autoscalers.ts";

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
