/**
 * Every bound of the WASI layer and why it is what it is. Beyond a bound a call is refused, never queued.
 */
export const limits = {
  /** Linux's PATH_MAX; beyond it ENAMETOOLONG. */
  pathBytesMax: 4096,
  /** Linux's own bound on followed links; beyond it ELOOP. */
  symlinkHopsMax: 40,
  /** Steps of one path resolution, links included: each costs a system call or two, all of them some milliseconds. */
  pathStepsMax: 512,
  /**
   * Directories held open during one resolution; beyond it ENAMETOOLONG. A rename makes two, out of the descriptors that
   * the process keeps for itself.
   */
  pathDepthMax: 256,
  /** Linux's IOV_MAX; beyond it EINVAL. */
  iovecsMax: 1024,
  /**
   * A longer read or write of a file suspends the guest and is done off the thread, which costs 50 to 100 µs: 1 MiB takes
   * 100 to 200 when the kernel has it in memory. What is read from a stream at once is no more either.
   */
  transferBytesMax: 1024 * 1024,
  /** The pieces in which it is done off the thread: between two, it ends if the guest was killed. */
  transferPieceBytes: 4 * 1024 * 1024,
  /** What a transfer off the thread is charged at most: a copy takes a tenth to a third of it, the rest may be the disk. */
  transferMsPerByteMax: 1 / (1024 * 1024),
  /** Pieces under way at once, of all guests: the process has four threads for that, and its logs need them as well. */
  transferPiecesMax: 2,
  /** As above, for random bytes. */
  randomBytesMax: 1024 * 1024,
  /** Random bytes in one list of a component, which lies on the host's heap until it is whole; beyond it a trap. */
  randomListBytesMax: 4 * 1024 * 1024,
  /** What `getrandom` fills at once without being interrupted. */
  randomChunkBytes: 65_536,
  /** Entries in one directory listing, some 100 bytes each and read in 20 ms; beyond it ENOMEM. */
  listingEntriesMax: 20_000,
  /** In the listings that all instances of a process keep between calls: some 40 MB. */
  listingEntriesKeptMax: 400_000,
  /** Entries of a listing that are read, or sorted, in one turn: about a millisecond. */
  listingEntriesPerStep: 1024,
  /** Reserved at once: a millisecond or two in a file system that is in memory. Then the neighbours have a turn. */
  allocateBytesPerStep: 4 * 1024 * 1024,
  /** Entries handed out at once, each with a system call: a millisecond or two. Then the neighbours have a turn. */
  listingEntriesPerTurn: 256,
  /**
   * Threads of one mount that may block, 7 MB each: two, so that one call that takes long does not hold up all others.
   */
  fileThreadsPerMount: 2,
  /** Of the process, hung ones included: beyond it such mounts share what threads they have, or are not opened. */
  fileThreadsMax: 32,
  /** Calls that wait for the threads of one mount; beyond it EAGAIN. */
  fileJobsWaitingMax: 1024,
  /** For the largest listing, many times over. */
  fileThreadHeapMb: 64,
  /** What is read or written by one job of a thread, through a buffer of that size. */
  fileThreadTransferBytes: 1024 * 1024,
  /** A disk quota counts so much for an entry besides what is in it: a block of the usual file systems. */
  quotaEntryBytes: 4096,
  /**
   * A quota that looks exhausted is measured afresh, but not more often than this, and so that it takes a tenth of the time
   * at most: a guest at its limit could keep a disk busy with it.
   */
  quotaMeasurePauseMsMin: 1_000,
  quotaMeasurePauseFactor: 9,
  /** Folders that a measurement has still to visit, some 200 bytes each; where there are more, a quota is exhausted. */
  usageFoldersMax: 100_000,
  /** Files with several names that a measurement remembers; what is more is counted once for each name. */
  usageLinksMax: 100_000,
  /** Subscriptions of one poll, four times as many as an instance may have descriptors; beyond it EINVAL. */
  subscriptionsMax: 1024,
  /** Arguments and environment together, as Linux bounds them in the order of magnitude; refused at creation. */
  startBytesMax: 1024 * 1024,
  /** Arguments and variables together: each call for them writes all, which is to take some milliseconds. */
  startStringsMax: 16_384,
  /** Characters of what was refused that its message shows. */
  quotedCharactersMax: 200,
  /**
   * What one component holds by handle, each some hundred bytes on the host's heap with the bindings' part: about 1 MiB.
   * Beyond it a trap.
   */
  resourcesMax: 2048,
  /** Read from, or spliced between, streams of components at once: a copy or two, each far below a millisecond. */
  streamReadBytesMax: 1024 * 1024,
  /** What one output stream of a component holds while its sink is full, as a pipe of Linux does. */
  streamWriteBytesMax: 65_536,
  /** Put into, or taken from, a stream of WASI 0.3 at once: the bindings make an array of numbers of it, eight times as large. */
  streamChunkBytesMax: 65_536,
  /** Names, values and overhead of one set of header fields, far above what servers accept; beyond it `size-exceeded`. */
  httpFieldsBytesMax: 128 * 1024,
  /** What one value costs on the heap beside its bytes. */
  httpFieldOverheadBytes: 128,
  /** A method, scheme, path or authority: what servers accept as a request line. */
  httpTextCharactersMax: 8192,
  /** Of all header fields and texts that an instance holds, which lie outside its memory. */
  httpBytesMax: 1024 * 1024,
  /** Of a request of a guest's: to connect, to the first byte of the answer, between two of its bytes, where it says nothing. */
  httpTimeoutMs: 60_000,
  /** What shaking hands takes of a processor, with certificates and keys. Measured: 1 to 3 ms. */
  tlsHandshakeMs: 2,
  /** Servers that TLS remembers, of one instance: a kilobyte or two each. */
  httpSessionsMax: 32,
  /** Addresses of one name that a request is tried at, one after the other. */
  httpAddressesTriedMax: 4,
  /**
   * A connection that no request is on is closed after this long, or sooner if the server says so: many close theirs after
   * 5 s, and a request that is on its way then would fail.
   */
  httpRestMs: 4_000,
  /** It is closed so long before the server says that it will. */
  httpRestMarginMs: 1_000,
  /** Of one instance; beyond it the one that was not used for longest is closed. An instance answers one request at a time. */
  httpRestingMax: 8,
  /** Nothing is sent over a connection that is older: its name may mean another address by now. */
  httpConnectionMsMax: 60_000,
  /** The most that WASI 0.2 lets a guest write and flush in one call; beyond it a trap. */
  writeAndFlushBytesMax: 4096,
  /** Timers above this fire at once in Node; longer waits are armed again. */
  timerDelayMsMax: 2 ** 31 - 1,
} as const;
