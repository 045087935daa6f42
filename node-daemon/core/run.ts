import type { Isolation } from "../../api/isolation.ts";

/** Runs as both the lifecycle and the runtime drivers speak of them. */

/** One start of an instance. A restarted instance keeps its uid and gets the next run number. */
export interface RunId {
  readonly uid: string;
  /** Counts from 0: equals the instance's restarts. */
  readonly run: number;
}

export type RunEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  /** `message` has what happened and the guest's stack. */
  | { readonly kind: "trapped"; readonly reason: string; readonly message: string }
  /** Ended because it was told to stop. */
  | { readonly kind: "stopped" }
  /** Could not be started: the reason is one of the status reasons (MemoryLimitTooSmall, MountFailed, …). */
  | {
      readonly kind: "refused";
      readonly reason: string;
      readonly message: string;
      readonly retryable: boolean;
    }
  /** The process that hosted it died. */
  | { readonly kind: "lost"; readonly message: string };

/** A run that outlived the daemon process which had started it. */
export type AdoptedRun =
  | {
      readonly kind: "running";
      readonly id: RunId;
      readonly startedMs: number;
      readonly isolation: Isolation;
    }
  | { readonly kind: "ended"; readonly id: RunId; readonly atMs: number; readonly end: RunEnd };
