/** Every bound and period of the driver, and why it is what it is. */
export const driverLimits = {
  /** Modules waiting to be translated; one more is refused, to be tried again. */
  preparingMax: 1_000,
  /** CPython's 26 MB take a second or two; what takes a minute is meant to. */
  prepareMs: 60_000,
  /** A module of 256 MiB and its translation live outside this heap. */
  prepareHeapMb: 1_024,
  /** A deployment of several modules comes in one go. */
  idleWorkerMs: 10_000,
  /** A shim without runs is kept for the next one of its namespace: starting another takes a tenth of a second. */
  emptyShimMs: 60_000,
  /** A new process that does not listen after this long is broken. */
  spawnMs: 20_000,
  /** Between attempts to connect. A new process listens after some 60 to 150 ms. */
  connectRetryMs: 20,
  /** The longest such pause, for a process that lives but does not answer. */
  connectRetryMsMax: 1_000,
  /** From a connection to the end of the inventory. A shim answers between two turns of its run queue. */
  helloMs: 10_000,
  /** A run that is not ended this long after its grace: the shim is stuck and takes its other runs with it. */
  stuckMs: 10_000,
  /** Closing with `stop`: shims that have not ended by then are killed. */
  closeMs: 8_000,
  /** Processes of one namespace that are started at a time refuse no start, they queue it; this bounds how often a start moves on. */
  movesMax: 3,
} as const;
