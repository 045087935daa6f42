/** The values of one instance's life on its node. What leads from one to the next is in lifecycle.ts and stopping.ts. */
import type { Isolation } from "../../api/isolation.ts";
import type { RunEnd } from "./run.ts";
import type { StopCause, Termination } from "./termination.ts";

export type RestartPolicy = "Always" | "OnFailure" | "Never";

/** What probes say of a run; what they are not asked about is well. */
export interface Health {
  readonly started: boolean;
  readonly ready: boolean;
  /** Empty when it is ready. */
  readonly reason: "" | "NotReady" | "Unhealthy";
  readonly message: string;
}

/** A run on its way out: first preStop, then the notice, then the kill, all within the grace. */
export interface Ending {
  /** From when it began. */
  readonly graceMs: number;
  readonly beganMs: number;
  readonly beganMonotonicMs: number;
  /** preStop is under way, so the guest knows nothing yet. */
  readonly inPreStop: boolean;
  readonly startedMs: number | undefined;
}

export type LifecycleState =
  | { readonly kind: "fetching" }
  | { readonly kind: "preparing" }
  | { readonly kind: "mounting" }
  | { readonly kind: "starting" }
  | {
      readonly kind: "running";
      readonly startedMs: number;
      readonly startedMonotonicMs: number;
      readonly health: Health;
      /** Since when it has been ready without a break; undefined: it is not, or a daemon of before has stored this. */
      readonly readySince?: Now | undefined;
    }
  /** `reason` is CrashLoopBackOff after a run, or what kept the run from starting. */
  | { readonly kind: "waiting"; readonly reason: string; readonly message: string; readonly delayMs: number }
  | ({ readonly kind: "stopping"; readonly cause: StopCause; readonly message: string } & Ending)
  /** This run is ended so that the next one begins. Reason and message become those of its end. */
  | ({
      readonly kind: "restarting";
      readonly reason: string;
      readonly message: string;
      readonly again: RestartPace;
    } & Ending)
  | {
      readonly kind: "ended";
      readonly phase: "Succeeded" | "Failed";
      readonly termination: Termination;
      readonly startedMs: number | undefined;
      readonly cause: StopCause | undefined;
    };

/** `backoff`: the run counts as a crash. `atOnce`: it did nothing wrong. */
export type RestartPace = "backoff" | "atOnce";

export interface LifecyclePolicy {
  readonly restart: RestartPolicy;
  /** Whether the guest is told to stop, so that its exit code may mean no more than "told to". */
  readonly stopNotice: "none" | "stdin";
  /** What a new run has to prove first. */
  readonly heldBack: "nothing" | "startup" | "readiness";
  readonly hasPreStop: boolean;
}

/** Plain data: it is stored as JSON. */
export interface Lifecycle {
  readonly policy: LifecyclePolicy;
  readonly attempt: number;
  readonly run: number;
  readonly everStarted: boolean;
  /** Ends in a row without a healthy run between them. */
  readonly crashes: number;
  readonly setupFailures: number;
  /** What the image was when this instance first got it; restarts keep to it. */
  readonly moduleDigest: string | undefined;
  /** What the last run had. */
  readonly isolation: Isolation | undefined;
  readonly lastTermination: Termination | undefined;
  readonly logsDropped: boolean;
  readonly sequence: number;
  readonly state: LifecycleState;
}

export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export type LifecycleEvent =
  | { readonly kind: "fetched"; readonly attempt: number; readonly digest: string }
  | { readonly kind: "prepared"; readonly attempt: number }
  | { readonly kind: "mounted"; readonly attempt: number }
  | {
      readonly kind: "setupFailed";
      readonly attempt: number;
      readonly reason: string;
      readonly message: string;
      /** Trying again may help by itself, so even restartPolicy Never waits. */
      readonly retryable: boolean;
    }
  | { readonly kind: "woke" }
  | {
      readonly kind: "runStarted";
      readonly run: number;
      readonly atMs: number;
      readonly isolation: Isolation;
    }
  | {
      readonly kind: "runEnded";
      readonly run: number;
      readonly atMs: number;
      readonly end: RunEnd;
      /** The guest's termination message. */
      readonly terminationMessage: string;
    }
  | { readonly kind: "logsDropped" }
  | { readonly kind: "health"; readonly run: number; readonly health: Health }
  | {
      readonly kind: "stop";
      readonly cause: StopCause;
      readonly graceMs: number;
      /** The cause's own by default. */
      readonly message?: string;
    }
  | {
      readonly kind: "restart";
      readonly run: number;
      readonly reason: string;
      readonly message: string;
      readonly graceMs: number;
      readonly again: RestartPace;
    }
  | { readonly kind: "preStopDone"; readonly run: number };

export type LifecycleAction =
  /** Fetch, prepare, mount; each step's outcome comes back as an event with this attempt. */
  | { readonly kind: "setUp"; readonly attempt: number; readonly digest: string | undefined }
  | { readonly kind: "cancelSetup" }
  | { readonly kind: "startRun"; readonly run: number }
  /** To be over within the grace; repeated with less it is shortened. `preStopDone` comes back. */
  | { readonly kind: "preStop"; readonly run: number; readonly graceMs: number }
  | { readonly kind: "cancelPreStop" }
  | { readonly kind: "stopRun"; readonly graceMs: number }
  | { readonly kind: "wakeAfter"; readonly delayMs: number }
  | { readonly kind: "settle"; readonly run: number };

export interface Step {
  readonly lifecycle: Lifecycle;
  readonly actions: readonly LifecycleAction[];
}

export function unchanged(lifecycle: Lifecycle): Step {
  return { lifecycle, actions: [] };
}

export function become(
  lifecycle: Lifecycle,
  change: Partial<Lifecycle>,
  actions: readonly LifecycleAction[] = [],
): Step {
  return { lifecycle: { ...lifecycle, ...change, sequence: lifecycle.sequence + 1 }, actions };
}

export function end(
  lifecycle: Lifecycle,
  phase: "Succeeded" | "Failed",
  termination: Termination,
  startedMs: number | undefined,
  cause: StopCause | undefined,
  actions: readonly LifecycleAction[],
): Step {
  return become(lifecycle, { state: { kind: "ended", phase, termination, startedMs, cause } }, actions);
}
