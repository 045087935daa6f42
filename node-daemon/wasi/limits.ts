/**
 * Every bound of the WASI layer and why it is what it is. Beyond a bound a call is refused, never queued.
 */
export const limits = {
  /** Linux's PATH_MAX; beyond it ENAMETOOLONG. */
  pathBytesMax: 4096,
  /** Linux's own bound on followed links; beyond it ELOOP. */
  symlinkHopsMax: 40,
  /** Steps of one path resolution, links included: each costs a system call, and 2,048 is all one path can hold. */
  pathStepsMax: 2048,
  /** Directories held open during one resolution, out of the process' descriptors; beyond it ENAMETOOLONG. */
  pathDepthMax: 512,
  /** Linux's IOV_MAX; beyond it EINVAL. */
  iovecsMax: 1024,
  /** A longer read or write is done in pieces with a turn for the neighbours after each: 4 MiB take about a millisecond. */
  transferBytesMax: 4 * 1024 * 1024,
  /** As above, for random bytes. */
  randomBytesMax: 1024 * 1024,
  /** What `getrandom` fills at once without being interrupted. */
  randomChunkBytes: 65_536,
  /** Entries in one directory listing, some 100 bytes each; beyond it ENOMEM. */
  listingEntriesMax: 100_000,
  /** Listings of one instance kept between calls; the oldest is dropped and read again when needed. */
  listingsMax: 16,
  /** Subscriptions of one poll, four times as many as an instance may have descriptors; beyond it EINVAL. */
  subscriptionsMax: 1024,
  /** Arguments and environment together, as Linux bounds them in the order of magnitude; refused at creation. */
  startBytesMax: 1024 * 1024,
  /** Timers above this fire at once in Node; longer waits are armed again. */
  timerDelayMsMax: 2 ** 31 - 1,
} as const;
