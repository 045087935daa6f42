/** Where both are told the same at the same times, ours does what the HPA does. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  AutoscalerLife,
  instances,
  list,
  value,
} from "../../scheduler/core/autoscaling/testing/autoscalers.ts";
import { defaultRules, Hpa, propose, syncMs } from "./hpa.ts";

const average = 5;

const courses = fc.record({
  replicas: fc.integer({ min: 1, max: 60 }),
  window: fc.constantFrom(300, 120, 0),
  tolerance: fc.constantFrom("0.1", "0.05", "0"),
  values: fc.array(
    fc.oneof(
      fc.integer({ min: 0, max: 500 }),
      fc.integer({ min: 45, max: 60 }),
      fc.double({ min: 0, max: 500, noNaN: true }),
    ),
    { minLength: 1, maxLength: 80 },
  ),
});

test("decide: proposes and does what the HPA does, looked at as often", () => {
  fc.assert(
    fc.property(courses, ({ replicas, window, tolerance, values }) => {
      const behavior = {
        scaleUp: { selectPolicy: "Max", tolerance },
        scaleDown: { selectPolicy: "Max", tolerance, stabilizationWindowSeconds: window },
      } as const;
      const life = new AutoscalerLife(
        { metrics: [list(average)], maxReplicas: defaultRules.max, behavior },
        replicas,
      );
      const rules = { ...defaultRules, tolerance: Number(tolerance), downWindowMs: window * 1_000 };
      const hpa = new Hpa(rules);
      let theirs = replicas;
      // Ours trusts a metric to take away once a minute and a window have passed; theirs remembers what there was for a window.
      const settling = Array.from({ length: 25 }, () => replicas * average);
      for (const [at, number] of [...settling, ...values].entries()) {
        const proposed = propose(number, average, theirs, rules.tolerance);
        theirs = hpa.sync((at + 1) * syncMs, theirs, number, average);
        life.instances = instances(life.replicas);
        life.look(syncMs / 1_000, value(number, { atMs: at }));
        expect(life.status?.currentMetrics?.[0]?.proposedReplicas).toBe(proposed);
        expect(life.replicas).toBe(theirs);
      }
    }),
    { numRuns: 200 },
  );
});
