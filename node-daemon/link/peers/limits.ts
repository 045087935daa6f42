/** Bounds of links between nodes, and why they are what they are. */
export const peerLimits = {
  /** From the first packet to the end of the handshake, at both ends. A handshake is two round trips and 2 ms. */
  handshakeMs: 3_000,
  /** Handshakes under way: whoever can reach the port can begin one. The oldest gives way. */
  handshakesMax: 128,
  /** A flood of connections is one line in the log so often. */
  warnMs: 60_000,
  /** From one node: those of its gateway's processes, five at the most, and of those that they replace. */
  connectionsPerNode: 32,
  /** In all: a gateway is told of 64 other nodes for a workload, so that most nodes know of most. */
  connectionsMax: 8_192,
  /** A certificate is looked at again at least so often. A timer cannot wait for longer than 25 days. */
  lookMs: 86_400_000,
} as const;
