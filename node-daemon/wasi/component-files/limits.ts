/** Every bound of the files of components and why it is what it is. */
export const limits = {
  /** What one `read` of WASI 0.2 answers at most, on the host's heap until the bindings have copied it. */
  readBytesMax: 1024 * 1024,
  /** One write goes to the kernel at once up to here: about a millisecond. A longer one is answered short. */
  writeBytesMax: 4 * 1024 * 1024,
  /** What is read ahead of a guest, or copied of what it wrote: what a pipe of Linux holds. */
  pieceBytes: 65_536,
  /** Of one instance: 4 MiB read ahead. Others read small pieces, however many streams it may hold: another 8 MiB. */
  sourcesWithLargePieces: 64,
  smallPieceBytes: 4096,
  /** Calls of one instance that wait for a slow file system at once; beyond it ENOMEM. */
  waitingCallsMax: 256,
} as const;
