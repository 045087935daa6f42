/**
 * Every bound and period of a shim and of its protocol, and why it is what it is.
 */

export interface ShimLimits {
  /** Instances at once, those included that are starting or on their way out; beyond it a start is refused. */
  readonly instancesMax: number;
  /** Ends that the daemon has not settled. A daemon that does not settle gets no more starts. */
  readonly unsettledMax: number;
  /** Memory mappings left for everything but instances: the process itself, compiled code, file reads. */
  readonly mappingsReserved: number;
  /** A shim without a daemon and without runs is of no use to anyone after this long. */
  readonly aloneMs: number;
  /** A shim that has had no daemon for so long stops its runs and ends: for tests, whose daemons nobody starts again. */
  readonly orphanMs: number | undefined;
  /** How often the usage of instances that ran is pushed. */
  readonly usagePeriodMs: number;
  /** A compiled module that nobody uses is kept this long, for a restart with backoff. */
  readonly idleModuleMs: number;
  /** Unused modules kept at most; the oldest goes first. */
  readonly idleModulesMax: number;
}

export const defaultShimLimits: ShimLimits = {
  instancesMax: 8_000,
  unsettledMax: 16_000,
  mappingsReserved: 6_000,
  aloneMs: 60_000,
  orphanMs: undefined,
  usagePeriodMs: 10_000,
  idleModuleMs: 60_000,
  idleModulesMax: 8,
};

/** What one suspended instance takes of the process' mappings: its stack, and two for each memory. Measured. */
export const mappings = { perInstance: 3, perMemory: 2 } as const;

/**
 * Address space, in pieces of 8 GiB: what the engine reserves for a memory of 32 bits; for one of 64 bits it is two. Measured:
 * there are 16,344 of them, then a start fails, and takes a second to do so. Stacks of ended instances lie anywhere in
 * between, and a memory wants its pieces in one.
 */
export const addressSpace = { piecesMax: 12_000, perMemory: 1, perMemory64: 2 } as const;

/** When dead instances are collected. */
export const collection = {
  /** Fewer are not worth the pause. */
  deadMin: 500,
  /** Without another end. Under steady churn the engine collects by itself. */
  quietMs: 1_000,
  /** Of what was in use when the address space was exhausted, this part is allowed from then on. */
  exhaustedFactor: 0.9,
  /** Of the event loop, until the engine has told what it collected. */
  turns: 4,
} as const;

/** How long a component that returned is kept for output that its log has no room for. */
export const componentFinishMsMax = 1_000;

/** Elements that all tables of one instance may grow to: 3.2 MB of heap. */
export const tableElementsMax = 100_000;

/**
 * What instances take of the engine's heap, in bytes. It has 4 GiB for all of them, and running out of it is a fatal abort,
 * so starts are refused well before. Measured: 24 for an element of a table, 370 for an exported function.
 */
export const heap = {
  perTableElement: 32,
  perExport: 400,
  perFunction: 16,
  perString: 32,
  /**
   * Of a component: its own objects, and what its generated code makes of itself, by its size. Measured: 90,000 bytes for a
   * script of 150,000, 163,000 for one of 261,000.
   */
  componentFixed: 30_000,
  perScriptByte: 0.6,
  /** What it may keep before it has to ask for more (see scriptLimits). */
  componentKeeps: 32_768,
  /** Measured: a full heap of 2.9 GB takes some 11,000 mappings. */
  bytesPerMapping: 256 * 1024,
  /** Of the heap. The rest is for the instances themselves, compiled modules and garbage. */
  share: 0.7,
} as const;

/** Of WebAssembly. */
export const pageBytes = 65_536;

/** Open files, stdio and mounts included, of one instance. */
export const openFilesMax = 256;

/**
 * Descriptors of the process that guests cannot have: 8 writes of logs, a mount each, the daemon, modules being read, and
 * the 512 directories of the deepest rename. Of a small limit, half.
 */
export const descriptorsReserved = 1_024;

/**
 * Connections that the guests of a process keep for requests to come: of few descriptors a part, of many what takes some 60 MB (measured:
 * 80 to 130 KB each with TLS, with what opening it leaves behind). Beyond it the one that has rested longest is closed.
 */
export function spareSocketsMax(descriptorsMax: number): number {
  return Math.min(512, Math.floor(descriptorsMax / 8));
}

/** What connections of a guest that has exited have accepted is sent for this long; then they are reset. */
export const drainMs = 5_000;

export const queueLimits = {
  /** Guests run this long before the event loop gets its turn for timers, files and the daemon. */
  turnMs: 2,
  /** What one slice of one guest should take. */
  sliceMs: 1,
  /**
   * One of several requests of an instance goes on for so long before the next has its turn: most are done by then, and what they have
   * used of memory is in the processor's caches. Between instances it changes nothing.
   */
  inRowMs: 5,
  /** The CPU clock is read when guests have run this long since: it costs 1 to 3 µs. */
  settleMs: 0.5,
  /** In a turn that was shorter than this the clock on the wall is good enough. */
  settleMsLeast: 0.1,
  /** CPU time that a guest which was asleep may use before those that were not, two slices: more than most need to go on. */
  creditMs: 2,
  /**
   * CPU time that a guest may owe to the others. No call takes as much: it can only come from outside its turns, as from a flood
   * of packets, and whoever was flooded is not to wait for as long as the flood was.
   */
  debtMs: 10_000,
  /**
   * The most that one event outside a guest's turn is charged: what a large read from a socket, or a write of a log, takes. The
   * thread may have done something else at the same time.
   */
  eventMsMax: 0.05,
} as const;

/** What writing to a log is charged, on this thread and on those that write files. Measured: 200 µs, and 2 ms for a megabyte. */
export const logCost = { perWriteMs: 0.15, perByteMs: 2 / 2 ** 20 } as const;

/** A module up to this size is compiled at once: functions are compiled later, and to validate so much takes a slice. */
export const compileAtOnceBytesMax = 2 ** 20;
/** A larger one is compiled here all the same if the engine's threads have not done it by then. The largest take a second. */
export const compileAsideMsMax = 5_000;

/** What compiling a module is charged at most; a large one takes a third of it. The rest is what the thread did meanwhile. */
export const compileMsPerByteMax = 4 / 2 ** 20;
/** The same for functions that are optimized at once. Measured: 0.5 to 8 µs. */
export const optimizeMsPerByteMax = 0.004;

export const quotaLimits = {
  /** As the kernel's CFS bandwidth control has it, and so every limit in millicores is understood. */
  periodMs: 100,
  /** What is left of one period is kept for the next: who wakes every 150 ms gets what a limit promises, 1 % over 10 s. */
  periodsKept: 1,
  /** What is owed to a limit: ten seconds' worth, for the same reason as `debtMs`. */
  periodsOwed: 100,
} as const;

/**
 * What a CPU request weighs, in the numbers that Kubernetes writes to cgroups. The least is what ten millicores weigh, not
 * the two of the kernel: a shim is one thread, on which whoever asked for nothing would else wait for seconds beside a loop.
 */
export const weights = { perCore: 1024, least: 10 } as const;

/** Timers of guests that fire at once, each a few microseconds, before others have their turn. */
export const timersPerStep = 64;

export const fuelLimits = {
  /** About a millisecond of ordinary code in the baseline tier. */
  first: 500_000,
  least: 5_000,
  most: 50_000_000,
  /**
   * The clock is read after every so many quick host calls, and after each other one: a loop of calls spends time, but
   * little fuel.
   */
  callsPerLook: 16,
  /** The same for components: in some of them the generated code takes 20 µs and more for each call. */
  componentCallsPerLook: 8,
} as const;

/**
 * For a call of a component's function by the code between it and the host, which cannot be suspended: an allocation in the
 * guest's memory, mostly, or what cleans up after a call. It is 20 to 40 ms, in which no other guest runs; such a call that
 * takes more is a trap.
 */
export const syncCallFuel = 20_000_000;

/**
 * How long a module's first instance waits for functions to be optimized. They take 2 to 20 ms of a processor, and some
 * 150 at the most that a module may ask for (`hintLimits`), or whatever the machine is busy with: then it starts without.
 */
export const tierWaitMsMax = 100;

/** What may wait for a client that is attached; twice as much as for the log. Beyond it the client is cut off. */
export const attachmentBytesMax = 512 * 1024;

/** What a component may make of its generated code. */
export const scriptLimits = {
  /** A handle with the object of the host that it stands for, mostly. Measured: 300 to 500. */
  bytesPerHandle: 600,
  /** A waitable, an end of a stream, a call under way, with what hangs on it. Measured: 500 to 2,000. */
  bytesPerObject: 2_000,
  /** Some 27,000 handles, or 2,000 streams. */
  keptBytesMax: 16 * 2 ** 20,
  /** The budget of the process is asked so often. */
  keptBytesStep: 256 * 1024,
  /** Of an error's message. */
  messageCharsMax: 1_024,
  /** Of lists that are lifted one by one, some 100 bytes each. No interface of WASI has use for so many. */
  elementsMax: 65_536,
  /** Elements of a stream from one end to the other: 8 MB. */
  streamedMax: 2 ** 20,
  liftedBytesBeyondMemory: 2 ** 20,
  /** Timers of the generated code at a time: one or two for each task. */
  timersMax: 10_000,
  /** The timeout with which the generated code asks whether a task can go on. */
  pollMs: 10,
  /** How often what only asks is asked by the clock, beside whenever the guest ran. */
  askMs: 1_000,
} as const;

export const protocolLimits = {
  /** A frame holds one message or more; the largest is the start of a run with a megabyte of environment. */
  frameBytesMax: 16 * 1024 * 1024,
  /** Messages are gathered up to this size. */
  batchBytes: 256 * 1024,
} as const;

/**
 * Of the call stack, in the bytes that a rewritten module counts (see wasm/call-depth.ts). A stack is memory, which the engine
 * keeps: so it is a part of what the instance may have, and enough for CPython to reach its own limit of recursion.
 */
export const stackLimits = {
  /**
   * The engine gives 984 KiB to a stack. Measured, it is exhausted at 932 to 1,855 counted KiB in the baseline tier, and at
   * 1,730 and more in the optimizing one; the rest is for what the optimizing one makes of functions that it puts into others.
   */
  bytesMax: 640 * 1024,
  bytesMin: 64 * 1024,
  /** What a call that cannot be suspended gets, on top of whatever stack it is made. */
  syncBytes: 128 * 1024,
  /** Of the memory limit. */
  share: 1 / 8,
} as const;

/** What the call stack of an instance may take. */
export function stackBytesMax(memoryBytesMax: number): number {
  const { bytesMax, bytesMin, share } = stackLimits;
  return Math.floor(Math.min(bytesMax, Math.max(bytesMin, memoryBytesMax * share)));
}

export const deterministicLimits = {
  /** Of one call, to one of its outputs: kept until the log has room. */
  outputBytesMax: 256 * 1024,
  /** Files that get a number of their own; all others have 0. */
  filesMax: 100_000,
} as const;

/** Characters of what is told about an end. */
export const messageCharsMax = 4_096;
export const trapFramesMax = 32;
/** Characters of a function's name in a trap's frame. */
export const trapNameMax = 200;

/** After SIGTERM: how long to wait for logs and for the daemon to take the ends. */
export const exitMs = 5_000;

/** Lines a shim writes about itself in its lifetime; after that it is silent. */
export const ownLogLinesMax = 10_000;

/** Paths of which it is known whether their file system may block: those of as many instances as there can be. */
export const mountVerdictsMax = 10_000;
