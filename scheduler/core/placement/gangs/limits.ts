/** What bounds gangs. Each with its reason. */
export const gangLimits = {
  /** Instances that are placed in one turn at most: some tenths of a second, in which sessions and the API have to wait. */
  sizeMax: 10_000,
  /** How long a gang waits until it may collect places: most need not, because enough becomes free at once. */
  patienceMs: 30_000,
  /**
   * How long a gang may hold on to places without getting another one, and how long it has to let others go first then: of a cluster
   * in which nothing ends, it keeps what it cannot use half of the time at most.
   */
  termMs: 600_000,
} as const;
