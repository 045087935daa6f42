/** What bounds the search for victims. Each with its reason. */
export const preemptionLimits = {
  /** Nodes looked at exactly for one decision, the cheapest by estimate. kube-scheduler looks at a tenth of the nodes, at least 100. */
  candidatesMax: 100,
  /** Instances looked at for one decision, beyond which the best node found so far is taken: about a millisecond. */
  instancesMax: 5_000,
  /**
   * Instances of one node that are in the way for another reason than room (a port, an affinity). A node with more is
   * passed over: each costs as many trials as halving its instances takes.
   */
  blockersMax: 32,
} as const;
