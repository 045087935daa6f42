/** Every bound and period of probes, preStop and termination messages, with its reason. */
const secondMs = 1000;
const kibibyte = 1024;

export const probeLimits = {
  /** Questions under way at a time, on the whole node: an exec is an instance, a GET a socket. More wait in turn. */
  askedMax: 256,
  /** Of those, one namespace's: whoever lets all its probes hang holds up nobody else's. */
  askedPerNamespaceMax: 64,
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
  /** Of what a failed question wrote or answered; it stands in a status. */
  outputBytesMax: kibibyte,
} as const;

/** The log of an instance that was started for a question. Its end is all that anybody reads, once. */
export const sideLogFileBytesMax = 64 * kibibyte;

export const lastWordsLimits = {
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
