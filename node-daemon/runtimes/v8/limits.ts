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
  /** The same for a process of one's own, which takes nobody with it: a stop is to be over a second after its grace. */
  ownStuckMs: 750,
  /** A process of one's own that says nothing for so long waits inside an instruction of its guest: what is on disk holds. */
  ownSilentMs: 2_000,
  /** Of the engine's heap, beside what the guest's limit is: the runtime itself takes some 10 MiB. */
  ownHeapMb: 32,
  /** Some 45 MiB each; whoever knows the machine sets another. */
  processesMax: 512,
  /** Beyond those, for probes and hooks of instances with a process of their own: as many as run at a time. */
  besideMax: 8,
  /** One answers a start in milliseconds; more would only help starts that come within the same quarter of a second. */
  spares: 1,
  /** After a start took a spare, and then only while no other process is starting: those who wait come first. */
  spareDelayMs: 200,
  /** Of memory that the machine still has: below it 50 MB are better left to somebody else. */
  spareMemoryBytesMin: 512 * 2 ** 20,
  /** A process older than this takes nothing new: what leaks slowly must not grow for ever. */
  shimAgeMsMax: 7 * 24 * 3_600_000,
  /** Part of the age by which each is younger, at random, so that those started together do not go together. */
  shimAgeJitter: 0.1,
  /** An upgraded daemon has taken over everything before the first is replaced. */
  outdatedDelayMs: 1_000,
  /** Closing with `stop`: shims that have not ended by then are killed. */
  closeMs: 8_000,
  /** Processes of one namespace that are started at a time refuse no start, they queue it; this bounds how often a start moves on. */
  movesMax: 3,
} as const;
