/**
 * How many instances what they use asks for, as in Kubernetes' HPA: those of whom nothing is known weigh against a change in either
 * direction, and those that are not ready yet against adding more.
 */
import type { ResourceTally, Sums } from "./instance-tally.ts";
import { enoughInstances, isWithin, type Tolerance } from "./ratio.ts";

/** How use is compared with what it should be. */
export interface UseMeasure {
  /** Of what is used to what should be. */
  readonly ratio: (sums: Sums) => number;
  /** How many make the ratio 1. */
  readonly instances: (sums: Sums) => number;
  /** What is assumed of those of whom nothing is known, before any is taken away. */
  readonly assumedUse: (missing: Sums) => number;
}

/** `percent` of what is requested. The share is in whole percents, as people see it. */
export function utilization(percent: number): UseMeasure {
  return {
    ratio: (sums) => utilizationOf(sums) / percent,
    instances: (sums) => enoughInstances((utilizationOf(sums) * sums.count) / percent),
    assumedUse: ({ requested }) => (requested * Math.max(100, percent)) / 100,
  };
}

export function utilizationOf({ use, requested }: Sums): number {
  return Math.floor((use * 100) / requested);
}

/** `average` of each instance, in millicores or bytes. */
export function averageUse(average: number): UseMeasure {
  return {
    ratio: ({ use, count }) => use / (average * count),
    instances: ({ use }) => enoughInstances(use / average),
    assumedUse: ({ count }) => average * count,
  };
}

/** At least one instance is counted. */
export function proposeByUse(
  { counted, missing, unready }: ResourceTally,
  measure: UseMeasure,
  current: number,
  tolerance: Tolerance,
): number {
  const ratio = measure.ratio(counted);
  const assumed =
    ratio > 1
      ? plus(plus(counted, { ...missing, use: 0 }), unready)
      : ratio < 1
        ? plus(counted, { ...missing, use: measure.assumedUse(missing) })
        : counted;
  const damped = measure.ratio(assumed);
  if (isWithin(tolerance, damped) || (ratio < 1 && damped > 1) || (ratio > 1 && damped < 1)) return current;
  const proposed = measure.instances(assumed);
  // Fewer or more of them may be there than there should be.
  return damped > 1 ? Math.max(current, proposed) : Math.min(current, proposed);
}

function plus(a: Sums, b: Sums): Sums {
  return { count: a.count + b.count, use: a.use + b.use, requested: a.requested + b.requested };
}
