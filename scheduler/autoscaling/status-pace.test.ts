import { expect, test } from "vitest";
import type { WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { statusDifference, statusIntervalMs } from "./status-pace.ts";

const before: WasmAutoscalerStatus = {
  observedGeneration: 1,
  reference: "WasmDeployment/app",
  targets: "cpu: 30%/80%",
  currentReplicas: 2,
  desiredReplicas: 2,
  currentMetrics: [{ type: "Resource", name: "cpu", sampleTime: "2026-01-01T00:00:00Z" }],
  conditions: [
    {
      type: "AbleToScale",
      status: "True",
      reason: "ReadyForNewScale",
      message: "m",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
  ],
};
const condition = before.conditions![0]!;

test.each<{ name: string; change: Partial<WasmAutoscalerStatus>; difference: string }>([
  { name: "nothing", change: {}, difference: "nothing" },
  { name: "another number that is wanted", change: { desiredReplicas: 3 }, difference: "what" },
  {
    name: "another reason for which all is well",
    change: { conditions: [{ ...condition, reason: "x" }] },
    difference: "figures",
  },
  {
    name: "what is not so any more",
    change: { conditions: [{ ...condition, status: "False" }] },
    difference: "what",
  },
  { name: "a condition that is gone", change: { conditions: [] }, difference: "what" },
  { name: "another generation", change: { observedGeneration: 2 }, difference: "what" },
  { name: "other words", change: { conditions: [{ ...condition, message: "n" }] }, difference: "figures" },
  { name: "another value", change: { targets: "cpu: 31%/80%" }, difference: "figures" },
  { name: "another number that there is", change: { currentReplicas: 3 }, difference: "figures" },
  {
    name: "newer data",
    change: { currentMetrics: [{ type: "Resource", name: "cpu", sampleTime: "2026-01-01T00:00:09Z" }] },
    difference: "times",
  },
])("statusDifference: $name is $difference", ({ change, difference }) => {
  expect(statusDifference(before, { ...before, ...change })).toBe(difference);
});

test("statusDifference: another reason for which something is not so is written at once", () => {
  const failed = (reason: string) => ({
    ...before,
    conditions: [{ ...condition, status: "False" as const, reason }],
  });
  expect(statusDifference(failed("Unreachable"), failed("Refused"))).toBe("what");
});

test("statusDifference: the first status is something", () => {
  expect(statusDifference(undefined, {})).toBe("what");
});

test("statusIntervalMs: what it does is written at once, figures the more seldom the more there are", () => {
  expect(statusIntervalMs("what", 10_000)).toBe(0);
  expect(statusIntervalMs("figures", 1)).toBe(5_000);
  expect(statusIntervalMs("figures", 1_000)).toBe(20_000);
  expect(statusIntervalMs("times", 1)).toBe(60_000);
});
