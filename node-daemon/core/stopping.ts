/**
 * How a run is brought to its end, because the instance is to stop or to begin anew.
 *
 *   running ──stop, restart──▶ inPreStop ──done, or the grace is over──▶ told ──grace over──▶ killed
 *      └───────────── no preStop, or no grace for it ───────────────────▲
 *
 * Invariants:
 * - All of it is within the grace, counted from its beginning. (Kubernetes grants two seconds more after a long preStop;
 *   here the grace is also what the scheduler and a drain count on.)
 * - A later stop shortens, never lengthens. A stop turns a restart into a stop, never the reverse.
 * - A guest that nobody had told yet and that ends by itself has ended by itself: its result counts.
 */
import { assertNever } from "../../kit/errors.ts";
import {
  become,
  end,
  type Ending,
  type Lifecycle,
  type LifecycleAction,
  type LifecycleEvent,
  type LifecycleState,
  type Now,
  type Step,
  unchanged,
} from "./lifecycle-state.ts";
import { backoffResetMs } from "./limits.ts";
import type { RunEnd } from "./run.ts";
import { behindMessage, clip, stopMessage, type Termination } from "./termination.ts";

type StopEvent = Extract<LifecycleEvent, { kind: "stop" }>;
type StoppingState = Extract<LifecycleState, { kind: "stopping" }>;
export type EndingState = Extract<LifecycleState, { kind: "stopping" | "restarting" }>;

export function onStop(lifecycle: Lifecycle, event: StopEvent, now: Now): Step {
  const { state } = lifecycle;
  const { cause, graceMs } = event;
  const message = clip(event.message ?? stopMessage(cause));
  switch (state.kind) {
    case "fetching":
    case "preparing":
    case "mounting":
    case "waiting": {
      const termination = { reason: cause, message, exitCode: undefined, finishedMs: now.wallMs };
      return end(lifecycle, "Failed", termination, undefined, cause, [{ kind: "cancelSetup" }]);
    }
    case "starting":
    case "running": {
      const { ending, actions } = begin(lifecycle, graceMs, now);
      return become(lifecycle, { state: { kind: "stopping", cause, message, ...ending } }, actions);
    }
    case "restarting": {
      const { ending, actions } = shorten(lifecycle.run, endingOf(state), graceMs, now);
      return become(lifecycle, { state: { kind: "stopping", cause, message, ...ending } }, actions);
    }
    case "stopping": {
      const { ending, actions } = shorten(lifecycle.run, state, graceMs, now);
      return actions.length === 0 ? unchanged(lifecycle) : become(lifecycle, { state: ending }, actions);
    }
    case "ended":
      return unchanged(lifecycle);
    default:
      return assertNever(state, "lifecycle state");
  }
}

export function onRestart(
  lifecycle: Lifecycle,
  event: Extract<LifecycleEvent, { kind: "restart" }>,
  now: Now,
): Step {
  const { state, run } = lifecycle;
  if (state.kind !== "running" || event.run !== run) return unchanged(lifecycle);
  const { reason, again } = event;
  const { ending, actions } = begin(lifecycle, event.graceMs, now);
  const restarting = { kind: "restarting", reason, message: clip(event.message), again, ...ending } as const;
  const crashes = wasHealthy(state, now) ? 0 : lifecycle.crashes;
  return become(lifecycle, { crashes, state: restarting }, actions);
}

export function onPreStopDone(lifecycle: Lifecycle, run: number, now: Now): Step {
  const { state } = lifecycle;
  const awaited = state.kind === "stopping" || state.kind === "restarting";
  if (!awaited || !state.inPreStop || run !== lifecycle.run) return unchanged(lifecycle);
  const graceMs = Math.max(0, remainingMs(state, now));
  return become(lifecycle, { state: { ...state, inPreStop: false } }, [{ kind: "stopRun", graceMs }]);
}

/** What a daemon that starts again does about a run that an earlier one was ending. preStop runs again: at least once. */
export function resumeEnding(
  lifecycle: Lifecycle,
  state: EndingState,
  startedMs: number | undefined,
  now: Now,
): Step {
  const passedMs = Math.min(Math.max(0, now.wallMs - state.beganMs), state.graceMs);
  const graceMs = state.inPreStop ? state.graceMs - passedMs : state.graceMs;
  const inPreStop = state.inPreStop && graceMs > 0;
  const began = { beganMs: now.wallMs, beganMonotonicMs: now.monotonicMs };
  const action: LifecycleAction = inPreStop
    ? { kind: "preStop", run: lifecycle.run, graceMs }
    : { kind: "stopRun", graceMs };
  return become(lifecycle, { state: { ...state, ...began, graceMs, inPreStop, startedMs } }, [action]);
}

/** Whether the guest may have ended because it was told to: then nobody can tell "done" from "gave up". */
export function endedAsTold({ policy }: Lifecycle, state: EndingState, runEnd: RunEnd): boolean {
  if (runEnd.kind === "stopped") return true;
  return !state.inPreStop && policy.stopNotice !== "none";
}

export function endStopped(
  lifecycle: Lifecycle,
  state: StoppingState,
  event: Extract<LifecycleEvent, { kind: "runEnded" }>,
  termination: Termination,
  actions: readonly LifecycleAction[],
): Step {
  const runEnd = event.end;
  const byItself = runEnd.kind === "exited" || runEnd.kind === "trapped";
  if (byItself && !endedAsTold(lifecycle, state, runEnd)) {
    const phase = runEnd.kind === "exited" && runEnd.exitCode === 0 ? "Succeeded" : "Failed";
    return end(lifecycle, phase, termination, state.startedMs, state.cause, actions);
  }
  const stopped = told(state.cause, state.message, event, termination);
  return end(lifecycle, "Failed", stopped, state.startedMs, state.cause, actions);
}

/** The end of a run that was told to end, with the reason for telling it. */
export function told(
  reason: string,
  message: string,
  event: Extract<LifecycleEvent, { kind: "runEnded" }>,
  { exitCode, finishedMs }: Termination,
): Termination {
  return { reason, message: behindMessage(event.terminationMessage, message), exitCode, finishedMs };
}

/** A run that lasted this long was healthy. */
export function wasHealthy(state: Extract<LifecycleState, { kind: "running" }>, now: Now): boolean {
  return now.monotonicMs - state.startedMonotonicMs >= backoffResetMs;
}

interface Begun<E extends Ending = Ending> {
  readonly ending: E;
  readonly actions: readonly LifecycleAction[];
}

function begin({ policy, run, state }: Lifecycle, graceMs: number, now: Now): Begun {
  const inPreStop = policy.hasPreStop && state.kind === "running" && graceMs > 0;
  const ending = {
    graceMs,
    beganMs: now.wallMs,
    beganMonotonicMs: now.monotonicMs,
    inPreStop,
    startedMs: state.kind === "running" ? state.startedMs : undefined,
  };
  return {
    ending,
    actions: [inPreStop ? { kind: "preStop", run, graceMs } : { kind: "stopRun", graceMs }],
  };
}

function shorten<E extends Ending>(run: number, ending: E, graceMs: number, now: Now): Begun<E> {
  const isShorter = graceMs <= 0 ? ending.graceMs > 0 : graceMs < remainingMs(ending, now);
  if (!isShorter) return { ending, actions: [] };
  const passedMs = now.monotonicMs - ending.beganMonotonicMs;
  const inPreStop = ending.inPreStop && graceMs > 0;
  const shorter = { ...ending, graceMs: graceMs <= 0 ? 0 : passedMs + graceMs, inPreStop };
  if (inPreStop) return { ending: shorter, actions: [{ kind: "preStop", run, graceMs }] };
  const cancel: LifecycleAction[] = ending.inPreStop ? [{ kind: "cancelPreStop" }] : [];
  return { ending: shorter, actions: [...cancel, { kind: "stopRun", graceMs }] };
}

function remainingMs(ending: Ending, now: Now): number {
  return ending.graceMs - (now.monotonicMs - ending.beganMonotonicMs);
}

function endingOf({ graceMs, beganMs, beganMonotonicMs, inPreStop, startedMs }: EndingState): Ending {
  return { graceMs, beganMs, beganMonotonicMs, inPreStop, startedMs };
}
