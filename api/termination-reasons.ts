/**
 * Reasons with which an attempt of a job ends without success, as far as this version knows: nodes of other versions and
 * external runtimes may have more. What each means is in docs/JOBS.md.
 */
export const terminationReasons: ReadonlySet<string> = new Set([
  // The guest's own end.
  "Error",
  "Trap",
  "OutOfMemory",
  "FuelExhausted",
  "StackOverflow",
  "UncaughtException",
  "Unhealthy",
  // Its process.
  "ShimLost",
  "InternalError",
  // It could not be started, and trying again would not help.
  "ArgumentsInvalid",
  "ConfigInvalid",
  "ConnectNotAllowed",
  "DeterministicRefused",
  "HostPathNotAllowed",
  "ImportsUnsatisfied",
  "ListenNotAllowed",
  "MemoryLimitTooSmall",
  "MemoryNotExported",
  "ModuleDigestMismatch",
  "ModuleFetchFailed",
  "ModuleInvalid",
  "ModuleNotFound",
  "ModuleTooLarge",
  "ModuleUnsupported",
  "MountFailed",
  "NoStartFunction",
  "RuntimeUnavailable",
  // Disruptions.
  "Disconnected",
  "Evicted",
  "Eviction",
  "NodeLost",
  "NodeShutdown",
  "NotFound",
  "Preempted",
  "TaintEviction",
]);

/** The end of whatever the scheduler itself has stopped: scaled down, suspended, deleted by hand. */
export const stoppedReason = "Stopped";
