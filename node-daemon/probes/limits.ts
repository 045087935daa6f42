/** Every bound and period of probes, preStop and termination messages, with its reason. */
const secondMs = 1000;
const kibibyte = 1024;

export const probeLimits = {
  /** Questions under way at a time, on the whole node: an exec is an instance, a GET a socket. More wait in turn. */
  askedMax: 256,
  /** Of those, one namespace's: whoever lets all its probes hang holds up nobody else's. */
  askedPerNamespaceMax: 64,
  /** Runs at a time for preStop: a drain of thousands must not double what runs. More wait in turn, within their graces. */
  preStopsMax: 256,
  preStopsPerNamespaceMax: 64,
  /** Of all these, those that start a process each. */
  processesMax: 8,
  processesPerNamespaceMax: 4,
  /**
   * A timer is not taken back when its run ends, so a wait of a day is this many at a time: what has become of a hundred
   * thousand short runs is forgotten a minute later.
   */
  wakeMsMax: 60 * secondMs,
  /**
   * Questions of one kind to one instance come a period apart, give or take this share: a thousand instances that started
   * together are asked apart after a few rounds.
   */
  jitter: 0.1,
  /** Until an instance that was started for a question runs. What takes longer is the node's fault, not the guest's. */
  startMsMax: 20 * secondMs,
  /** As a kubelet: a health check that says more than this says too much. */
  bodyBytesMax: 10 * kibibyte,
  /** As a browser's and a kubelet's. */
  redirectsMax: 10,
  /** Of what a failed question wrote; it stands in a status. */
  outputBytesMax: kibibyte,
} as const;

/** The log of an instance that was started for a question. Its end is all that anybody reads, once. */
export const sideLogFileBytesMax = 64 * kibibyte;

/** A daemon that starts again sweeps the logs of thousands, and has other files to read: one thread of four is enough. */
export const sweepsAtOnceMax = 1;

export const terminationMessageLimits = {
  /** As in Kubernetes. */
  fileBytesMax: 4 * kibibyte,
  logBytesMax: 2 * kibibyte,
  logLinesMax: 80,
  /** A file's time comes from a clock that ticks every few milliseconds, so it may seem older than the run. */
  clockTickMs: 20,
  /** A mount that hangs keeps no end from being told. */
  readMsMax: 2 * secondMs,
  /** Of the four file threads of this process; a mount that hangs must not have them all. More wait in turn. */
  readsMax: 2,
} as const;
