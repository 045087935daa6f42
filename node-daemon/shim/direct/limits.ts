/** Bounds of requests that a hosting process takes itself, beside its guests. */
export const directLimits = {
  /** Of one process; a quarter of its descriptors if that is less. */
  connectionsMax: 4_096,
  /** From one address, at one instance. */
  connectionsPerClientMax: 1_024,
  /** Of each instance: see `GatewayOptions.bufferBytesMax`. */
  bufferBytesMax: 8 * 1024 * 1024,
  backlog: 511,
  /** How often its figures are told, as those of gateways are. */
  toldMs: 1_000,
  /** An instance that stops has its own grace; this only bounds a timer. */
  finishMsMax: 24 * 3_600_000,
} as const;
