/** Whatever readings, instances and declarations say, even what sources and validation keep away: there is a decision, and its status can be stored. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { AutoscalerMetric, MetricTarget } from "../../../api/gen/kinds.gen.ts";
import { parseQuantity } from "../../../api/quantity.ts";
import type { Reading } from "./reading.ts";
import { AutoscalerLife, cpu, inFlight, instances, list, query, schedule } from "./testing/autoscalers.ts";

const anyNumber = fc.oneof(
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    -1,
    1e-300,
    1e18,
    1e300,
    Number.MAX_VALUE,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ),
);

const anyQuantity = fc.oneof(
  fc.integer(),
  fc.constantFrom("", "x", "0", "-1", "1m", "9223372036854775807", "1e30", "8Ei", "0.000000001"),
);

const anyTarget: fc.Arbitrary<MetricTarget> = fc.record(
  {
    type: fc.constantFrom("Utilization", "Value", "AverageValue"),
    averageUtilization: fc.constantFrom(0, 1, 80, 1_000_000),
    value: anyQuantity,
    averageValue: anyQuantity,
  },
  { requiredKeys: ["type"] },
);

const anyMetric: fc.Arbitrary<AutoscalerMetric> = fc
  .tuple(
    fc.constantFrom(cpu(50), inFlight(1), query({ value: 1 }, 1), list(1), schedule(3)),
    anyTarget,
    fc.constantFrom("as it is", "target", "type alone"),
  )
  .map(([metric, target, how]): AutoscalerMetric => {
    if (how === "as it is") return metric;
    if (how === "type alone") return { type: metric.type };
    return {
      ...metric,
      ...(metric.resource && { resource: { ...metric.resource, target } }),
      ...(metric.requests && { requests: { ...metric.requests, target } }),
      ...(metric.prometheus && {
        prometheus: { ...metric.prometheus, target, activationThreshold: target.value ?? 0 },
      }),
      ...(metric.redis && { redis: { ...metric.redis, target } }),
    };
  });

const anyReading: fc.Arbitrary<Reading> = fc.oneof(
  fc.record({
    kind: fc.constant("value" as const),
    value: anyNumber,
    isAtLeast: fc.boolean(),
    atMs: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant("value" as const),
    value: anyNumber,
    isAtLeast: fc.boolean(),
    atMs: fc.constant(0),
    rangeMs: anyNumber,
    isActive: fc.boolean(),
  }),
  fc.array(anyNumber, { maxLength: 6 }).map((all): Reading => ({
    kind: "perInstance",
    samples: new Map(all.map((use, at) => [`i${at}`, use])),
    atMs: 0,
  })),
  fc.constant<Reading>({ kind: "unknown", reason: "Malformed", message: "x" }),
);

const anyInstances = fc.array(
  fc.record({
    phase: fc.constantFrom("pending", "starting", "running", "stopping"),
    isReady: fc.boolean(),
    startedMs: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
    requests: fc.record({
      cpuMillis: fc.constantFrom(0, 1, 1e300),
      memoryBytes: fc.constantFrom(0, 1, 1e300),
    }),
    isHeardOf: fc.boolean(),
  }),
  { maxLength: 6 },
);

test("decide: whatever it is told, it decides on whole numbers within the bounds, and says so in what can be stored", () => {
  const look = fc.tuple(
    fc.integer({ min: 0, max: 1_000_000 }),
    fc.array(anyReading, { maxLength: 6 }),
    anyInstances,
  );
  fc.assert(
    fc.property(
      fc.array(anyMetric, { maxLength: 4 }),
      fc.array(anyMetric, { maxLength: 2 }),
      fc.boolean(),
      fc.array(look, { minLength: 1, maxLength: 6 }),
      (metrics, fallback, isZeroAllowed, looks) => {
        const minReplicas = isZeroAllowed ? 0 : 1;
        const life = new AutoscalerLife({ metrics, fallback, minReplicas, maxReplicas: 50 }, 5);
        for (const [ms, readings, all] of looks) {
          life.instances = instances(all.length).map((one, at) => ({ ...one, ...all[at] }));
          life.look(ms / 1_000, ...readings);
          expect(Number.isInteger(life.replicas)).toBe(true);
          expect(life.replicas).toBeGreaterThanOrEqual(minReplicas);
          expect(life.replicas).toBeLessThanOrEqual(50);
          for (const { current, proposedReplicas } of life.status?.currentMetrics ?? []) {
            for (const quantity of [current?.value, current?.averageValue])
              if (quantity !== undefined) expect(parseQuantity(quantity)).toMatchObject({ kind: "ok" });
            for (const number of [current?.averageUtilization, proposedReplicas])
              if (number !== undefined)
                expect(Number.isInteger(number) && number >= 0 && number < 2 ** 31).toBe(true);
          }
          const { wakeAtMs } = life.last!;
          if (wakeAtMs !== undefined) expect(wakeAtMs > life.nowMs && Number.isFinite(wakeAtMs)).toBe(true);
          expect(life.status).toEqual(JSON.parse(JSON.stringify(life.status)));
        }
      },
    ),
    { numRuns: 500 },
  );
});
