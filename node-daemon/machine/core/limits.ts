/** Every bound, threshold and period of what the daemon does with its machine, and why it is what it is. */
const secondMs = 1000;
const gibibyte = 2 ** 30;

export const confinementLimits = {
  /** Trying a tool: a process or two that do nothing. A loaded machine takes a second. */
  tryMs: 10 * secondMs,
  /** What a tool says when it fails is shown in a condition. */
  messageCharsMax: 300,
  /** Threads of a shim: the engine's, Node's pool of four, those for file systems that may block, and bubblewrap's processes. */
  tasksMax: 128,
} as const;

export const pressureLimits = {
  /**
   * At which instances are evicted at once. The kubelet's 100Mi has shown to be too late on machines with a slow disk, where the
   * kernel thrashes before it kills. Between two looks a machine takes some hundred MiB at most without being near its end.
   */
  memoryDefault: "256Mi",
  /** Not a share: three percent of a large disk are room for years of logs. */
  diskDefault: "512Mi",
  /** Times the amount for at-once: below it the condition is true, and after a grace instances are evicted one by one. */
  softFactor: 2,
  /** A peak that is over after this long costs nobody anything. As in the kubelet's documentation. */
  softGraceMs: 30 * secondMs,
  /** Of the soft amount: so much more must be available before pressure is over, so that it does not come and go. */
  hysteresis: 0.2,
  /** Pressure lasts so long at least, without a new reason: what was sent away should not come back at once. */
  pressureMsMin: 30 * secondMs,
  /** Inodes are taken in much smaller steps than bytes, and few are needed. */
  inodesShare: 0.02,
  /**
   * Part of the time in which all tasks waited for memory, over ten seconds (PSI, "full avg10"). A machine that thrashes can
   * have much memory "available".
   */
  stalledShareMax: 0.25,
  /** Of the instances that the node takes. */
  instancesShareMax: 0.95,
  /** Between two looks. Memory is taken at some GiB/s at worst; no event tells of it (see PressureWatch). */
  lookMs: 5 * secondMs,
  /** While there is pressure: what an eviction brought is seen after a second. */
  lookUnderPressureMs: 1 * secondMs,
  /** Evicted between two looks: enough for thousands of small ones to make room within a minute. */
  evictionsAtOnceMax: 32,
  /** An evicted instance that has not ended after this long is not waited for: its process is stuck, and others have to go. */
  evictionMsMax: 15 * secondMs,
  /** What an instance is taken to use before its first report. */
  memoryBytesUnknown: 64 * 1024,
  /** Instances that use less disk are not evicted for it: they are not the reason. */
  diskBytesMin: 2 ** 20,
  /** Files that are counted in all folders together in one look; a guest can make millions. Later folders count as empty. */
  diskEntriesMax: 50_000,
} as const;

/** When the heap of the daemon is given back (see PressureWatch). */
export const burstLimits = {
  /** Fewer leave less than 10 MB of garbage, which is not worth the pause. */
  instancesMin: 2_000,
  /** Between two looks: so many come and go on a node where nothing much happens. */
  stillMax: 100,
} as const;

export const garbageLimits = {
  /** As for modules themselves: when translations take more, the least recently used go until they take less. */
  translationBytesHigh: 4 * gibibyte,
  /** A fifth below, so that not each new module begins the work anew. */
  translationBytesLow: 3.2 * gibibyte,
} as const;

/** Prometheus asks every 15 seconds or so, with one connection. */
export const metricsLimits = {
  /** That have series of their own, some thirty each; a node seldom has more. The others are summed up. */
  workloadsMax: 500,
  connectionsMax: 16,
  headersMs: 5 * secondMs,
  requestMs: 10 * secondMs,
  idleMs: 60 * secondMs,
} as const;
