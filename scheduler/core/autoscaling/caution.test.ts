/** The rule for bad data: what is not known takes nothing away, and what is known may still add. */
import { describe, expect, test } from "vitest";
import type { WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import type { Reading } from "./reading.ts";
import type { TargetInstance } from "./target.ts";
import {
  AutoscalerLife,
  cpu,
  inFlight,
  instance,
  instances,
  list,
  query,
  schedule,
  startMs,
  unknown,
  use,
  value,
} from "./testing/autoscalers.ts";

const noWindow = { scaleDown: { selectPolicy: "Max", stabilizationWindowSeconds: 0 } } as const;

/** Two metrics, 10 of each wanted, and content for two hours. */
function settled(spec: Partial<WasmAutoscalerSpec> = {}): AutoscalerLife {
  const life = new AutoscalerLife({ metrics: [list(1), inFlight(1)], ...spec }, 10);
  const fallback = (life.spec.fallback ?? []).map(() => value(10));
  const readings = (life.spec.metrics ?? []).map(({ type }) => value(type === "Schedule" ? 0 : 10));
  life.look(0, ...readings, ...fallback);
  life.look(7_200, ...readings, ...fallback);
  return life;
}

const partial = value(2, { isAtLeast: true });
const ten = use(...Array.from({ length: 10 }, () => 100));

function nine(last: Partial<TargetInstance>): readonly TargetInstance[] {
  return [...instances(9), instance("i9", last)];
}

describe("nothing is taken away", () => {
  test.each<{
    readonly name: string;
    readonly spec?: Partial<WasmAutoscalerSpec>;
    readonly readings: readonly Reading[];
    readonly instances?: readonly TargetInstance[];
    readonly active: string;
    readonly says: RegExp;
  }>([
    {
      name: "one metric of two is not known",
      readings: [value(2), unknown],
      active: "False Unreachable",
      says: /^inFlight is not known \(Unreachable\): no answer\. Until/,
    },
    {
      name: "none is known",
      readings: [unknown, unknown],
      active: "False Unreachable",
      says: /^jobs is not known.*; inFlight is not known/,
    },
    { name: "none was asked yet", readings: [], active: "Unknown Pending", says: /it was not asked yet/ },
    {
      name: "one is known in part",
      readings: [value(2), partial],
      active: "True PartialMetrics",
      says: /^inFlight is known in part only/,
    },
    {
      name: "one is no number",
      readings: [value(2), value(Number.NaN)],
      active: "False NoData",
      says: /its value is NaN/,
    },
    {
      name: "what instances use is not known",
      spec: { metrics: [list(1), cpu(50)] },
      readings: [value(2), unknown],
      active: "False FailedGetResourceMetric",
      says: /^cpu is not known/,
    },
    {
      name: "an instance has said nothing for long",
      spec: { metrics: [cpu(50)] },
      readings: [use(...Array.from({ length: 9 }, () => 100))],
      active: "True PartialMetrics",
      says: /1 of 10 instances have said nothing for a minute/,
    },
    {
      name: "an instance's node is silent",
      spec: { metrics: [cpu(50)] },
      readings: [ten],
      instances: nine({ isHeardOf: false }),
      active: "True ValidMetricFound",
      says: /./,
    },
    {
      name: "an instance's node is silent, though no metric is about instances",
      readings: [value(2), value(2)],
      instances: nine({ isHeardOf: false }),
      active: "True ValidMetricFound",
      says: /./,
    },
    {
      name: "a fallback wants less",
      spec: { fallback: [query({ averageValue: 1 })] },
      readings: [value(2), unknown, value(1)],
      active: "False Unreachable",
      says: /, and sum\(queue\) stands in for it$/,
    },
  ])("decide: while $name", ({ spec, readings, instances, active, says }) => {
    const life = settled({ behavior: noWindow, ...spec });
    life.instances = instances;
    expect(life.lookEvery(30, 7_200, ...readings)).toBe(10);
    expect(life.condition("ScalingActive")).toBe(active);
    expect(life.message("ScalingActive")).toMatch(says);
  });

  test("decide: says in AbleToScale what is wanted and why it is not done", () => {
    const life = settled({ behavior: noWindow });
    life.look(10, value(2), partial);
    expect(life.condition("AbleToScale")).toBe("True ScaleDownHeld");
    expect(life.message("AbleToScale")).toBe(
      "2 are wanted, and nothing is taken away because inFlight is known in part only",
    );
  });

  test("decide: what is missing for less than a minute after the start is as in the HPA", () => {
    const life = settled({ behavior: noWindow, metrics: [cpu(50)] });
    life.look(0, ten);
    life.instances = nine({ startedMs: life.nowMs + 60_000 });
    // Nine at 20 percent of the target, and one that is assumed to use all it requests.
    expect(life.look(60, use(...Array.from({ length: 9 }, () => 100)))).toBe(4);
  });
});

describe("what is known still adds", () => {
  test.each<{
    readonly name: string;
    readonly spec?: Partial<WasmAutoscalerSpec>;
    readonly readings: readonly Reading[];
    readonly expected: number;
    readonly why: string;
  }>([
    { name: "another metric", readings: [value(15), unknown], expected: 15, why: "jobs above target" },
    {
      name: "what is known in part",
      readings: [value(2), value(14, { isAtLeast: true })],
      expected: 14,
      why: "inFlight above target",
    },
    {
      name: "a fallback",
      spec: { fallback: [query({ averageValue: 1 })] },
      readings: [unknown, value(2), value(13)],
      expected: 13,
      why: "sum(queue) above target",
    },
    {
      name: "the first fallback that is known",
      spec: { fallback: [inFlight(1), query({ averageValue: 1 }), list(1)] },
      readings: [unknown, unknown, unknown, value(12), value(20)],
      expected: 12,
      why: "sum(queue) above target",
    },
    {
      name: "a schedule",
      spec: { metrics: [list(1), schedule(17)] },
      readings: [unknown, value(1)],
      expected: 17,
      why: "0 8 * * * to 0 18 * * * above target",
    },
  ])("decide: $name", ({ spec, readings, expected, why }) => {
    const life = settled(spec);
    expect(life.look(10, ...readings)).toBe(expected);
    expect(life.last?.why).toBe(why);
  });

  test("decide: fallbacks say nothing while all metrics are known", () => {
    const life = settled({ fallback: [query({ averageValue: 1 })] });
    expect(life.look(10, value(10), value(10), value(50))).toBe(10);
    expect(life.status?.currentMetrics).toHaveLength(2);
  });

  test("decide: a fallback is in the status only while it stands in", () => {
    const life = settled({ fallback: [query({ averageValue: 1 })] });
    life.look(10, value(10), unknown, value(5));
    expect(life.status?.currentMetrics?.map(({ name, message }) => [name, message])).toEqual([
      ["jobs", undefined],
      ["inFlight", "Unreachable: no answer"],
      ["sum(queue)", undefined],
    ]);
  });
});

describe("after that", () => {
  const low = [value(2), value(2)];

  test.each<{ readonly name: string; readonly bad: readonly Reading[] }>([
    { name: "unknown", bad: [value(2), unknown] },
    { name: "known in part", bad: [value(2), partial] },
  ])("decide: when a metric was $name, a whole window must pass", ({ bad }) => {
    const life = settled();
    life.lookEvery(10, 3_600, ...bad);
    expect(life.look(10, ...low)).toBe(10);
    expect(life.look(299.999, ...low)).toBe(10);
    expect(life.look(0.001, ...low)).toBe(2);
  });

  test("decide: one bad moment within the window begins it anew", () => {
    const life = settled();
    life.look(0, ...low);
    life.look(290, value(2), unknown);
    life.look(1, ...low);
    expect(life.look(299.999, ...low)).toBe(10);
    expect(life.look(0.001, ...low)).toBe(2);
  });

  test("decide: what is bad stays bad until the next look", () => {
    const life = settled();
    life.look(0, value(2), unknown);
    expect(life.look(3_600, ...low)).toBe(10);
    expect(life.look(300, ...low)).toBe(2);
  });

  test("decide: without a window a metric is trusted a minute after it came back", () => {
    const life = settled({ behavior: noWindow });
    life.look(0, unknown, value(2));
    life.look(10, ...low);
    expect(life.look(59.999, ...low)).toBe(10);
    expect(life.message("AbleToScale")).toMatch(/because jobs has been known for less than 60 s$/);
    expect(life.last?.wakeAtMs).toBe(life.nowMs + 1);
    expect(life.look(0.001, ...low)).toBe(2);
  });

  test("decide: what looks back for ten minutes is trusted after ten minutes", () => {
    const life = settled({ behavior: noWindow });
    const back = [value(2), value(2, { rangeMs: 600_000 })];
    life.look(0, value(2), unknown);
    life.look(10, ...back);
    expect(life.look(599.999, ...back)).toBe(10);
    expect(life.look(0.001, ...back)).toBe(2);
  });

  test("decide: who was away counts as unknown then, though the last answer held", () => {
    const life = settled({ behavior: noWindow });
    const back = [value(2), value(2, { rangeMs: 600_000, awayMs: life.nowMs + 5_000 })];
    expect(life.look(10, ...back)).toBe(10);
    expect(life.look(594.999, ...back)).toBe(10);
    expect(life.message("AbleToScale")).toMatch(/because inFlight has been known for less than 600 s$/);
    expect(life.look(0.001, ...back)).toBe(2);
  });

  test("decide: a window must pass after somebody was away, too", () => {
    const life = settled();
    life.look(0, ...low);
    const back = [value(2), value(2, { awayMs: life.nowMs + 200_000 })];
    expect(life.look(499.999, ...back)).toBe(10);
    expect(life.look(0.001, ...back)).toBe(2);
  });

  test("decide: the idle time begins anew when somebody was away", () => {
    const life = settled({ behavior: noWindow, minReplicas: 0, metrics: [query({ averageValue: 1 })] });
    life.look(0, value(0));
    const back = value(0, { awayMs: life.nowMs + 200_000 });
    expect(life.look(200, back)).toBe(1);
    expect(life.look(299.999, back)).toBe(1);
    expect(life.look(0.001, back)).toBe(0);
  });

  test("decide: what looks back for a week is trusted after an hour", () => {
    const life = settled({ behavior: noWindow });
    const back = [value(2), value(2, { rangeMs: 7 * 86_400_000 })];
    life.look(0, value(2), unknown);
    life.look(10, ...back);
    expect(life.look(3_599.999, ...back)).toBe(10);
    expect(life.look(0.001, ...back)).toBe(2);
  });

  test("decide: another metric at its place has a past of its own", () => {
    const life = settled({ behavior: noWindow });
    const changed = new AutoscalerLife({ ...life.spec, metrics: [list(1), inFlight(2)] }, 10);
    changed.memory = life.memory;
    changed.nowMs = life.nowMs;
    expect(changed.look(1, value(2), value(4))).toBe(10);
    expect(changed.look(60, value(2), value(4))).toBe(2);
    // The same, read anew from the store, has the past that it had.
    const same = new AutoscalerLife(JSON.parse(JSON.stringify(life.spec)), 10);
    same.memory = life.memory;
    same.nowMs = life.nowMs;
    expect(same.look(1, ...low)).toBe(2);
  });

  test("decide: who begins takes nothing away before a window has passed", () => {
    const life = new AutoscalerLife({ metrics: [list(1), inFlight(1)] }, 10);
    expect(life.lookEvery(1, 300, ...low)).toBe(10);
    expect(life.condition("AbleToScale")).toBe("True ScaleDownStabilized");
    expect(life.look(1, ...low)).toBe(2);
  });

  test("decide: who begins without a window takes nothing away before a minute has passed", () => {
    const life = new AutoscalerLife({ metrics: [list(1)], behavior: noWindow }, 10);
    expect(life.lookEvery(1, 60, value(2))).toBe(10);
    expect(life.look(1, value(2))).toBe(2);
  });

  test("decide: a target that could not be read begins it anew", () => {
    const life = settled();
    life.look(0, ...low);
    life.lookWithoutTarget(200, { kind: "unavailable", message: "the store is down" });
    expect(life.look(200, ...low)).toBe(10);
    expect(life.look(299.999, ...low)).toBe(10);
    expect(life.look(0.001, ...low)).toBe(2);
  });

  test("decide: leaps of the wall clock change nothing", () => {
    const life = settled();
    life.look(0, ...low);
    life.wallMs -= 86_400_000;
    expect(life.look(100, ...low)).toBe(10);
    life.wallMs += 7 * 86_400_000;
    expect(life.look(100, ...low)).toBe(10);
    expect(life.look(100, ...low)).toBe(2);
  });
});

test("decide: an instance without a node is not one whose node is silent", () => {
  const life = settled({ behavior: noWindow });
  life.instances = nine({ phase: "pending", isHeardOf: false, isReady: false, startedMs: undefined });
  expect(life.look(10, value(2), value(2))).toBe(2);
});

test("decide: an instance that is stopping on a silent node may still be there", () => {
  const life = settled({ behavior: noWindow });
  life.instances = nine({ phase: "stopping", isHeardOf: false, startedMs: startMs });
  expect(life.look(10, value(2), value(2))).toBe(10);
});
