/** Windows, policies and bounds, by the documented behaviour of Kubernetes' HPA. */
import { describe, expect, test } from "vitest";
import type { ScalingRules, WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import { AutoscalerLife, list, query, value } from "./testing/autoscalers.ts";

type Policy = NonNullable<ScalingRules["policies"]>[number];

const instancesPer = (count: number, periodSeconds: number): Policy => ({
  type: "Instances",
  value: count,
  periodSeconds,
});
const podsPer = (count: number, periodSeconds: number): Policy => ({
  type: "Pods",
  value: count,
  periodSeconds,
});
const percentPer = (share: number, periodSeconds: number): Policy => ({
  type: "Percent",
  value: share,
  periodSeconds,
});

function rules(fields: Partial<ScalingRules>): ScalingRules {
  return { selectPolicy: "Max", ...fields };
}

const immediately = rules({ stabilizationWindowSeconds: 0 });
const anything = rules({ policies: [percentPer(1_000_000, 1)] });

/** Wants as many as the value says, and has been content for two hours. */
function settled(replicas: number, spec: Partial<WasmAutoscalerSpec>): AutoscalerLife {
  const life = new AutoscalerLife({ metrics: [list(1)], maxReplicas: 1_000, ...spec }, replicas);
  life.look(0, value(replicas));
  life.look(7_200, value(replicas));
  return life;
}

/** What it is set to at each of the looks: seconds since the one before, and what is wanted. */
function course(life: AutoscalerLife, ...looks: readonly (readonly [number, number])[]): readonly number[] {
  return looks.map(([seconds, wanted]) => life.look(seconds, value(wanted)));
}

describe("up", () => {
  test.each<{
    readonly name: string;
    readonly from: number;
    readonly up?: ScalingRules;
    readonly spec?: Partial<WasmAutoscalerSpec>;
    readonly looks: readonly (readonly [number, number])[];
    readonly expected: readonly number[];
    readonly limited: string;
  }>([
    { name: "by default 4 at once", from: 2, looks: [[0, 50]], expected: [6], limited: "True ScaleUpLimit" },
    {
      name: "by default twice as many at once",
      from: 10,
      looks: [[0, 50]],
      expected: [20],
      limited: "True ScaleUpLimit",
    },
    {
      name: "by default again after 15 s, and not before",
      from: 10,
      looks: [
        [0, 50],
        [14.999, 50],
        [0.001, 50],
        [15, 50],
      ],
      expected: [20, 20, 40, 50],
      limited: "False DesiredWithinRange",
    },
    {
      name: "what is left of the policy",
      from: 10,
      looks: [
        [0, 15],
        [5, 50],
      ],
      expected: [15, 20],
      limited: "True ScaleUpLimit",
    },
    {
      name: "instances, the most of two policies",
      from: 10,
      up: rules({ policies: [instancesPer(3, 60), percentPer(10, 60)] }),
      looks: [[0, 50]],
      expected: [13],
      limited: "True ScaleUpLimit",
    },
    {
      name: "percents, the most of two policies",
      from: 100,
      up: rules({ policies: [instancesPer(3, 60), percentPer(10, 60)] }),
      looks: [[0, 500]],
      expected: [110],
      limited: "True ScaleUpLimit",
    },
    {
      name: "the least of two policies",
      from: 100,
      up: rules({ selectPolicy: "Min", policies: [podsPer(3, 60), percentPer(10, 60)] }),
      looks: [[0, 500]],
      expected: [103],
      limited: "True ScaleUpLimit",
    },
    {
      name: "a share of one is rounded up",
      from: 3,
      up: rules({ policies: [percentPer(1, 60)] }),
      looks: [[0, 50]],
      expected: [4],
      limited: "True ScaleUpLimit",
    },
    {
      name: "never",
      from: 10,
      up: rules({ selectPolicy: "Disabled" }),
      looks: [
        [0, 50],
        [3_600, 50],
      ],
      expected: [10, 10],
      limited: "True ScaleUpLimit",
    },
    {
      name: "two policies with periods of their own",
      from: 10,
      up: rules({ selectPolicy: "Min", policies: [instancesPer(2, 10), instancesPer(3, 60)] }),
      looks: [
        [0, 50],
        [10, 50],
        [10, 50],
        [40, 50],
      ],
      expected: [12, 13, 13, 15],
      limited: "True ScaleUpLimit",
    },
    {
      name: "to the maximum",
      from: 10,
      spec: { maxReplicas: 12 },
      looks: [[0, 50]],
      expected: [12],
      limited: "True TooManyReplicas",
    },
    {
      name: "no further than the maximum",
      from: 12,
      spec: { maxReplicas: 12 },
      looks: [[0, 50]],
      expected: [12],
      limited: "True TooManyReplicas",
    },
    {
      name: "a maximum and policies that say the same",
      from: 4,
      spec: { maxReplicas: 8 },
      looks: [[0, 50]],
      expected: [8],
      limited: "True TooManyReplicas",
    },
    {
      name: "what was taken away in the period may come back",
      from: 10,
      spec: {
        behavior: {
          scaleDown: { ...immediately, policies: [instancesPer(5, 60)] },
          scaleUp: rules({ policies: [instancesPer(1, 60)] }),
        },
      },
      looks: [
        [0, 1],
        [1, 50],
      ],
      expected: [5, 11],
      limited: "True ScaleUpLimit",
    },
    {
      name: "a window: the lowest of it",
      from: 10,
      up: rules({ stabilizationWindowSeconds: 60, ...anything }),
      looks: [
        [0, 30],
        [30, 20],
        [29.999, 30],
        [0.001, 30],
        [30, 30],
        [29.999, 30],
      ],
      expected: [10, 10, 10, 20, 20, 30],
      limited: "False DesiredWithinRange",
    },
    {
      name: "a window: a moment of less counts, and takes nothing away",
      from: 10,
      up: rules({ stabilizationWindowSeconds: 60, ...anything }),
      looks: [
        [0, 30],
        [59, 5],
        [1, 30],
        [58.999, 30],
        [0.001, 30],
        [1, 30],
      ],
      expected: [10, 10, 10, 10, 10, 30],
      limited: "False DesiredWithinRange",
    },
  ])("decide: $name", ({ from, up, spec, looks, expected, limited }) => {
    const life = settled(from, { ...(up === undefined ? {} : { behavior: { scaleUp: up } }), ...spec });
    expect(course(life, ...looks)).toEqual(expected);
    expect(life.condition("ScalingLimited")).toBe(limited);
  });
});

describe("down", () => {
  test.each<{
    readonly name: string;
    readonly from: number;
    readonly down?: ScalingRules;
    readonly spec?: Partial<WasmAutoscalerSpec>;
    readonly looks: readonly (readonly [number, number])[];
    readonly expected: readonly number[];
    readonly limited: string;
  }>([
    {
      name: "by default the highest of five minutes",
      from: 10,
      looks: [
        [0, 5],
        [150, 3],
        [149.999, 3],
        [0.001, 3],
        [150, 3],
      ],
      expected: [10, 10, 10, 5, 3],
      limited: "False DesiredWithinRange",
    },
    {
      name: "by default all at once",
      from: 100,
      looks: [
        [0, 2],
        [300, 2],
      ],
      expected: [100, 2],
      limited: "False DesiredWithinRange",
    },
    {
      name: "a moment of more counts, and adds nothing that is not wanted",
      from: 10,
      looks: [
        [0, 5],
        [200, 8],
        [1, 5],
        [299, 5],
        [1, 5],
        [1, 5],
      ],
      expected: [10, 10, 10, 8, 5, 5],
      limited: "False DesiredWithinRange",
    },
    {
      name: "what was wanted until now counts, however long nobody looked",
      from: 10,
      looks: [
        [3_600, 2],
        [299.999, 2],
        [0.001, 2],
      ],
      expected: [10, 10, 2],
      limited: "False DesiredWithinRange",
    },
    {
      name: "instances",
      from: 10,
      down: { ...immediately, policies: [instancesPer(3, 60)] },
      looks: [
        [0, 1],
        [59, 1],
        [1, 1],
      ],
      expected: [7, 7, 4],
      limited: "True ScaleDownLimit",
    },
    {
      name: "a share, rounded so that one goes",
      from: 5,
      down: { ...immediately, policies: [percentPer(10, 60)] },
      looks: [[0, 1]],
      expected: [4],
      limited: "True ScaleDownLimit",
    },
    {
      name: "the most of two policies",
      from: 100,
      down: { ...immediately, policies: [instancesPer(3, 60), percentPer(10, 60)] },
      looks: [[0, 1]],
      expected: [90],
      limited: "True ScaleDownLimit",
    },
    {
      name: "the least of two policies",
      from: 100,
      down: { ...immediately, selectPolicy: "Min", policies: [instancesPer(3, 60), percentPer(10, 60)] },
      looks: [[0, 1]],
      expected: [97],
      limited: "True ScaleDownLimit",
    },
    {
      name: "never",
      from: 10,
      down: { ...immediately, selectPolicy: "Disabled" },
      looks: [
        [0, 1],
        [3_600, 1],
      ],
      expected: [10, 10],
      limited: "True ScaleDownLimit",
    },
    {
      name: "to the minimum",
      from: 10,
      down: immediately,
      spec: { minReplicas: 4 },
      looks: [[0, 1]],
      expected: [4],
      limited: "True TooFewReplicas",
    },
    {
      name: "no further than the minimum, though policies allow it",
      from: 10,
      down: { ...immediately, policies: [instancesPer(8, 60)] },
      spec: { minReplicas: 4 },
      looks: [[0, 1]],
      expected: [4],
      limited: "True TooFewReplicas",
    },
    {
      name: "no further than the minimum",
      from: 4,
      down: immediately,
      spec: { minReplicas: 4 },
      looks: [[0, 1]],
      expected: [4],
      limited: "True TooFewReplicas",
    },
    {
      name: "what was added in the period may go",
      from: 10,
      down: { ...immediately, policies: [instancesPer(1, 60)] },
      looks: [
        [0, 20],
        [1, 1],
      ],
      expected: [20, 9],
      limited: "True ScaleDownLimit",
    },
    {
      name: "a window without an end in sight: it never goes down and up again",
      from: 10,
      looks: [
        [60, 9],
        [60, 11.5],
        [60, 9],
        [60, 11.5],
        [60, 9],
        [60, 11.5],
      ],
      expected: [10, 12, 12, 12, 12, 12],
      limited: "False DesiredWithinRange",
    },
  ])("decide: $name", ({ from, down, spec, looks, expected, limited }) => {
    const life = settled(from, { behavior: down === undefined ? {} : { scaleDown: down }, ...spec });
    expect(course(life, ...looks)).toEqual(expected);
    expect(life.condition("ScalingLimited")).toBe(limited);
  });
});

describe("bounds", () => {
  test("decide: above the maximum it goes there at once, whatever metrics and windows say", () => {
    const life = new AutoscalerLife({ metrics: [list(1)], maxReplicas: 5 }, 50);
    expect(life.look(0, value(50))).toBe(5);
    expect(life.last?.why).toBe("Current number of replicas above Spec.MaxReplicas");
    expect(life.condition("ScalingLimited")).toBe("True TooManyReplicas");
  });

  test("decide: below the minimum it goes there at once, whatever policies say", () => {
    const life = new AutoscalerLife(
      { metrics: [list(1)], minReplicas: 50, behavior: { scaleUp: rules({ selectPolicy: "Disabled" }) } },
      1,
    );
    expect(life.look(0, value(1))).toBe(50);
    expect(life.last?.why).toBe("Current number of replicas below Spec.MinReplicas");
    expect(life.condition("ScalingLimited")).toBe("True TooFewReplicas");
  });

  test("decide: at 0 replicas with a minimum it is disabled until somebody sets more", () => {
    const life = new AutoscalerLife({ metrics: [list(1)] }, 0);
    expect(life.lookEvery(60, 3_600, value(50))).toBe(0);
    expect(life.condition("ScalingActive")).toBe("False ScalingDisabled");
    expect(life.last?.wakeAtMs).toBeUndefined();
    life.replicas = 2;
    expect(life.look(1, value(50))).toBe(6);
    expect(life.condition("ScalingActive")).toBe("True ValidMetricFound");
  });

  test("decide: one sample of a value as it is asks for more once, however soon they are there", () => {
    const life = new AutoscalerLife(
      { metrics: [query({ value: 10 })], maxReplicas: 1_000, behavior: { scaleUp: anything } },
      4,
    );
    expect(life.look(0, value(20))).toBe(8);
    expect(life.lookEvery(1, 60, value(20))).toBe(8);
    expect(life.look(1, value(20, { atMs: 5 }))).toBe(16);
  });

  test("decide: the largest proposal wins", () => {
    const life = new AutoscalerLife({ metrics: [list(1), list(10), list(5)] }, 4);
    expect(life.look(0, value(3), value(60), value(20))).toBe(6);
    expect(life.status?.currentMetrics?.map(({ proposedReplicas }) => proposedReplicas)).toEqual([3, 6, 4]);
  });
});

describe("when to look again", () => {
  test.each<{
    readonly name: string;
    readonly spec: Partial<WasmAutoscalerSpec>;
    readonly looks: readonly (readonly [number, number])[];
    readonly seconds: number | undefined;
  }>([
    { name: "not by time alone, if all is well", spec: {}, looks: [[0, 10]], seconds: undefined },
    {
      name: "when the window of scaling down ends",
      spec: {},
      looks: [
        [0, 5],
        [100, 5],
      ],
      seconds: 200,
    },
    {
      name: "when the window of scaling up ends",
      spec: { behavior: { scaleUp: rules({ stabilizationWindowSeconds: 60 }) } },
      looks: [
        [0, 50],
        [10, 50],
      ],
      seconds: 50,
    },
    {
      name: "when the policies allow more",
      spec: {},
      looks: [
        [0, 50],
        [5, 50],
      ],
      seconds: 10,
    },
    {
      name: "not, if policies never do",
      spec: { behavior: { scaleUp: rules({ selectPolicy: "Disabled" }) } },
      looks: [[0, 50]],
      seconds: undefined,
    },
  ])("decide: $name", ({ spec, looks, seconds }) => {
    const life = settled(10, spec);
    course(life, ...looks);
    const { wakeAtMs } = life.last!;
    expect(wakeAtMs === undefined ? undefined : (wakeAtMs - life.nowMs) / 1_000).toBe(seconds);
  });

  test("decide: whoever looks only then goes all the way", () => {
    const life = settled(10, { behavior: { scaleUp: rules({ stabilizationWindowSeconds: 120 }) } });
    const steps = [];
    for (let looks = 0; looks < 20 && (looks === 0 || life.last?.wakeAtMs !== undefined); looks++)
      steps.push(life.look(looks === 0 ? 0 : (life.last!.wakeAtMs! - life.nowMs) / 1_000, value(300)));
    expect(steps).toEqual([10, 20, 40, 80, 160, 300]);
  });
});
