import { expect, test } from "vitest";
import { AutoscalerLife, cpu, inFlight, unknown, use, value } from "./testing/autoscalers.ts";

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

test("decide: while one metric is not known, the others add and take nothing away", () => {
  const life = new AutoscalerLife({ metrics: [cpu(50), inFlight(10)] }, 4);
  expect(life.look(0, unknown, value(60))).toBe(6);
  expect(life.condition("ScalingActive")).toBe("False FailedGetResourceMetric");
  expect(life.lookEvery(15, 3_600, unknown, value(1))).toBe(6);
});
