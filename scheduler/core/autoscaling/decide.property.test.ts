/** What holds whatever is declared, whatever the metrics say, and whenever it is looked at. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { AutoscalerMetric, ScalingRules, WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import { decide } from "./decide.ts";
import type { DecisionInput } from "./decision.ts";
import type { Reading } from "./reading.ts";
import { scalingBehavior } from "./scaling-rules.ts";
import {
  autoscaler,
  AutoscalerLife,
  inFlight,
  instances,
  list,
  query,
  schedule,
  use,
  value,
} from "./testing/autoscalers.ts";

const metricKinds: readonly AutoscalerMetric[] = [
  list(3),
  inFlight(2),
  query({ value: 7 }),
  query({ averageValue: 5 }, 4),
  schedule(6),
];

const rules: fc.Arbitrary<ScalingRules> = fc.record(
  {
    selectPolicy: fc.constantFrom("Max", "Min", "Max", "Disabled"),
    stabilizationWindowSeconds: fc.constantFrom(0, 1, 30, 300, 3_600),
    policies: fc.array(
      fc.record({
        type: fc.constantFrom("Pods", "Instances", "Percent"),
        value: fc.integer({ min: 1, max: 200 }),
        periodSeconds: fc.constantFrom(1, 15, 60, 1_800),
      }),
      { maxLength: 3 },
    ),
    tolerance: fc.constantFrom("0", "50m", "0.5"),
  },
  { requiredKeys: ["selectPolicy"] },
);

const specs: fc.Arbitrary<Partial<WasmAutoscalerSpec>> = fc
  .record({
    minReplicas: fc.integer({ min: 0, max: 5 }),
    more: fc.integer({ min: 0, max: 60 }),
    idleSeconds: fc.constantFrom(0, 10, 300),
    metrics: fc.array(fc.constantFrom(...metricKinds), { minLength: 1, maxLength: 3 }),
    fallback: fc.array(fc.constantFrom(...metricKinds), { maxLength: 2 }),
    behavior: fc.record({ scaleUp: rules, scaleDown: rules }, { requiredKeys: [] }),
  })
  .map(({ more, ...spec }) => ({ ...spec, maxReplicas: Math.max(1, spec.minReplicas + more) }));

const known: fc.Arbitrary<Reading> = fc
  .record({
    value: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.double({ min: 0, max: 300, noNaN: true })),
    isActive: fc.option(fc.boolean(), { nil: undefined }),
  })
  .map(({ value: number, isActive }) => value(number, isActive === undefined ? {} : { isActive }));

const bad: fc.Arbitrary<Reading> = fc.oneof(
  known.map((reading): Reading => (reading.kind === "value" ? { ...reading, isAtLeast: true } : reading)),
  fc
    .constantFrom("Pending", "Unreachable", "NoData", "Stale")
    .map((reason): Reading => ({ kind: "unknown", reason, message: "x" })),
  fc.constant(value(Number.NaN)),
);

interface Look {
  readonly ms: number;
  readonly readings: readonly Reading[];
  readonly isSilent: boolean;
}

const looks = (most: number, badness: number): fc.Arbitrary<readonly Look[]> =>
  fc.array(
    fc.record({
      ms: fc.oneof(
        fc.integer({ min: 0, max: 1_000 }),
        fc.integer({ min: 0, max: 90_000 }),
        fc.integer({ min: 0, max: 4_000_000 }),
      ),
      readings: fc.array(
        fc.oneof({ weight: 20 - badness, arbitrary: known }, { weight: badness, arbitrary: bad }),
        { minLength: 5, maxLength: 5 },
      ),
      isSilent: fc.integer({ min: 0, max: 19 }).map((dice) => dice < badness / 2),
    }),
    { minLength: 1, maxLength: most },
  );

function lookAt(life: AutoscalerLife, { ms, readings, isSilent }: Look): void {
  life.instances = instances(Math.min(life.replicas, 8), { isHeardOf: !isSilent });
  // So that fallbacks come after the metrics.
  life.look(ms / 1_000, ...readings.slice(0, life.spec.metrics!.length), ...readings.slice(3));
}

function isKnown(reading: Reading | undefined): boolean {
  return reading?.kind === "value" && !reading.isAtLeast && Number.isFinite(reading.value);
}

test("decide: never below the minimum and never above the maximum, once it was within", () => {
  fc.assert(
    fc.property(specs, fc.integer({ min: 0, max: 80 }), looks(15, 0), (spec, replicas, course) => {
      const life = new AutoscalerLife(spec, replicas);
      const { minReplicas, maxReplicas } = life.spec;
      const isDisabled = replicas === 0 && minReplicas > 0;
      for (const look of course) {
        lookAt(life, look);
        expect(life.replicas).toBeGreaterThanOrEqual(isDisabled ? 0 : minReplicas);
        expect(life.replicas).toBeLessThanOrEqual(maxReplicas);
      }
    }),
    { numRuns: 300 },
  );
});

test("decide: takes nothing away while anything is not known, nor for a window and a minute after that", () => {
  fc.assert(
    fc.property(specs, looks(25, 4), (spec, course) => {
      const life = new AutoscalerLife(spec, spec.maxReplicas!);
      const windowMs = scalingBehavior(life.spec).down.windowMs;
      let goodSince: number | undefined;
      let knownSince: number | undefined;
      for (const look of course) {
        const before = life.replicas;
        const isNowKnown = look.readings.slice(0, life.spec.metrics!.length).every(isKnown);
        const isNowGood = isNowKnown && !(look.isSilent && before > 0);
        lookAt(life, look);
        goodSince = isNowGood ? (goodSince ?? life.nowMs) : undefined;
        knownSince = isNowKnown ? (knownSince ?? life.nowMs) : undefined;
        const mayTake =
          goodSince !== undefined &&
          knownSince !== undefined &&
          life.nowMs - goodSince >= windowMs &&
          life.nowMs - knownSince >= 60_000;
        if (!mayTake) expect(life.replicas).toBeGreaterThanOrEqual(before);
      }
    }),
    { numRuns: 500 },
  );
});

test("decide: more load never proposes fewer", () => {
  fc.assert(
    fc.property(
      specs,
      looks(10, 2),
      fc.nat(2),
      fc.double({ min: 0, max: 500, noNaN: true }),
      fc.double({ min: 0, max: 500, noNaN: true }),
      (spec, course, at, a, b) => {
        const life = new AutoscalerLife(spec, spec.maxReplicas!);
        for (const look of course) lookAt(life, look);
        const decided = (number: number): number => {
          const readings = course
            .at(-1)!
            .readings.map((reading, index) => (index === at ? value(number) : reading));
          const twin = Object.assign(new AutoscalerLife(life.spec, life.replicas), {
            memory: life.memory,
            nowMs: life.nowMs,
          });
          lookAt(twin, { ms: 1_000, readings, isSilent: false });
          return twin.replicas;
        };
        expect(decided(Math.min(a, b))).toBeLessThanOrEqual(decided(Math.max(a, b)));
      },
    ),
    { numRuns: 500 },
  );
});

test("decide: whoever uses more never makes it propose fewer", () => {
  const cpu: AutoscalerMetric = {
    type: "Resource",
    resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } },
  };
  const sample = fc.option(fc.integer({ min: 0, max: 2_000 }), { nil: undefined, freq: 4 });
  fc.assert(
    fc.property(
      fc.array(sample, { minLength: 1, maxLength: 12 }),
      fc.nat(11),
      fc.integer({ min: 1, max: 2_000 }),
      fc.nat(15),
      (samples, at, more, current) => {
        const proposed = (uses: readonly (number | undefined)[]): number | undefined => {
          const life = new AutoscalerLife({ metrics: [cpu], maxReplicas: 1_000 }, current);
          life.instances = instances(samples.length).map((one, index) =>
            index % 4 === 3 ? { ...one, isReady: false, startedMs: life.nowMs } : one,
          );
          life.look(0, use(...uses));
          return life.status?.currentMetrics?.[0]?.proposedReplicas;
        };
        const less = proposed(samples);
        const raised = proposed(
          samples.map((use, index) => (use !== undefined && index === at ? use + more : use)),
        );
        if (less !== undefined && raised !== undefined) expect(raised).toBeGreaterThanOrEqual(less);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("decide: the same input has the same decision, and is not changed", () => {
  fc.assert(
    fc.property(specs, looks(6, 4), fc.nat(50), (spec, course, replicas) => {
      const life = new AutoscalerLife(spec, replicas);
      for (const look of course) lookAt(life, look);
      const input: DecisionInput = {
        autoscaler: autoscaler(life.spec, life.status),
        target: { kind: "found", target: life.target },
        readings: course[0]!.readings,
        fallbackReadings: course[0]!.readings,
        memory: life.memory,
        nowMs: life.wallMs,
        monotonicMs: life.nowMs + 1_000,
      };
      const before = structuredClone(input);
      expect(decide(input)).toEqual(decide(before));
      expect(input).toEqual(before);
    }),
    { numRuns: 100 },
  );
});

test("decide: leaps of the wall clock change timestamps only", () => {
  fc.assert(
    fc.property(
      specs,
      looks(12, 3),
      fc.array(fc.integer({ min: -1e11, max: 1e11 }), { minLength: 12, maxLength: 12 }),
      (spec, course, leaps) => {
        const even = new AutoscalerLife(spec, 5);
        const leaping = new AutoscalerLife(spec, 5);
        for (const [at, look] of course.entries()) {
          leaping.wallMs += leaps[at]!;
          lookAt(even, look);
          lookAt(leaping, look);
          expect(leaping.memory).toEqual(even.memory);
          expect([leaping.replicas, leaping.last?.wakeAtMs]).toEqual([even.replicas, even.last?.wakeAtMs]);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("decide: between its looks nothing comes by time alone", () => {
  fc.assert(
    fc.property(
      specs,
      looks(12, 2),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.nat(80),
      (spec, course, share, replicas) => {
        const life = new AutoscalerLife(spec, replicas);
        for (const look of course) lookAt(life, look);
        // The target answers to what was set, and nothing else changes.
        const last = { ...course.at(-1)!, ms: 0 };
        lookAt(life, last);
        const before = life.replicas;
        const { wakeAtMs } = life.last!;
        const waitedMs = share * (wakeAtMs === undefined ? 10_000_000 : wakeAtMs - life.nowMs);
        expect(waitedMs).toBeGreaterThanOrEqual(0);
        lookAt(life, { ...last, ms: Math.floor(waitedMs) });
        expect(life.replicas).toBe(before);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("decide: its memory is bounded, whatever time passes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer(), (stepMs, seed) => {
      const behavior = {
        scaleUp: {
          selectPolicy: "Max",
          stabilizationWindowSeconds: 3_600,
          policies: [{ type: "Instances", value: 1, periodSeconds: 1_800 }],
        },
        scaleDown: {
          selectPolicy: "Max",
          stabilizationWindowSeconds: 3_600,
          policies: [{ type: "Instances", value: 1, periodSeconds: 1 }],
        },
      } as const;
      const life = new AutoscalerLife({ metrics: [list(1)], maxReplicas: 1_000_000, behavior }, 500_000);
      life.instances = [];
      for (let at = 0; at < 3_000; at++) {
        // Both slow ways are the worst: each number is less extreme than the one before.
        const slope = (seed & (1 << (at % 31))) === 0 ? -1 : 1;
        life.look(stepMs / 1_000, value(500_000 + slope * (3_000 - at)));
        const { recommendations, changes } = life.memory;
        expect(recommendations.lowest.length).toBeLessThanOrEqual(128);
        expect(recommendations.highest.length).toBeLessThanOrEqual(128);
        expect(changes.length).toBeLessThanOrEqual(220);
      }
    }),
    { numRuns: 5 },
  );
});

test("decide: a hundred thousand instances are walked once, however many metrics ask", () => {
  let walks = 0;
  class Walked extends Array {
    override [Symbol.iterator](): ArrayIterator<unknown> {
      walks++;
      return super[Symbol.iterator]();
    }
  }
  const cpu: AutoscalerMetric = {
    type: "Resource",
    resource: { name: "cpu", target: { type: "AverageValue", averageValue: "1" } },
  };
  const memory: AutoscalerMetric = {
    type: "Resource",
    resource: { name: "memory", target: { type: "Utilization", averageUtilization: 50 } },
  };
  const life = new AutoscalerLife(
    { metrics: [cpu, memory, cpu, query({ value: 5 })], fallback: [memory, list(1)], maxReplicas: 1_000_000 },
    100_000,
  );
  const all = instances(100_000);
  const walked = Walked.from(all);
  walks = 0;
  for (const method of ["map", "filter", "forEach", "reduce", "some", "every", "find", "flatMap"] as const)
    Object.defineProperty(walked, method, { value: () => expect.unreachable(method) });
  life.instances = walked as never;
  const samples = use(...all.map(() => 1_200));
  life.look(0, samples, samples, samples, value(6), samples, value(5));
  expect(walks).toBe(1);
  expect(life.replicas).toBe(200_000);
});
