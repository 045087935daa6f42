import { assertNever } from "../../kit/errors.ts";
import type { Lifecycle, Termination } from "./lifecycle.ts";

export interface ReportedStatus {
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly restarts: number;
  readonly startedMs: number | undefined;
  readonly finishedMs: number | undefined;
  readonly lastTermination: Termination | undefined;
  readonly logsDropped: boolean;
  readonly sequence: number;
}

type Shown = Pick<ReportedStatus, "phase" | "ready" | "reason" | "message"> &
  Partial<Pick<ReportedStatus, "exitCode" | "startedMs" | "finishedMs">>;

/** What the scheduler is told. An instance that has run once stays Running between its runs, as a pod does. */
export function statusOf(lifecycle: Lifecycle): ReportedStatus {
  return {
    exitCode: undefined,
    startedMs: undefined,
    finishedMs: undefined,
    ...shown(lifecycle),
    restarts: lifecycle.run,
    lastTermination: lifecycle.lastTermination,
    logsDropped: lifecycle.logsDropped,
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
    case "running":
      return { phase: "Running", ready: true, reason: "", message: "", startedMs: state.startedMs };
    case "waiting":
      return { phase, ready: false, reason: state.reason, message: state.message };
    case "stopping":
      return { ...quiet, reason: "Stopping", startedMs: state.startedMs };
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
