/** Every bound and period of serving runs, and why it is what it is. */
export const servingLimits = {
  /** What a refused caller is told to wait, where it is not known what it waits for. */
  retryAfterMs: 1_000,
  /** A servant that nothing came for in so long is closed, but for one. */
  idleMs: 10_000,
  /** Stacks for the guests to come: those that run to their end in one turn need one, others want one each. */
  stacksKeptMax: 2,
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
  /**
   * Up to this size it is overwritten with zeros; beyond, its pages are given back to the kernel, and each that is touched again is
   * asked for anew. Measured: 4 µs for 128 KiB of zeros, 60 for 1 MiB; 27 µs for the kernel, and 1 to 2 for each page.
   */
  fillBytesMax: 512 * 1024,
  /** The same for one that its guest has made to grow, and so uses: most of its pages would be asked for again. */
  fillGrownBytesMax: 4 * 1024 * 1024,
  /** Larger ones are thrown away. */
  keepBytesMax: 64 * 1024 * 1024,
} as const;
