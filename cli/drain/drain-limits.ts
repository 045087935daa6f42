/** Every bound and pause of a drain. */
export const drainLimits = {
  /** Evictions in flight. More wait. */
  concurrency: 16,
  /** Pause before an eviction that a budget refused, or that failed, is asked for again. */
  retry: { initialMs: 500, factor: 2, maxMs: 5_000 },
  /** Between two looks at what is waited for. */
  reportMs: 2_000,
  /** After so long the same is said again. */
  repeatMs: 30_000,
  /** Instances that leave later, of which it is asked each time what they wait for. */
  askedMax: 20,
  /** Reasons that are told at once. */
  reasonsMax: 10,
} as const;
