/** Every bound of a conformance run, and why it is what it is. */
export const conformanceLimits = {
  /** Tests at a time, each in a hosting process of its own. */
  parallel: 2,
  /** From the start of a test to its end. The slowest wait for a second on purpose; a component's translation comes before. */
  testMs: 30_000,
  /** A component of some megabytes takes seconds on a busy machine. */
  prepareMs: 60_000,
  /** Between two looks at what a test has written. */
  lookMs: 10,
  /** After a kill, for the end to be told. */
  endMs: 15_000,
  memoryBytes: 512 * 1024 * 1024,
  /** Nothing is rotated away below it; a test that writes more is killed by its timeout first. */
  logFileBytes: 64 * 1024 * 1024,
  logBytesPerSecond: 64 * 1024 * 1024,
  /** Characters of a reason in the table. */
  reasonCharsMax: 400,
} as const;
