import { describe, expect, test } from "vitest";
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import type { Reading } from "./reading.ts";
import {
  AutoscalerLife,
  cpu,
  inFlight,
  list,
  query,
  schedule,
  unknown,
  use,
  value,
} from "./testing/autoscalers.ts";

const memory: AutoscalerMetric = {
  type: "Resource",
  resource: { name: "memory", target: { type: "AverageValue", averageValue: "64Mi" } },
};

test.each<{
  readonly name: string;
  readonly metrics: readonly AutoscalerMetric[];
  readonly readings: readonly Reading[];
  readonly current?: number;
  readonly expected: string;
}>([
  { name: "a share", metrics: [cpu(80)], readings: [use(300, 300)], expected: "cpu: 30%/80%" },
  { name: "no metric: cpu at 80 percent", metrics: [], readings: [use(300, 300)], expected: "cpu: 30%/80%" },
  {
    name: "bytes",
    metrics: [memory],
    readings: [use(32 * 2 ** 20, 32 * 2 ** 20)],
    expected: "memory: 32Mi/64Mi (avg)",
  },
  { name: "an average", metrics: [inFlight(10)], readings: [value(24)], expected: "inFlight: 12/10 (avg)" },
  {
    name: "an average of nobody",
    metrics: [inFlight(10)],
    readings: [value(0)],
    current: 0,
    expected: "inFlight: 0/10 (avg)",
  },
  {
    name: "a value",
    metrics: [query({ value: "1.5" })],
    readings: [value(0.25)],
    expected: "sum(queue): 250m/1500m",
  },
  { name: "unknown", metrics: [list(5)], readings: [unknown], expected: "jobs: <unknown>/5 (avg)" },
  { name: "unknown use", metrics: [cpu(5)], readings: [unknown], expected: "cpu: <unknown>/5%" },
  {
    name: "a schedule",
    metrics: [schedule(5), schedule(6)],
    readings: [value(1), value(0)],
    expected: "0 8 * * * to 0 18 * * *: 5, 0 8 * * * to 0 18 * * *: not now",
  },
  {
    name: "more than fit",
    metrics: [list(1), list(2), list(3), list(4), list(5)],
    readings: Array.from({ length: 5 }, () => value(2)),
    expected: "jobs: 1/1 (avg), jobs: 1/2 (avg), jobs: 1/3 (avg) + 2 more...",
  },
  {
    name: "more than a quantity can be",
    metrics: [query({ value: 1 })],
    readings: [value(1e300)],
    expected: "sum(queue): 9223372036854775807m/1",
  },
])("autoscalerStatus: targets of $name", ({ metrics, readings, current = 2, expected }) => {
  const life = new AutoscalerLife({ metrics, minReplicas: 0 }, current);
  life.look(0, ...readings);
  expect(life.status?.targets).toBe(expected);
});

test("autoscalerStatus: targets name what stands in", () => {
  const life = new AutoscalerLife({ metrics: [list(5)], fallback: [inFlight(10)] }, 2);
  life.look(0, unknown, value(8));
  expect(life.status?.targets).toBe("jobs: <unknown>/5 (avg); fallback inFlight: 4/10 (avg)");
});

test("autoscalerStatus: long names are cut, in one line, and through no character", () => {
  const long = query({ value: 1 });
  const metric = { ...long, prometheus: { ...long.prometheus!, query: `sum(\n\t${"😀".repeat(4_000)})` } };
  const life = new AutoscalerLife({ metrics: [metric] }, 2);
  life.look(0, unknown);
  const [status] = life.status?.currentMetrics ?? [];
  expect(life.status?.targets).toBe(`sum( ${"😀".repeat(13)}…: <unknown>/1`);
  expect(status?.name?.length).toBeLessThanOrEqual(256);
  expect(status?.name?.isWellFormed()).toBe(true);
});

test("autoscalerStatus: says all of a decision", () => {
  const life = new AutoscalerLife({ metrics: [cpu(50), inFlight(10)] }, 2);
  life.look(0, use(1_000, 500), value(24, { isAtLeast: true }));
  expect(life.status).toEqual({
    observedGeneration: 1,
    reference: "WasmDeployment/web",
    targets: "cpu: 75%/50%, inFlight: 12/10 (avg)",
    currentReplicas: 2,
    desiredReplicas: 3,
    lastScaleTime: "2026-01-01T00:00:00Z",
    currentMetrics: [
      {
        type: "Resource",
        name: "cpu",
        current: { averageUtilization: 75, averageValue: "750m" },
        proposedReplicas: 3,
        sampleTime: "2026-01-01T00:00:00Z",
      },
      {
        type: "Requests",
        name: "inFlight",
        current: { value: "24", averageValue: "12" },
        proposedReplicas: 3,
        sampleTime: "2026-01-01T00:00:00Z",
        message: "part of the data is missing, so it may be more",
      },
    ],
    conditions: [
      expect.objectContaining({
        type: "AbleToScale",
        status: "True",
        reason: "SucceededRescale",
        observedGeneration: 1,
      }),
      expect.objectContaining({ type: "ScalingActive", status: "True", reason: "PartialMetrics" }),
      expect.objectContaining({ type: "ScalingLimited", status: "False", reason: "DesiredWithinRange" }),
    ],
  });
});

test("autoscalerStatus: times move only when something does", () => {
  const life = new AutoscalerLife({ metrics: [list(1)] }, 2);
  life.look(0, value(4));
  life.look(60, value(4));
  expect(life.status?.lastScaleTime).toBe("2026-01-01T00:00:00Z");
  expect(life.status?.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
    Array.from({ length: 3 }, () => "2026-01-01T00:00:00Z"),
  );
  life.look(60, unknown);
  expect(life.status?.conditions?.find(({ type }) => type === "ScalingActive")?.lastTransitionTime).toBe(
    "2026-01-01T00:02:00Z",
  );
});

test("autoscalerStatus: says what of a metric is missing, if the source knows it", () => {
  const life = new AutoscalerLife({ metrics: [list(1)] }, 2);
  life.look(0, value(4, { isAtLeast: true, note: "a store did not answer" }));
  expect(life.status?.currentMetrics?.[0]?.message).toBe("a store did not answer");
  expect(life.message("ScalingActive")).toMatch(/^jobs is known in part only: a store did not answer\./);
});

describe("events", () => {
  test("decide: a metric that is not known is told of once for each reason", () => {
    const life = new AutoscalerLife({ metrics: [list(1), cpu(50)] }, 2);
    const told = (...readings: readonly Reading[]): readonly string[] => {
      life.look(10, ...readings);
      return life.last!.events.map(({ type, reason }) => `${type} ${reason}`);
    };
    expect(told()).toEqual([]);
    expect(told(unknown, unknown)).toEqual(["Warning Unreachable", "Warning FailedGetResourceMetric"]);
    expect(told(unknown, unknown)).toEqual([]);
    expect(told({ kind: "unknown", reason: "Refused", message: "parse error" }, use(500, 500))).toEqual([
      "Warning Refused",
    ]);
    expect(told(value(2), use(500, 500))).toEqual([]);
    expect(told(unknown, use(500, 500))).toEqual(["Warning Unreachable"]);
  });
});

describe("without a target", () => {
  test.each([
    {
      name: "a kind that is not there",
      target: { kind: "noKind", message: "no kind X" },
      reason: "FailedGetScale",
    },
    {
      name: "a kind without a scale",
      target: { kind: "noScale", message: "X has none" },
      reason: "FailedGetScale",
    },
    {
      name: "a name that is not there",
      target: { kind: "notFound", message: "no x" },
      reason: "FailedGetScale",
    },
    { name: "one that another scales", target: { kind: "taken", by: "first" }, reason: "AmbiguousTarget" },
  ] as const)("decide: $name", ({ target, reason }) => {
    const life = new AutoscalerLife({ metrics: [list(1)] }, 2);
    life.look(0, value(2));
    life.lookWithoutTarget(10, target);
    expect(life.condition("AbleToScale")).toBe(`False ${reason}`);
    expect(life.last?.replicas).toBeUndefined();
    expect(life.last?.events).toEqual([{ type: "Warning", reason, message: life.message("AbleToScale") }]);
    expect(life.status).toMatchObject({ reference: "WasmDeployment/web", targets: "<none>" });
    expect(life.status?.currentReplicas).toBeUndefined();
    life.lookWithoutTarget(10, target);
    expect(life.last?.events).toEqual([]);
  });

  test("decide: what was known stays while the API server cannot be asked", () => {
    const life = new AutoscalerLife({ metrics: [list(1)] }, 2);
    life.look(0, value(2));
    life.lookWithoutTarget(10, { kind: "unavailable", message: "the store is down" });
    expect(life.condition("AbleToScale")).toBe("False FailedGetScale");
    expect(life.status).toMatchObject({ currentReplicas: 2, desiredReplicas: 2, targets: "jobs: 1/1 (avg)" });
  });
});
