import { expect, test } from "vitest";
import { assigned } from "./lifecycle.ts";
import type { Lifecycle, LifecycleState } from "./lifecycle-state.ts";
import { recover } from "./recover.ts";
import type { AdoptedRun } from "./run.ts";
import { statusOf } from "./status.ts";

const now = { wallMs: 100_000, monotonicMs: 0 };
const id = { uid: "uid-1", run: 2 };

function stored(state: LifecycleState, restart: "Always" | "Never" = "Always"): Lifecycle {
  const { lifecycle } = assigned({ restart, stopNotice: "none", heldBack: "nothing", hasPreStop: false });
  return { ...lifecycle, run: 2, everStarted: true, sequence: 10, state };
}

const health = { started: true, ready: false, reason: "Unhealthy", message: "503" } as const;
const running = { kind: "running", startedMs: 40_000, startedMonotonicMs: 999_999, health } as const;
const alive: AdoptedRun = { kind: "running", id, startedMs: 40_000, isolation: "shared" };
const finished: AdoptedRun = { kind: "ended", id, atMs: 90_000, end: { kind: "exited", exitCode: 0 } };
const ending = {
  graceMs: 500,
  beganMs: 99_800,
  beganMonotonicMs: 7,
  inPreStop: false,
  startedMs: 1,
};
const stopping = { kind: "stopping", cause: "Stopped", message: "", ...ending } as const;
const waiting = { kind: "waiting", reason: "CrashLoopBackOff", message: "", delayMs: 4000 } as const;

test.each([
  { name: "a run that lives goes on", state: running, found: alive, kind: "running", actions: [] },
  {
    name: "a run that was starting and lives",
    state: { kind: "starting" },
    found: alive,
    kind: "running",
    actions: [],
  },
  {
    name: "a run that ended meanwhile",
    state: running,
    found: finished,
    kind: "waiting",
    actions: [
      { kind: "settle", run: 2 },
      { kind: "wakeAfter", delayMs: 1000 },
    ],
  },
  {
    name: "a run whose shim is gone",
    state: running,
    found: undefined,
    kind: "waiting",
    actions: [
      { kind: "settle", run: 2 },
      { kind: "wakeAfter", delayMs: 1000 },
    ],
  },
  {
    name: "a stop is told again",
    state: stopping,
    found: alive,
    kind: "stopping",
    actions: [{ kind: "stopRun", graceMs: 500 }],
  },
  {
    name: "a wait begins again",
    state: waiting,
    found: undefined,
    kind: "waiting",
    actions: [{ kind: "wakeAfter", delayMs: 4000 }],
  },
  {
    name: "a setup begins again",
    state: { kind: "mounting" },
    found: undefined,
    kind: "fetching",
    actions: [{ kind: "setUp", attempt: 2, digest: undefined }],
  },
] as const)("recover: $name", ({ state, found, kind, actions }) => {
  const step = recover(stored(state), found, now);
  expect(step.lifecycle.state.kind).toBe(kind);
  expect(step.actions).toEqual(actions);
});

test("recover: no restart is counted for a run that goes on, and its age is kept", () => {
  const { lifecycle } = recover(stored(running), alive, now);
  expect(statusOf(lifecycle)).toMatchObject({ restarts: 2, startedMs: 40_000 });
  expect(lifecycle.state).toMatchObject({ startedMonotonicMs: -60_000 });
});

test.each([
  { name: "as long as was noted", readySince: { wallMs: 70_000, monotonicMs: 5 }, sinceMs: -30_000 },
  { name: "since its start, if a daemon of before noted nothing", readySince: undefined, sinceMs: -60_000 },
  { name: "never longer than since now", readySince: { wallMs: 900_000, monotonicMs: 5 }, sinceMs: 0 },
])("recover: a run that is ready has been so for $name", ({ readySince, sinceMs }) => {
  const ready = { ...running, health: { ...health, ready: true, reason: "" as const }, readySince };
  const { lifecycle } = recover(stored(ready), alive, now);
  expect(statusOf(lifecycle)).toMatchObject({ ready: true, readySinceMonotonicMs: sinceMs });
});

test("recover: a lost run with restartPolicy Never has failed, and says why", () => {
  const { lifecycle } = recover(stored(running, "Never"), undefined, now);
  expect(statusOf(lifecycle)).toMatchObject({ phase: "Failed", reason: "ShimLost" });
});

test("recover: an end that is on disk is settled if the driver still has it", () => {
  const termination = { reason: "Completed", message: "", exitCode: 0, finishedMs: 90_000 };
  const ended = { kind: "ended", phase: "Succeeded", termination, startedMs: 1, cause: undefined } as const;
  expect(recover(stored(ended), finished, now).actions).toEqual([{ kind: "settle", run: 2 }]);
  expect(recover(stored(ended), undefined, now).actions).toEqual([]);
});

test("recover: a run of another number is not this one", () => {
  const other: AdoptedRun = { ...alive, id: { uid: "uid-1", run: 1 } };
  expect(recover(stored(running), other, now).lifecycle.state.kind).toBe("waiting");
});

test("recover: what is reported comes after all that was reported before", () => {
  expect(recover(stored(running), alive, now).lifecycle.sequence).toBeGreaterThan(1000);
});

test("recover: what probes said holds, and the isolation is the one found", () => {
  const { lifecycle } = recover(stored(running), { ...alive, isolation: "process" }, now);
  expect(statusOf(lifecycle)).toMatchObject({
    ready: false,
    reason: "Unhealthy",
    message: "503",
    isolation: "process",
  });
});

test("recover: the termination message of a run that ended meanwhile are kept", () => {
  const step = recover(stored(running), finished, now, "done with all");
  expect(step.lifecycle.lastTermination).toMatchObject({ reason: "Completed", message: "done with all" });
});
