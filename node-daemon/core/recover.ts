/** What becomes of an instance when the daemon starts again: its last state on disk, and what the driver found alive. */
import type { AdoptedRun } from "./run.ts";
import { assertNever } from "../../kit/errors.ts";
import { reduce } from "./lifecycle.ts";
import type { Lifecycle, Now, Step } from "./lifecycle-state.ts";
import { sequenceJump } from "./limits.ts";
import { resumeEnding } from "./stopping.ts";

/** `terminationMessage` belongs to a run that was found ended. */
export function recover(
  stored: Lifecycle,
  adopted: AdoptedRun | undefined,
  now: Now,
  terminationMessage = "",
): Step {
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
    case "restarting":
      return recoverRun(lifecycle, state, found, now, terminationMessage);
    default:
      return assertNever(state, "lifecycle state");
  }
}

type AliveState = Extract<Lifecycle["state"], { kind: "starting" | "running" | "stopping" | "restarting" }>;

function recoverRun(
  lifecycle: Lifecycle,
  state: AliveState,
  found: AdoptedRun | undefined,
  now: Now,
  terminationMessage: string,
): Step {
  const { run } = lifecycle;
  if (found?.kind === "ended") {
    const { atMs, end } = found;
    return reduce(lifecycle, { kind: "runEnded", run, atMs, end, terminationMessage }, now);
  }
  if (!found) {
    const message = "the process that hosted it was gone when the node daemon started again";
    const end = { kind: "lost", message } as const;
    return reduce(lifecycle, { kind: "runEnded", run, atMs: now.wallMs, end, terminationMessage: "" }, now);
  }
  const { startedMs, isolation } = found;
  if (state.kind === "stopping" || state.kind === "restarting")
    return resumeEnding({ ...lifecycle, everStarted: true, isolation }, state, startedMs, now);
  // As if it had just reported its start: that also gives a restarted machine's clock a fresh origin.
  const starting = { ...lifecycle, state: { kind: "starting" } } as const;
  const step = reduce(starting, { kind: "runStarted", run, atMs: startedMs, isolation }, now);
  if (state.kind === "starting") return step;
  // What probes have said holds until they say otherwise: a restart of the daemon makes nothing unready.
  const { health } = state;
  const since = health.ready ? readySince(state, startedMs, now) : now;
  return {
    ...step,
    lifecycle: reduce(notReady(step.lifecycle), { kind: "health", run, health }, since).lifecycle,
  };
}

/** Monotonic clocks begin anew with each daemon, so the time is carried over by the wall clock. */
function readySince(state: AliveState & { readonly kind: "running" }, startedMs: number, now: Now): Now {
  // A daemon of before has not noted it.
  const wallMs = state.readySince?.wallMs ?? startedMs;
  return { wallMs, monotonicMs: now.monotonicMs - Math.max(0, now.wallMs - wallMs) };
}

function notReady(lifecycle: Lifecycle): Lifecycle {
  const { state } = lifecycle;
  return state.kind === "running" ? { ...lifecycle, state: { ...state, readySince: undefined } } : lifecycle;
}

/** Whether a restart of the daemon must know of this change. The steps of a setup are simply taken again. */
export function mustStore(before: Lifecycle | undefined, after: Lifecycle): boolean {
  const { kind } = after.state;
  return before === undefined || !(kind === "preparing" || kind === "mounting" || kind === "fetching");
}
