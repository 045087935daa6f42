/** Every timeout and bound of a local cluster. */
export const localLimits = {
  /** A child that is not ready by then never will be: the slowest machines need some seconds. */
  readyMs: 60_000,
  /** Instances may take their grace period (30 s by default) and the daemon some time for itself. */
  nodeStopMs: 45_000,
  /** The scheduler only has to finish its writes. */
  schedulerStopMs: 10_000,
  /** A second Ctrl-C within this time is the first one, come by another way (npm hands it on as well). */
  signalEchoMs: 1000,
  /** Children of an `up` that was killed stop by themselves; after this they are made to. */
  leftoversMs: 20_000,
  leftoversLookMs: 50,
  /** What such an `up` leaves running waits for the next one this long. */
  orphanedShimsSeconds: 600,
  /** Of ports for HTTP, when nobody has asked for a certain one. */
  httpPortsTried: 100,
  /** What several daemons may offer of the machine's memory together; the rest is for the processes themselves. */
  nodesMemoryShare: 0.85,
  restart: { initialMs: 500, factor: 2, maxMs: 30_000 },
  /** A child that ran this long starts again without delay when it crashes. */
  restartResetMs: 60_000,
  /** Of each log file, and one old one is kept. */
  logBytesMax: 16 * 1024 * 1024,
  /** One line of a child; the rest of a longer one is cut off. */
  logLineBytesMax: 256 * 1024,
  /** How long the pipes of a child that ended are still read. */
  lastOutputMs: 300,
  /** The last lines that are shown when a child ends unasked. */
  lastLines: 15,
} as const;
