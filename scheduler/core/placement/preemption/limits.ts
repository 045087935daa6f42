/** What bounds the search for victims. Each with its reason. */
export const preemptionLimits = {
  /** Nodes looked at exactly for one decision, the cheapest by estimate. kube-scheduler looks at a tenth of the nodes, at least 100. */
  candidatesMax: 100,
  /**
   * Nodes looked at exactly in vain, because more than room is in the way there, before others have their turn: about two milliseconds. The
   * search goes on then where it stopped.
   */
  looksMax: 500,
  /**
   * Instances for which room is made in one turn, gangs aside: with their victims some tens of milliseconds, in which sessions and the API
   * have to wait. The rest has the next turn.
   */
  perTurnMax: 500,
  /** Searches that are to go on, remembered at most; then the next one looks at all nodes at once. */
  unfinishedMax: 1_000,
  /** Instances looked at for one decision, beyond which the best node found so far is taken: about a millisecond. */
  instancesMax: 5_000,
  /**
   * Instances of one node that are in the way for another reason than room (a port, an affinity). A node with more is
   * passed over: each costs as many trials as halving its instances takes.
   */
  blockersMax: 32,
} as const;
