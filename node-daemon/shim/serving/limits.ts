/** Every bound and period of serving runs, and why it is what it is. */
export const servingLimits = {
  /** What a refused caller is told to wait, where it is not known what it waits for. */
  retryAfterMs: 1_000,
  /** A servant that nothing came for in so long is closed, but for one. */
  idleMs: 10_000,
  /** Of a failure's message, for the caller. */
  messageCharsMax: 1_024,
} as const;

export const cgiLimits = {
  /** Of the headers that a guest prints, in bytes and lines: what servers commonly take. */
  headBytesMax: 32 * 1024,
  headersMax: 100,
  /** Output is gathered up to this size within a turn, so that a guest that writes letter by letter sends no frame for each. */
  pieceBytes: 16 * 1024,
  /** Local redirects of one request. */
  redirectsMax: 8,
} as const;

/** When a memory is used again for the next instance of the same run. */
export const recycling = {
  /** Up to this size it is overwritten with zeros, which is faster than asking the kernel for fresh pages. Measured: 4 µs for 128 KiB. */
  fillBytesMax: 256 * 1024,
  /** Larger ones are thrown away where the kernel cannot be asked. */
  fillOnlyBytesMax: 1024 * 1024,
} as const;
