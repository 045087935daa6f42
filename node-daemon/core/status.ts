import { assertNever } from "../../kit/errors.ts";
import type { Isolation } from "../../api/isolation.ts";
import type { Lifecycle } from "./lifecycle-state.ts";
import type { Termination } from "./termination.ts";

export interface ReportedStatus {
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly restarts: number;
  readonly startedMs: number | undefined;
  /** Monotonic; undefined: it is not ready. */
  readonly readySinceMonotonicMs: number | undefined;
  readonly finishedMs: number | undefined;
  readonly lastTermination: Termination | undefined;
  readonly logsDropped: boolean;
  /** What it really has; undefined before its first start. */
  readonly isolation: Isolation | undefined;
  readonly sequence: number;
}

type Shown = Pick<ReportedStatus, "phase" | "ready" | "reason" | "message"> &
  Partial<Pick<ReportedStatus, "exitCode" | "startedMs" | "readySinceMonotonicMs" | "finishedMs">>;

/** What the scheduler is told. An instance that has run once stays Running between its runs, as a pod does. */
export function statusOf(lifecycle: Lifecycle): ReportedStatus {
  return {
    exitCode: undefined,
    startedMs: undefined,
    readySinceMonotonicMs: undefined,
    finishedMs: undefined,
    ...shown(lifecycle),
    restarts: lifecycle.run,
    lastTermination: lifecycle.lastTermination,
    logsDropped: lifecycle.logsDropped,
    isolation: lifecycle.isolation,
    sequence: lifecycle.sequence,
  };
}

function shown(lifecycle: Lifecycle): Shown {
  const { state } = lifecycle;
  const phase = lifecycle.everStarted ? "Running" : "Pending";
  const quiet = { phase, ready: false, message: "" } as const;
  switch (state.kind) {
    case "fetching":
      return { ...quiet, reason: "FetchingModule" };
    case "preparing":
      return { ...quiet, reason: "PreparingModule" };
    case "mounting":
    case "starting":
      return { ...quiet, reason: "Starting" };
    case "running": {
      const { ready, reason, message } = state.health;
      const readySinceMonotonicMs = state.readySince?.monotonicMs;
      return { phase: "Running", ready, reason, message, startedMs: state.startedMs, readySinceMonotonicMs };
    }
    case "waiting":
      return { phase, ready: false, reason: state.reason, message: state.message };
    case "stopping":
      return { ...quiet, reason: "Stopping", startedMs: state.startedMs };
    case "restarting":
      return { ...quiet, reason: state.reason, message: state.message, startedMs: state.startedMs };
    case "ended": {
      const { reason, message, exitCode, finishedMs } = state.termination;
      return {
        phase: state.phase,
        ready: false,
        reason,
        message,
        exitCode,
        startedMs: state.startedMs,
        finishedMs,
      };
    }
    default:
      return assertNever(state, "lifecycle state");
  }
}
