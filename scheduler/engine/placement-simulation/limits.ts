/** Every bound of a simulation, with its reason. */
export const limits = {
  /** How long it may hold up the event loop at a time: as the API server's turns. */
  sliceMs: 5,
  /** Below the minute that clients wait. */
  timeoutMs: 50_000,
  /** Instances that it makes in all: they take memory beside those that there are. */
  createdMax: 200_000,
  /** New nodes in all. */
  nodesMax: 20_000,
  /** Turns of the loop: a rollout of one instance at a time has two for each, and one that never ends is cut here. */
  turnsMax: 5_000,
  /** Nodes that are explained for each group that stays without one. */
  refusedNodes: 5,
  /** Groups without a node that are explained by nodes; of the rest only the message is told. */
  explainedGroups: 50,
} as const;
