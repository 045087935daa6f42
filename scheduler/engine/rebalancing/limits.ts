/** How much is moved, and how soon. */
export const rebalancingLimits = {
  /** How much of what a node lacks of the highest score another one must add, in hundredths: about as good is not better. */
  gainMin: 10,
  /** After a change of nodes or the end of an instance: what happens together is looked at together. */
  settleMs: 5_000,
  /** Between two looks, and after a move. */
  pauseMs: 1_000,
  /** Verdicts about a node in one look: some 20 ms. The rest of the instances is looked at in the next one. */
  reportsPerLook: 10_000,
  /** In the whole cluster at once. Of one workload one. */
  movesMax: 10,
  /** Before that an instance has just been placed: what was known then is still true. */
  ageMinMs: 30_000,
  /** The time that the new instance may take to become available. After that the old one stays. */
  moveMsMax: 300_000,
} as const;
