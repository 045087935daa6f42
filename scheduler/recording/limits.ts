/** Every bound of recordings, with its reason. */
export const limits = {
  /** What waits to be written: the whole of a cluster of 100,000 instances, with which each file begins, and some seconds. */
  bufferBytesMax: 64 * 1024 * 1024,
  batchBytesMax: 256 * 1024,
  /** How long a disk that refuses is left alone. */
  retryMs: 1_000,
  /** Uids in one line of a checkpoint: lines stay short enough to look at. */
  uidsPerLine: 500,
  /** Turns of placement after one recorded event: more would mean that it never comes to rest. */
  turnsPerEvent: 1_000,
  /** A longer line is no line of ours. */
  lineBytesMax: 16 * 1024 * 1024,
} as const;
