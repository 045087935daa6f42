/** What becomes of an instance when the daemon starts again: its last state on disk, and what the driver found alive. */
import type { AdoptedRun } from "./run.ts";
import { assertNever } from "../../kit/errors.ts";
import { type Lifecycle, type LifecycleAction, type Now, reduce, type Step } from "./lifecycle.ts";
import { sequenceJump } from "./limits.ts";

export function recover(stored: Lifecycle, adopted: AdoptedRun | undefined, now: Now): Step {
  const lifecycle = { ...stored, sequence: stored.sequence + sequenceJump };
  const found = adopted?.id.run === lifecycle.run ? adopted : undefined;
  const { state } = lifecycle;
  switch (state.kind) {
    case "ended":
      // Its end was on disk already, but the driver may not have been told.
      return { lifecycle, actions: found?.kind === "ended" ? [{ kind: "settle", run: found.id.run }] : [] };
    case "waiting":
      return { lifecycle, actions: [{ kind: "wakeAfter", delayMs: state.delayMs }] };
    case "fetching":
    case "preparing":
    case "mounting": {
      const waiting = { kind: "waiting", reason: "", message: "", delayMs: 0 } as const;
      return reduce({ ...lifecycle, state: waiting }, { kind: "woke" }, now);
    }
    case "starting":
    case "running":
    case "stopping":
      return recoverRun(lifecycle, state, found, now);
    default:
      return assertNever(state, "lifecycle state");
  }
}

type AliveState = Extract<Lifecycle["state"], { kind: "starting" | "running" | "stopping" }>;

function recoverRun(lifecycle: Lifecycle, state: AliveState, found: AdoptedRun | undefined, now: Now): Step {
  const { run } = lifecycle;
  if (found?.kind === "ended") {
    return reduce(lifecycle, { kind: "runEnded", run, atMs: found.atMs, end: found.end }, now);
  }
  if (!found) {
    const message = "the process that hosted it was gone when the node daemon started again";
    return reduce(
      lifecycle,
      { kind: "runEnded", run, atMs: now.wallMs, end: { kind: "lost", message } },
      now,
    );
  }
  // As if it had just reported its start: that also gives a restarted machine's clock a fresh origin.
  const starting = state.kind === "stopping" ? state : ({ kind: "starting" } as const);
  const atMs = found.startedMs;
  const step = reduce({ ...lifecycle, state: starting }, { kind: "runStarted", run, atMs }, now);
  const stop: LifecycleAction[] =
    state.kind === "stopping" ? [{ kind: "stopRun", graceMs: state.graceMs }] : [];
  return { lifecycle: step.lifecycle, actions: [...step.actions, ...stop] };
}

/** Whether a restart of the daemon must know of this change. The steps of a setup are simply taken again. */
export function mustStore(before: Lifecycle | undefined, after: Lifecycle): boolean {
  const { kind } = after.state;
  return before === undefined || !(kind === "preparing" || kind === "mounting" || kind === "fetching");
}
