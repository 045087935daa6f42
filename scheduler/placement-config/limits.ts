/** The bounds of a placement configuration, with their reasons. */
const minuteMs = 60_000;

export const placementConfigLimits = {
  /** People write it by hand; more is a mistake. */
  charsMax: 256 * 1024,
  /** Aliases multiply what a file stands for. */
  aliasesMax: 100,
  /** As many ways to choose as a cluster's people can tell apart, and more. */
  profilesMax: 64,
  /** Scores go from 0 to 100; with more weight than that a score is a filter. */
  weightMax: 100,
  /** More than there is can be in use for a moment only; above it the limit is none. */
  usagePercentMax: 100,
  /** Shorter rests are none: a turn of the scheduler takes as long. */
  backoffMsMin: 10,
  /** Longer ones look as if the queue had lost an instance. */
  backoffMsMax: 10 * minuteMs,
} as const;
