/** Every bound of the files of components and why it is what it is. */
export const limits = {
  /** What one `read` of WASI 0.2 answers at most, on the host's heap until the bindings have copied it. */
  readBytesMax: 1024 * 1024,
  /** One write goes to the kernel at once up to here: about a millisecond. A longer one is answered short. */
  writeBytesMax: 4 * 1024 * 1024,
  /** Pieces in which streams read and write ahead of a guest: what a pipe of Linux holds. */
  chunkBytes: 65_536,
  /** What all streams of an instance read ahead together, in pieces of `chunkBytes`; beyond it they read small ones. */
  aheadBytesMax: 4 * 1024 * 1024,
  /** A page, of at most as many streams as an instance may hold: 8 MiB. */
  smallChunkBytes: 4096,
  /** A stream that is copied without the guest's doing lets the neighbours have a turn after so much. */
  streamBytesPerTurn: 1024 * 1024,
  /** Calls of one instance that wait for a slow file system at once; beyond it ENOMEM. */
  waitingCallsMax: 256,
} as const;
