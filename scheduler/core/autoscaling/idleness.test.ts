/** From and to zero. */
import { describe, expect, test } from "vitest";
import type { AutoscalerMetric, WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import type { Reading } from "./reading.ts";
import {
  AutoscalerLife,
  cpu,
  inFlight,
  instances,
  list,
  query,
  schedule,
  unknown,
  use,
  value,
} from "./testing/autoscalers.ts";

const quiet = value(0, { isActive: false });

/** Has been doing something for two hours, and stops now. */
function busy(replicas: number, spec: Partial<WasmAutoscalerSpec> = {}): AutoscalerLife {
  const life = new AutoscalerLife({ metrics: [inFlight(1)], minReplicas: 0, ...spec }, replicas);
  const readings = life.spec.metrics!.map((metric) =>
    metric.type === "Resource" ? use(...Array.from({ length: replicas }, () => 500)) : value(replicas),
  );
  life.look(0, ...readings);
  life.look(7_200, ...readings);
  return life;
}

function atZero(spec: Partial<WasmAutoscalerSpec> = {}): AutoscalerLife {
  const life = new AutoscalerLife({ metrics: [inFlight(1)], minReplicas: 0, ...spec }, 0);
  life.look(
    0,
    ...(life.spec.metrics ?? []).map(() => value(0)),
    ...(life.spec.fallback ?? []).map(() => value(0)),
  );
  return life;
}

describe("to zero", () => {
  test("decide: goes there when nothing has happened for idleSeconds, and not before", () => {
    const life = busy(1);
    expect(life.look(1, quiet)).toBe(1);
    expect(life.last?.wakeAtMs).toBe(life.nowMs + 300_000);
    expect(life.look(299.999, quiet)).toBe(1);
    expect(life.look(0.001, quiet)).toBe(0);
    expect(life.last?.why).toBe("Nothing has happened for 300 s");
  });

  test("decide: from many as well, whatever the window, which idleSeconds stands for", () => {
    const life = busy(8, { idleSeconds: 30 });
    life.look(0, quiet);
    expect(life.look(30, quiet)).toBe(0);
  });

  test("decide: with idleSeconds 0 at once", () => {
    expect(busy(3, { idleSeconds: 0 }).look(0, quiet)).toBe(0);
  });

  test("decide: until then at least one", () => {
    const life = busy(8, { idleSeconds: 86_400 });
    life.look(0, quiet);
    expect(life.look(300, quiet)).toBe(1);
    expect(life.lookEvery(600, 80_000, quiet)).toBe(1);
  });

  test("decide: anything that happens begins the time anew, though the value is 0", () => {
    const life = busy(1);
    life.look(0, quiet);
    life.look(299, value(0, { isActive: true }));
    life.look(0.5, quiet);
    expect(life.look(299, quiet)).toBe(1);
    expect(life.look(1, quiet)).toBe(0);
  });

  test.each<{
    readonly name: string;
    readonly metric: AutoscalerMetric;
    readonly isIdle: boolean;
    readonly reading: Reading;
  }>([
    {
      name: "a query at its threshold is idle",
      metric: query({ averageValue: 10 }, "5"),
      reading: value(5),
      isIdle: true,
    },
    {
      name: "a query above its threshold is not",
      metric: query({ averageValue: 10 }, "5"),
      reading: value(5.1),
      isIdle: false,
    },
    {
      name: "a query without a threshold is idle at 0",
      metric: query({ averageValue: 10 }),
      reading: value(0),
      isIdle: true,
    },
    { name: "a queue with anything in it is not", metric: list(100), reading: value(1), isIdle: false },
    { name: "a schedule that is off is idle", metric: schedule(2), reading: value(0), isIdle: true },
    { name: "a schedule that is on is not", metric: schedule(1), reading: value(1), isIdle: false },
  ])("decide: $name", ({ metric, reading, isIdle }) => {
    const life = new AutoscalerLife({ metrics: [metric], minReplicas: 0 }, 1);
    expect(life.lookEvery(10, 3_600, reading)).toBe(isIdle ? 0 : 1);
  });

  test.each<{
    readonly name: string;
    readonly spec?: Partial<WasmAutoscalerSpec>;
    readonly readings: readonly Reading[];
  }>([
    { name: "not known", readings: [unknown] },
    { name: "known in part", readings: [value(0, { isAtLeast: true })] },
    { name: "known, and another not", spec: { metrics: [inFlight(1), list(1)] }, readings: [quiet, unknown] },
    {
      name: "known, and what instances use not",
      spec: { metrics: [inFlight(1), cpu(50)] },
      readings: [quiet, unknown],
    },
    {
      name: "idle, and another active",
      spec: { metrics: [inFlight(1), list(1)] },
      readings: [quiet, value(1)],
    },
    { name: "not known, and the fallback idle", spec: { fallback: [list(1)] }, readings: [unknown, quiet] },
  ])("decide: never while a metric is $name", ({ spec, readings }) => {
    expect(busy(1, spec).lookEvery(30, 7_200, ...readings)).toBe(1);
  });

  test("decide: what instances use says nothing of it", () => {
    const life = busy(1, { metrics: [inFlight(1), cpu(50)] });
    life.look(0, quiet, use(500));
    expect(life.look(300, quiet, use(500))).toBe(0);
  });

  test("decide: only what instances use, which validation refuses, never goes to zero", () => {
    const life = new AutoscalerLife({ metrics: [cpu(50)], minReplicas: 0 }, 1);
    expect(life.lookEvery(60, 7_200, use(0))).toBe(1);
  });

  test("decide: after bad data a whole window must pass, and the idle time begins anew", () => {
    const life = busy(1, { idleSeconds: 30 });
    life.look(0, unknown);
    life.look(3_600, quiet);
    expect(life.look(299.999, quiet)).toBe(1);
    expect(life.last?.wakeAtMs).toBe(life.nowMs + 1);
    expect(life.look(0.001, quiet)).toBe(0);
  });

  test("decide: a moment in which one of two metrics is not known begins the idle time anew", () => {
    const behavior = { scaleDown: { selectPolicy: "Max", stabilizationWindowSeconds: 0 } } as const;
    const life = busy(1, { metrics: [inFlight(1), list(1)], idleSeconds: 600, behavior });
    life.look(0, quiet, quiet);
    life.look(300, quiet, unknown);
    life.look(1, quiet, quiet);
    expect(life.look(599, quiet, quiet)).toBe(1);
    expect(life.look(1, quiet, quiet)).toBe(0);
  });

  test("decide: no further than policies allow, and never if scaling down is disabled", () => {
    const policies = [{ type: "Instances", value: 3, periodSeconds: 60 }] as const;
    const slow = busy(8, { idleSeconds: 1, behavior: { scaleDown: { selectPolicy: "Max", policies } } });
    slow.look(0, quiet);
    expect([slow.look(1, quiet), slow.look(60, quiet), slow.look(60, quiet)]).toEqual([5, 2, 0]);
    const never = busy(8, { behavior: { scaleDown: { selectPolicy: "Disabled" } } });
    expect(never.lookEvery(60, 3_600, quiet)).toBe(8);
  });

  test("decide: with a minimum of 1 it stays at 1", () => {
    expect(busy(1, { minReplicas: 1 }).lookEvery(60, 7_200, quiet)).toBe(1);
  });
});

describe("from zero", () => {
  test.each<{
    readonly name: string;
    readonly spec?: Partial<WasmAutoscalerSpec>;
    readonly readings: readonly Reading[];
    readonly expected: number;
  }>([
    { name: "nothing happens: none", readings: [quiet], expected: 0 },
    { name: "something happens: one", readings: [value(0, { isActive: true })], expected: 1 },
    { name: "much happens: as many as the policies allow", readings: [value(50)], expected: 4 },
    {
      name: "a share of nothing counts as that of one",
      spec: {
        behavior: {
          scaleUp: { selectPolicy: "Max", policies: [{ type: "Percent", value: 200, periodSeconds: 15 }] },
        },
      },
      readings: [value(50)],
      expected: 3,
    },
    {
      name: "a window of scaling up holds back all but the first",
      spec: { behavior: { scaleUp: { selectPolicy: "Max", stabilizationWindowSeconds: 600 } } },
      readings: [value(50)],
      expected: 1,
    },
    {
      name: "never, if scaling up is disabled",
      spec: { behavior: { scaleUp: { selectPolicy: "Disabled" } } },
      readings: [value(50)],
      expected: 0,
    },
    {
      name: "below the activation threshold: none, whatever it proposes",
      spec: { metrics: [query({ averageValue: 1 }, 10)] },
      readings: [value(10)],
      expected: 0,
    },
    {
      name: "above the activation threshold: what it proposes",
      spec: { metrics: [query({ averageValue: 4 }, 10)] },
      readings: [value(11)],
      expected: 3,
    },
    {
      name: "a value as it is",
      spec: { metrics: [query({ value: 4 })] },
      readings: [value(11)],
      expected: 3,
    },
    { name: "a schedule begins", spec: { metrics: [schedule(3)] }, readings: [value(1)], expected: 3 },
    { name: "not known: none", readings: [unknown], expected: 0 },
    {
      name: "not known, and nothing happens by the fallback: none",
      spec: { fallback: [list(1)] },
      readings: [unknown, value(0)],
      expected: 0,
    },
    {
      name: "not known, and something happens by the fallback",
      spec: { fallback: [list(1)] },
      readings: [unknown, value(2)],
      expected: 2,
    },
    {
      name: "not known, and another is active",
      spec: { metrics: [inFlight(1), list(1)] },
      readings: [unknown, value(2)],
      expected: 2,
    },
    { name: "known in part, and active", readings: [value(2, { isAtLeast: true })], expected: 2 },
    {
      name: "what instances use, which nobody can know, needs no fallback",
      spec: { metrics: [inFlight(1), cpu(50)], fallback: [list(1)] },
      readings: [quiet, unknown, value(5)],
      expected: 0,
    },
  ])("decide: $name", ({ spec, readings, expected }) => {
    const life = atZero(spec);
    expect(life.look(10, ...readings)).toBe(expected);
  });

  test("decide: at zero, what instances use is not missed", () => {
    const life = atZero({ metrics: [inFlight(1), cpu(50)] });
    life.look(10, quiet, unknown);
    expect(life.condition("ScalingActive")).toBe("True ValidMetricFound");
    expect(life.last?.events).toEqual([]);
  });

  test("decide: whom the gateway woke is idle only from then on", () => {
    const life = busy(1, { idleSeconds: 60 });
    life.look(0, quiet);
    expect(life.look(60, quiet)).toBe(0);
    life.look(10, quiet);
    life.replicas = 1;
    expect(life.look(1, quiet)).toBe(1);
    expect(life.look(59.999, quiet)).toBe(1);
    expect(life.look(0.001, quiet)).toBe(0);
  });

  test("decide: whom the gateway woke before anybody looked at zero is idle only from then on", () => {
    const life = busy(1, { idleSeconds: 60 });
    life.look(0, quiet);
    expect(life.look(60, quiet)).toBe(0);
    life.replicas = 1;
    expect(life.look(1, quiet)).toBe(1);
    expect(life.look(60, quiet)).toBe(0);
  });

  test("decide: whom somebody raises, from any number, is idle only from then on", () => {
    const life = busy(1, { idleSeconds: 60 });
    life.look(0, quiet);
    life.look(59, quiet);
    life.replicas = 2;
    expect(life.look(1, quiet)).toBeGreaterThanOrEqual(1);
    expect(life.look(59.999, quiet)).toBeGreaterThanOrEqual(1);
    expect(life.look(0.001, quiet)).toBe(0);
  });

  test("decide: what it has raised itself does not begin the idle time anew", () => {
    const life = new AutoscalerLife(
      { metrics: [query({ averageValue: 1 }, 10)], minReplicas: 0, idleSeconds: 400 },
      1,
    );
    expect(life.look(0, value(11))).toBe(5);
    expect(life.look(1, value(10))).toBe(5);
    expect(life.look(15, value(10))).toBe(10);
    expect(life.look(384.999, value(10))).toBe(10);
    expect(life.look(0.001, value(10))).toBe(0);
  });

  test("decide: at the edge it does not flap", () => {
    const life = atZero({ metrics: [query({ averageValue: 10 }, 5)] });
    const seen = [];
    for (let minute = 0; minute < 60; minute++) seen.push(life.look(60, value(minute % 2 === 0 ? 6 : 5)));
    expect(new Set(seen)).toEqual(new Set([1]));
  });

  test("decide: a zero that could not be written is wanted again", () => {
    const life = busy(1);
    life.look(0, quiet);
    life.look(300, quiet);
    life.replicas = 1;
    life.memory = life.last!.memoryIfFailed;
    life.instances = instances(1);
    expect(life.look(1, quiet)).toBe(0);
  });
});
