/** Ratios of what a metric is to what it should be, and instances from them. */

/** What arithmetic in binary adds: 0.1 + 0.2 is a little more than three times 0.1, and no reason for a fourth instance. */
const rounding = 1e-9;

/** Kubernetes' type for counts has no more, either. */
const instancesMax = 2 ** 31 - 1;

/** By which share a ratio may be above and below 1 before it is a reason to do something. */
export interface Tolerance {
  readonly up: number;
  readonly down: number;
}

export function isWithin({ up, down }: Tolerance, ratio: number): boolean {
  return ratio >= 1 - down - rounding && ratio <= 1 + up + rounding;
}

/** As many as are enough: rounded up, and never negative. Never falls while `exact` rises. */
export function enoughInstances(exact: number): number {
  return Math.min(instancesMax, Math.max(0, Math.ceil(exact * (1 - rounding))));
}
