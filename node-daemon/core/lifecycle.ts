/**
 * The life of one instance on its node, as values: `(lifecycle, event, now) → lifecycle and actions`. No I/O, no clock.
 *
 *            assigned                                             end, policy says again
 *               ▼                                          ┌────────────────────────────────┐
 *           fetching ─▶ preparing ─▶ mounting ─▶ starting ─▶ running                        ▼
 *               ▲           │            │           │         │ stop                    waiting
 *               │           └─ failed ───┴───────────┘         ▼                            │
 *               │                  │                        stopping ──▶ ended ◀── final    │
 *               │                  └──────▶ waiting             (phase Succeeded or Failed) │
 *               └───────────────────────────────┴───────────────────── woke ◀───────────────┘
 *
 * Invariants:
 * - `ended` is final: no event leaves it.
 * - At most one run is alive, and its number is `run`. Each start takes a new number, also one that was refused.
 * - `attempt` numbers the setups. What comes from an older setup or run is ignored, so nothing late does harm.
 * - `sequence` grows with every change that the status shows.
 * - An end of a run always leads to a `settle` action; the executor performs it after the new state is on disk.
 */
import { backoffMs } from "../../kit/backoff.ts";
import { assertNever } from "../../kit/errors.ts";
import type { RunEnd } from "./run.ts";
import { backoffResetMs, crashBackoff, messageCharsMax, setupBackoff } from "./limits.ts";

export type RestartPolicy = "Always" | "OnFailure" | "Never";

/** Why an instance was told to stop. It becomes the status' reason. The last two are disruptions: not the guest's doing. */
export type StopCause = "Stopped" | "NodeShutdown" | "Disconnected";

export interface Termination {
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly finishedMs: number;
}

export type LifecycleState =
  | { readonly kind: "fetching" }
  | { readonly kind: "preparing" }
  | { readonly kind: "mounting" }
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly startedMs: number; readonly startedMonotonicMs: number }
  /** `reason` is CrashLoopBackOff after a run, or what kept the run from starting. */
  | { readonly kind: "waiting"; readonly reason: string; readonly message: string; readonly delayMs: number }
  | {
      readonly kind: "stopping";
      readonly cause: StopCause;
      readonly graceMs: number;
      readonly startedMs: number | undefined;
    }
  | {
      readonly kind: "ended";
      readonly phase: "Succeeded" | "Failed";
      readonly termination: Termination;
      readonly startedMs: number | undefined;
      readonly cause: StopCause | undefined;
    };

export interface LifecyclePolicy {
  readonly restart: RestartPolicy;
  /** Whether the guest is told to stop, so that its exit code may mean no more than "told to". */
  readonly stopNotice: "none" | "stdin";
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
  | { readonly kind: "runStarted"; readonly run: number; readonly atMs: number }
  | { readonly kind: "runEnded"; readonly run: number; readonly atMs: number; readonly end: RunEnd }
  | { readonly kind: "logsDropped" }
  | { readonly kind: "stop"; readonly cause: StopCause; readonly graceMs: number };

export type LifecycleAction =
  /** Fetch, prepare, mount; each step's outcome comes back as an event with this attempt. */
  | { readonly kind: "setUp"; readonly attempt: number; readonly digest: string | undefined }
  | { readonly kind: "cancelSetup" }
  | { readonly kind: "startRun"; readonly run: number }
  | { readonly kind: "stopRun"; readonly graceMs: number }
  | { readonly kind: "wakeAfter"; readonly delayMs: number }
  | { readonly kind: "settle"; readonly run: number };

export interface Step {
  readonly lifecycle: Lifecycle;
  readonly actions: readonly LifecycleAction[];
}

export function assigned(policy: LifecyclePolicy): Step {
  return beginSetup({
    policy,
    attempt: 0,
    run: 0,
    everStarted: false,
    crashes: 0,
    setupFailures: 0,
    moduleDigest: undefined,
    lastTermination: undefined,
    logsDropped: false,
    sequence: 0,
    state: { kind: "fetching" },
  });
}

export function reduce(lifecycle: Lifecycle, event: LifecycleEvent, now: Now): Step {
  switch (event.kind) {
    case "fetched":
      return onFetched(lifecycle, event);
    case "prepared":
      return ifSettingUp(lifecycle, "preparing", event.attempt, () =>
        become(lifecycle, { state: { kind: "mounting" } }),
      );
    case "mounted":
      return ifSettingUp(lifecycle, "mounting", event.attempt, () =>
        become(lifecycle, { state: { kind: "starting" } }, [{ kind: "startRun", run: lifecycle.run }]),
      );
    case "setupFailed":
      return onSetupFailed(lifecycle, event, now);
    case "woke":
      return lifecycle.state.kind === "waiting" ? beginSetup(lifecycle) : unchanged(lifecycle);
    case "runStarted":
      return onRunStarted(lifecycle, event, now);
    case "runEnded":
      return onRunEnded(lifecycle, event, now);
    case "logsDropped":
      return lifecycle.logsDropped ? unchanged(lifecycle) : become(lifecycle, { logsDropped: true });
    case "stop":
      return onStop(lifecycle, event, now);
    default:
      return assertNever(event, "lifecycle event");
  }
}

function unchanged(lifecycle: Lifecycle): Step {
  return { lifecycle, actions: [] };
}

function become(
  lifecycle: Lifecycle,
  change: Partial<Lifecycle>,
  actions: readonly LifecycleAction[] = [],
): Step {
  return { lifecycle: { ...lifecycle, ...change, sequence: lifecycle.sequence + 1 }, actions };
}

function beginSetup(lifecycle: Lifecycle): Step {
  const attempt = lifecycle.attempt + 1;
  return become(lifecycle, { attempt, state: { kind: "fetching" } }, [
    { kind: "setUp", attempt, digest: lifecycle.moduleDigest },
  ]);
}

function ifSettingUp(
  lifecycle: Lifecycle,
  state: LifecycleState["kind"],
  attempt: number,
  step: () => Step,
): Step {
  const expected = lifecycle.state.kind === state && lifecycle.attempt === attempt;
  return expected ? step() : unchanged(lifecycle);
}

function onFetched(lifecycle: Lifecycle, event: Extract<LifecycleEvent, { kind: "fetched" }>): Step {
  return ifSettingUp(lifecycle, "fetching", event.attempt, () =>
    become(lifecycle, { moduleDigest: event.digest, state: { kind: "preparing" } }),
  );
}

function onSetupFailed(
  lifecycle: Lifecycle,
  event: Extract<LifecycleEvent, { kind: "setupFailed" }>,
  now: Now,
): Step {
  const { kind } = lifecycle.state;
  const settingUp = kind === "fetching" || kind === "preparing" || kind === "mounting";
  if (!settingUp || lifecycle.attempt !== event.attempt) return unchanged(lifecycle);
  return failSetup(lifecycle, event, now.wallMs, []);
}

/** The instance could not be started. Nothing ran, so there is no termination to remember. */
function failSetup(
  lifecycle: Lifecycle,
  failure: { readonly reason: string; readonly message: string; readonly retryable: boolean },
  atMs: number,
  actions: readonly LifecycleAction[],
  nextRun = lifecycle.run,
): Step {
  const message = clip(failure.message);
  const { reason } = failure;
  if (!failure.retryable && lifecycle.policy.restart === "Never") {
    const termination = { reason, message, exitCode: undefined, finishedMs: atMs };
    return end(lifecycle, "Failed", termination, undefined, undefined, actions);
  }
  const delayMs = backoffMs(lifecycle.setupFailures, setupBackoff);
  const state = { kind: "waiting", reason, message, delayMs } as const;
  // The module may be a better one next time: look at the source again rather than at the digest.
  const setupFailures = lifecycle.setupFailures + 1;
  const change = { state, run: nextRun, setupFailures, moduleDigest: undefined };
  return become(lifecycle, change, [...actions, { kind: "wakeAfter", delayMs }]);
}

function onRunStarted(
  lifecycle: Lifecycle,
  event: Extract<LifecycleEvent, { kind: "runStarted" }>,
  now: Now,
): Step {
  const { state } = lifecycle;
  if (event.run !== lifecycle.run) return unchanged(lifecycle);
  if (state.kind === "stopping") {
    return become(lifecycle, { everStarted: true, state: { ...state, startedMs: event.atMs } });
  }
  if (state.kind !== "starting") return unchanged(lifecycle);
  const startedMonotonicMs = now.monotonicMs - Math.max(0, now.wallMs - event.atMs);
  const running = { kind: "running", startedMs: event.atMs, startedMonotonicMs } as const;
  return become(lifecycle, { everStarted: true, setupFailures: 0, state: running });
}

function onRunEnded(
  lifecycle: Lifecycle,
  event: Extract<LifecycleEvent, { kind: "runEnded" }>,
  now: Now,
): Step {
  const { state } = lifecycle;
  const settle = { kind: "settle", run: event.run } as const;
  const alive = state.kind === "starting" || state.kind === "running" || state.kind === "stopping";
  if (!alive || event.run !== lifecycle.run) return { lifecycle, actions: [settle] };
  const termination = terminationOf(event.end, event.atMs);
  if (state.kind === "stopping") return endStopped(lifecycle, state, event.end, termination, settle);
  if (event.end.kind === "refused") {
    return failSetup(lifecycle, event.end, event.atMs, [settle], lifecycle.run + 1);
  }
  const startedMs = state.kind === "running" ? state.startedMs : undefined;
  // Nobody here asked for it: the hosting process stopped it because no daemon was there for too long.
  if (event.end.kind === "stopped") {
    const cutOff = { ...termination, reason: "Disconnected", message: disconnectedMessage };
    return end(lifecycle, "Failed", cutOff, startedMs, "Disconnected", [settle]);
  }
  const succeeded = event.end.kind === "exited" && event.end.exitCode === 0;
  if (!runsAgain(lifecycle.policy.restart, succeeded)) {
    return end(lifecycle, succeeded ? "Succeeded" : "Failed", termination, startedMs, undefined, [settle]);
  }
  const healthy = state.kind === "running" && now.monotonicMs - state.startedMonotonicMs >= backoffResetMs;
  return waitForRestart(lifecycle, termination, healthy ? 0 : lifecycle.crashes, settle);
}

function runsAgain(policy: RestartPolicy, succeeded: boolean): boolean {
  return policy === "Always" || (policy === "OnFailure" && !succeeded);
}

function waitForRestart(
  lifecycle: Lifecycle,
  termination: Termination,
  crashes: number,
  settle: LifecycleAction,
): Step {
  const delayMs = backoffMs(crashes, crashBackoff);
  const why =
    termination.message === "" ? termination.reason : `${termination.reason}: ${termination.message}`;
  const message = clip(`waiting ${delayMs / 1000} s before the next restart; the last run ended with ${why}`);
  return become(
    lifecycle,
    {
      run: lifecycle.run + 1,
      crashes: crashes + 1,
      everStarted: true,
      lastTermination: termination,
      state: { kind: "waiting", reason: "CrashLoopBackOff", message, delayMs },
    },
    [settle, { kind: "wakeAfter", delayMs }],
  );
}

function onStop(lifecycle: Lifecycle, event: Extract<LifecycleEvent, { kind: "stop" }>, now: Now): Step {
  const { state } = lifecycle;
  const { cause, graceMs } = event;
  switch (state.kind) {
    case "fetching":
    case "preparing":
    case "mounting":
    case "waiting": {
      const termination = stopTermination(cause, undefined, now.wallMs);
      return end(lifecycle, "Failed", termination, undefined, cause, [{ kind: "cancelSetup" }]);
    }
    case "starting":
    case "running": {
      const startedMs = state.kind === "running" ? state.startedMs : undefined;
      const stopping = { kind: "stopping", cause, graceMs, startedMs } as const;
      return become(lifecycle, { state: stopping }, [{ kind: "stopRun", graceMs }]);
    }
    case "stopping":
      if (graceMs >= state.graceMs) return unchanged(lifecycle);
      return become(lifecycle, { state: { ...state, graceMs } }, [{ kind: "stopRun", graceMs }]);
    case "ended":
      return unchanged(lifecycle);
    default:
      return assertNever(state, "lifecycle state");
  }
}

function endStopped(
  lifecycle: Lifecycle,
  state: Extract<LifecycleState, { kind: "stopping" }>,
  runEnd: RunEnd,
  termination: Termination,
  settle: LifecycleAction,
): Step {
  // A guest that got no notice ended by itself, just before it would have been killed: that result is a result. After
  // a notice nobody can tell "done" from "gave up", so it counts as stopped.
  const own =
    lifecycle.policy.stopNotice === "none" && (runEnd.kind === "exited" || runEnd.kind === "trapped");
  if (own) {
    const phase = runEnd.kind === "exited" && runEnd.exitCode === 0 ? "Succeeded" : "Failed";
    return end(lifecycle, phase, termination, state.startedMs, state.cause, [settle]);
  }
  const stopped = stopTermination(state.cause, termination.exitCode, termination.finishedMs);
  return end(lifecycle, "Failed", stopped, state.startedMs, state.cause, [settle]);
}

function end(
  lifecycle: Lifecycle,
  phase: "Succeeded" | "Failed",
  termination: Termination,
  startedMs: number | undefined,
  cause: StopCause | undefined,
  actions: readonly LifecycleAction[],
): Step {
  return become(lifecycle, { state: { kind: "ended", phase, termination, startedMs, cause } }, actions);
}

const disconnectedMessage =
  "stopped because its node had lost the scheduler for too long and its onDisconnect is stop";

const stopMessages: Readonly<Record<StopCause, string>> = {
  Stopped: "stopped because the scheduler asked for it",
  NodeShutdown: "stopped because the node daemon is shutting down",
  Disconnected: disconnectedMessage,
};

function stopTermination(cause: StopCause, exitCode: number | undefined, finishedMs: number): Termination {
  return { reason: cause, message: stopMessages[cause], exitCode, finishedMs };
}

function terminationOf(runEnd: RunEnd, finishedMs: number): Termination {
  switch (runEnd.kind) {
    case "exited": {
      const { exitCode } = runEnd;
      return exitCode === 0
        ? { reason: "Completed", message: "", exitCode, finishedMs }
        : { reason: "Error", message: `the guest exited with code ${exitCode}`, exitCode, finishedMs };
    }
    case "trapped":
    case "refused":
      return { reason: runEnd.reason, message: clip(runEnd.message), exitCode: undefined, finishedMs };
    case "stopped":
      return { reason: "Stopped", message: stopMessages.Stopped, exitCode: undefined, finishedMs };
    case "lost":
      return { reason: "ShimLost", message: clip(runEnd.message), exitCode: undefined, finishedMs };
    default:
      return assertNever(runEnd, "end of a run");
  }
}

function clip(message: string): string {
  return message.length <= messageCharsMax ? message : `${message.slice(0, messageCharsMax - 1)}…`;
}
