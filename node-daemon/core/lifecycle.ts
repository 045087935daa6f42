/**
 * The life of one instance on its node, as values: `(lifecycle, event, now) → lifecycle and actions`. No I/O, no clock.
 *
 *            assigned                                             end, policy says again
 *               ▼                                          ┌────────────────────────────────┐
 *           fetching ─▶ preparing ─▶ mounting ─▶ starting ─▶ running ─restart─▶ restarting ──┤
 *               ▲           │            │           │         │ stop             │ stop     ▼
 *               │           └─ failed ───┴───────────┘         ▼                  ▼       waiting
 *               │                  │                        stopping ◀────────────┘         │
 *               │                  │                           └─────▶ ended ◀── final      │
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
import {
  become,
  end,
  type Health,
  type Lifecycle,
  type LifecycleAction,
  type LifecycleEvent,
  type LifecyclePolicy,
  type LifecycleState,
  type Now,
  type RestartPolicy,
  type Step,
  unchanged,
} from "./lifecycle-state.ts";
import { crashBackoff, setupBackoff } from "./limits.ts";
import {
  endedAsTold,
  type EndingState,
  endStopped,
  onPreStopDone,
  onRestart,
  onStop,
  told,
  wasHealthy,
} from "./stopping.ts";
import { clip, disconnectedMessage, type Termination, terminationOf } from "./termination.ts";

type RunEnded = Extract<LifecycleEvent, { kind: "runEnded" }>;

export function assigned(policy: LifecyclePolicy): Step {
  return beginSetup({
    policy,
    attempt: 0,
    run: 0,
    everStarted: false,
    crashes: 0,
    setupFailures: 0,
    moduleDigest: undefined,
    isolation: undefined,
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
    case "health":
      return onHealth(lifecycle, event.run, event.health, now);
    case "stop":
      return onStop(lifecycle, event, now);
    case "restart":
      return onRestart(lifecycle, event, now);
    case "preStopDone":
      return onPreStopDone(lifecycle, event.run, now);
    default:
      return assertNever(event, "lifecycle event");
  }
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
  const { atMs, isolation } = event;
  if (event.run !== lifecycle.run) return unchanged(lifecycle);
  if (state.kind === "stopping") {
    return become(lifecycle, { everStarted: true, isolation, state: { ...state, startedMs: atMs } });
  }
  if (state.kind !== "starting") return unchanged(lifecycle);
  const startedMonotonicMs = now.monotonicMs - Math.max(0, now.wallMs - atMs);
  const health = healthAtStart[lifecycle.policy.heldBack];
  const readySince = health.ready ? { wallMs: atMs, monotonicMs: startedMonotonicMs } : undefined;
  const running = { kind: "running", startedMs: atMs, startedMonotonicMs, health, readySince } as const;
  return become(lifecycle, { everStarted: true, isolation, setupFailures: 0, state: running });
}

const healthAtStart: Readonly<Record<LifecyclePolicy["heldBack"], Health>> = {
  nothing: { started: true, ready: true, reason: "", message: "" },
  startup: {
    started: false,
    ready: false,
    reason: "NotReady",
    message: "its startup probe has not succeeded yet",
  },
  readiness: {
    started: true,
    ready: false,
    reason: "NotReady",
    message: "its readiness probe has not succeeded yet",
  },
};

function onHealth(lifecycle: Lifecycle, run: number, health: Health, now: Now): Step {
  const { state } = lifecycle;
  if (state.kind !== "running" || run !== lifecycle.run) return unchanged(lifecycle);
  const readySince = health.ready ? (state.readySince ?? now) : undefined;
  const clipped = { ...health, message: clip(health.message) };
  return become(lifecycle, { state: { ...state, health: clipped, readySince } });
}

function onRunEnded(lifecycle: Lifecycle, event: RunEnded, now: Now): Step {
  const { state } = lifecycle;
  const settle = { kind: "settle", run: event.run } as const;
  if (!isAlive(state) || event.run !== lifecycle.run) return { lifecycle, actions: [settle] };
  const termination = terminationOf(event.end, event.atMs, event.terminationMessage);
  if (state.kind === "stopping" || state.kind === "restarting") {
    const actions: LifecycleAction[] = state.inPreStop ? [{ kind: "cancelPreStop" }, settle] : [settle];
    if (state.kind === "stopping") return endStopped(lifecycle, state, event, termination, actions);
    if (endedAsTold(lifecycle, state, event.end))
      return endRestarted(lifecycle, state, told(state.reason, state.message, event, termination), actions);
    return endByItself(lifecycle, event, termination, lifecycle.crashes, actions);
  }
  const crashes = state.kind === "running" && wasHealthy(state, now) ? 0 : lifecycle.crashes;
  return endByItself(lifecycle, event, termination, crashes, [settle]);
}

type AliveState = Extract<LifecycleState, { kind: "starting" | "running" | "stopping" | "restarting" }>;

function isAlive(state: LifecycleState): state is AliveState {
  const { kind } = state;
  return kind === "starting" || kind === "running" || kind === "stopping" || kind === "restarting";
}

function endByItself(
  lifecycle: Lifecycle,
  event: RunEnded,
  termination: Termination,
  crashes: number,
  actions: readonly LifecycleAction[],
): Step {
  const { state, policy } = lifecycle;
  if (event.end.kind === "refused") {
    return failSetup(lifecycle, event.end, event.atMs, actions, lifecycle.run + 1);
  }
  const startedMs = "startedMs" in state ? state.startedMs : undefined;
  // Nobody here asked for it: the hosting process stopped it because no daemon was there for too long.
  if (event.end.kind === "stopped") {
    const cutOff = { ...termination, reason: "Disconnected", message: disconnectedMessage };
    return end(lifecycle, "Failed", cutOff, startedMs, "Disconnected", actions);
  }
  const succeeded = event.end.kind === "exited" && event.end.exitCode === 0;
  if (!runsAgain(policy.restart, succeeded)) {
    const phase = succeeded ? "Succeeded" : "Failed";
    return end(lifecycle, phase, termination, startedMs, undefined, actions);
  }
  return waitForRestart(lifecycle, termination, crashes, actions);
}

/** As in Kubernetes what a probe has ended begins anew unless restartPolicy is Never, whatever its exit code. */
function endRestarted(
  lifecycle: Lifecycle,
  state: Extract<EndingState, { kind: "restarting" }>,
  termination: Termination,
  actions: readonly LifecycleAction[],
): Step {
  if (lifecycle.policy.restart === "Never")
    return end(lifecycle, "Failed", termination, state.startedMs, undefined, actions);
  if (state.again === "backoff") return waitForRestart(lifecycle, termination, lifecycle.crashes, actions);
  const next = beginSetup({ ...lifecycle, run: lifecycle.run + 1, lastTermination: termination });
  return { lifecycle: next.lifecycle, actions: [...actions, ...next.actions] };
}

function runsAgain(policy: RestartPolicy, succeeded: boolean): boolean {
  return policy === "Always" || (policy === "OnFailure" && !succeeded);
}

function waitForRestart(
  lifecycle: Lifecycle,
  termination: Termination,
  crashes: number,
  actions: readonly LifecycleAction[],
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
    [...actions, { kind: "wakeAfter", delayMs }],
  );
}
