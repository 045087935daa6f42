import { expect, test } from "vitest";
import { assigned, reduce } from "./lifecycle.ts";
import type { Lifecycle, LifecycleAction, LifecycleEvent, LifecyclePolicy, Now } from "./lifecycle-state.ts";
import { recover } from "./recover.ts";
import type { RunEnd } from "./run.ts";
import { statusOf } from "./status.ts";

const begin: Now = { wallMs: 1_000_000, monotonicMs: 5_000 };

function after(ms: number): Now {
  return { wallMs: begin.wallMs + ms, monotonicMs: begin.monotonicMs + ms };
}

function running(policy: Partial<LifecyclePolicy> = {}): Lifecycle {
  const events: LifecycleEvent[] = [
    { kind: "fetched", attempt: 1, digest: "d1" },
    { kind: "prepared", attempt: 1 },
    { kind: "mounted", attempt: 1 },
    { kind: "runStarted", run: 0, atMs: begin.wallMs, isolation: "process" },
  ];
  const { lifecycle } = assigned({
    restart: "Always",
    stopNotice: "none",
    heldBack: "nothing",
    hasPreStop: false,
    ...policy,
  });
  return events.reduce((at, event) => reduce(at, event, begin).lifecycle, lifecycle);
}

const stop = (graceMs: number): LifecycleEvent => ({ kind: "stop", cause: "Stopped", graceMs });
const restart = (graceMs: number, again: "backoff" | "atOnce" = "backoff"): LifecycleEvent => ({
  kind: "restart",
  run: 0,
  reason: "Unhealthy",
  message: "the liveness probe failed",
  graceMs,
  again,
});
const preStopDone: LifecycleEvent = { kind: "preStopDone", run: 0 };
const ended = (end: RunEnd, terminationMessage = ""): LifecycleEvent => ({
  kind: "runEnded",
  run: 0,
  atMs: begin.wallMs,
  end,
  terminationMessage,
});
const killed: RunEnd = { kind: "stopped" };
const exit = (exitCode: number): RunEnd => ({ kind: "exited", exitCode });
const settle: LifecycleAction = { kind: "settle", run: 0 };

/** Events at times since the beginning; answers the last state and the actions of each step. */
function play(from: Lifecycle, ...events: readonly (readonly [number, LifecycleEvent])[]) {
  const actions: LifecycleAction[][] = [];
  let lifecycle = from;
  for (const [ms, event] of events) {
    const step = reduce(lifecycle, event, after(ms));
    actions.push([...step.actions]);
    ({ lifecycle } = step);
  }
  return { lifecycle, actions, last: actions.at(-1), status: statusOf(lifecycle) };
}

test("onStop: preStop comes first, and the notice gets what it leaves of the grace", () => {
  const { actions, status } = play(running({ hasPreStop: true }), [0, stop(1000)], [300, preStopDone]);
  expect(actions).toEqual([
    [{ kind: "preStop", run: 0, graceMs: 1000 }],
    [{ kind: "stopRun", graceMs: 700 }],
  ]);
  expect(status).toMatchObject({ ready: false, reason: "Stopping" });
});

test("onStop: a preStop as long as the grace leaves a kill", () => {
  const { last } = play(running({ hasPreStop: true }), [0, stop(1000)], [1004, preStopDone]);
  expect(last).toEqual([{ kind: "stopRun", graceMs: 0 }]);
});

test.each([
  { name: "without a grace there is no preStop", policy: { hasPreStop: true }, graceMs: 0 },
  { name: "without a preStop the notice comes at once", policy: {}, graceMs: 1000 },
])("onStop: $name", ({ policy, graceMs }) => {
  expect(play(running(policy), [0, stop(graceMs)]).last).toEqual([{ kind: "stopRun", graceMs }]);
});

test.each([
  {
    name: "shorter, in preStop",
    events: [[300, stop(200)]],
    last: [{ kind: "preStop", run: 0, graceMs: 200 }],
  },
  { name: "longer than what is left, in preStop", events: [[300, stop(900)]], last: [] },
  {
    name: "a kill, in preStop",
    events: [[300, stop(0)]],
    last: [{ kind: "cancelPreStop" }, { kind: "stopRun", graceMs: 0 }],
  },
  {
    name: "a second kill",
    events: [
      [300, stop(0)],
      [301, stop(0)],
    ],
    last: [],
  },
  {
    name: "shorter, after preStop",
    events: [
      [300, preStopDone],
      [400, stop(100)],
    ],
    last: [{ kind: "stopRun", graceMs: 100 }],
  },
  {
    name: "preStop that ends after it was shortened",
    events: [
      [300, stop(200)],
      [450, preStopDone],
    ],
    last: [{ kind: "stopRun", graceMs: 50 }],
  },
  {
    name: "preStop that ends after a kill",
    events: [
      [300, stop(0)],
      [301, preStopDone],
    ],
    last: [],
  },
  {
    name: "the guest ends by itself in preStop",
    events: [[300, ended(exit(0))]],
    last: [{ kind: "cancelPreStop" }, settle],
  },
] as const satisfies readonly {
  name: string;
  events: readonly (readonly [number, LifecycleEvent])[];
  last: readonly LifecycleAction[];
}[])("onStop: a stop of 1 s with preStop, then: $name", ({ events, last }) => {
  expect(play(running({ hasPreStop: true }), [0, stop(1000)], ...events).last).toEqual(last);
});

test.each([
  {
    name: "told nothing yet, done",
    policy: {},
    inPreStop: true,
    end: exit(0),
    phase: "Succeeded",
    reason: "Completed",
  },
  {
    name: "told, then done",
    policy: { stopNotice: "stdin" },
    inPreStop: false,
    end: exit(0),
    phase: "Failed",
    reason: "Stopped",
  },
  {
    name: "in preStop, with a notice to come",
    policy: { stopNotice: "stdin" },
    inPreStop: true,
    end: exit(0),
    phase: "Succeeded",
    reason: "Completed",
  },
  { name: "killed", policy: {}, inPreStop: false, end: killed, phase: "Failed", reason: "Stopped" },
] as const)("endStopped: $name", ({ policy, inPreStop, end, phase, reason }) => {
  const from = running({ hasPreStop: true, ...policy });
  const told: [number, LifecycleEvent][] = inPreStop ? [] : [[10, preStopDone]];
  const { status } = play(from, [0, stop(1000)], ...told, [20, ended(end)]);
  expect(status).toMatchObject({ phase, reason });
});

test("onStop: an eviction says why, and what the guest left as its termination message", () => {
  const evict: LifecycleEvent = { kind: "stop", cause: "Evicted", graceMs: 0, message: "memory is short" };
  const { status } = play(running(), [0, evict], [1, ended(killed, "was at record 7")]);
  expect(status).toMatchObject({
    phase: "Failed",
    reason: "Evicted",
    message: "was at record 7\nmemory is short",
  });
});

test("onRestart: the run ends with the reason, is counted once, and waits as after a crash", () => {
  const { lifecycle, actions, status } = play(
    running(),
    [0, restart(500)],
    [1, restart(500)],
    [9, ended(killed)],
  );
  expect(actions).toEqual([
    [{ kind: "stopRun", graceMs: 500 }],
    [],
    [settle, { kind: "wakeAfter", delayMs: 1000 }],
  ]);
  expect(status).toMatchObject({
    phase: "Running",
    ready: false,
    reason: "CrashLoopBackOff",
    restarts: 1,
    lastTermination: { reason: "Unhealthy", message: "the liveness probe failed" },
  });
  expect(lifecycle.crashes).toBe(1);
});

test("onRestart: at once is no crash and no wait", () => {
  const { lifecycle, last, status } = play(running(), [0, restart(500, "atOnce")], [9, ended(killed)]);
  expect(last).toEqual([settle, { kind: "setUp", attempt: 2, digest: "d1" }]);
  expect(lifecycle.crashes).toBe(0);
  expect(status).toMatchObject({ restarts: 1, reason: "FetchingModule" });
});

test.each([
  { name: "Always", restartPolicy: "Always", end: killed, kind: "waiting" },
  { name: "OnFailure, killed", restartPolicy: "OnFailure", end: killed, kind: "waiting" },
  { name: "OnFailure, left by itself and well", restartPolicy: "OnFailure", end: exit(0), kind: "ended" },
  { name: "Never, killed", restartPolicy: "Never", end: killed, kind: "ended" },
] as const)("onRestart: restartPolicy $name", ({ restartPolicy, end, kind }) => {
  const { lifecycle } = play(running({ restart: restartPolicy }), [0, restart(500)], [9, ended(end)]);
  expect(lifecycle.state.kind).toBe(kind);
});

test("onRestart: Never fails with the probe's reason, whatever the code after a notice", () => {
  const from = running({ restart: "Never", stopNotice: "stdin" });
  const { status } = play(from, [0, restart(500)], [9, ended(exit(0))]);
  expect(status).toMatchObject({ phase: "Failed", reason: "Unhealthy", exitCode: 0, restarts: 0 });
});

test("onRestart: a healthy run of ten minutes forgives the crashes before it", () => {
  const from = { ...running(), crashes: 6 };
  const { last } = play(from, [600_000, restart(500)], [600_001, ended(killed)]);
  expect(last).toContainEqual({ kind: "wakeAfter", delayMs: 1000 });
});

test("onRestart: a stop meanwhile wins, with the shorter grace", () => {
  const { actions, status } = play(running(), [0, restart(500)], [100, stop(30_000)], [200, ended(killed)]);
  expect(actions).toEqual([[{ kind: "stopRun", graceMs: 500 }], [], [settle]]);
  expect(status).toMatchObject({ phase: "Failed", reason: "Stopped", restarts: 0 });
});

test.each([
  { name: "of another run", from: { ...running(), run: 3 } },
  { name: "of an instance that is stopping", from: reduce(running(), stop(5), begin).lifecycle },
])("onRestart: ignores one $name", ({ from }) => {
  expect(reduce(from, restart(500), begin)).toEqual({ lifecycle: from, actions: [] });
});

const alive = {
  kind: "running",
  id: { uid: "uid-1", run: 0 },
  startedMs: begin.wallMs,
  isolation: "process",
} as const;

test("recover: preStop runs again, within what is left of the grace", () => {
  const { lifecycle } = play(running({ hasPreStop: true }), [0, stop(1000)]);
  const step = recover(lifecycle, alive, { wallMs: begin.wallMs + 400, monotonicMs: 3 });
  expect(step.actions).toEqual([{ kind: "preStop", run: 0, graceMs: 600 }]);
  const done = reduce(step.lifecycle, preStopDone, { wallMs: 0, monotonicMs: 103 });
  expect(done.actions).toEqual([{ kind: "stopRun", graceMs: 500 }]);
});

test.each([
  { name: "the grace is over", wallMs: begin.wallMs + 5000, actions: [{ kind: "stopRun", graceMs: 0 }] },
  {
    name: "a clock that went back gives no more than the grace",
    wallMs: 7,
    actions: [{ kind: "preStop", run: 0, graceMs: 1000 }],
  },
])("recover: in preStop: $name", ({ wallMs, actions }) => {
  const { lifecycle } = play(running({ hasPreStop: true }), [0, stop(1000)]);
  expect(recover(lifecycle, alive, { wallMs, monotonicMs: 3 }).actions).toEqual(actions);
});

test("recover: a restart goes on, and is still counted once", () => {
  const { lifecycle } = play(running(), [0, restart(500)]);
  const step = recover(lifecycle, alive, { wallMs: begin.wallMs + 100, monotonicMs: 3 });
  expect(step.actions).toEqual([{ kind: "stopRun", graceMs: 500 }]);
  const { status } = play(step.lifecycle, [200, ended(killed)]);
  expect(status).toMatchObject({ restarts: 1, lastTermination: { reason: "Unhealthy" } });
});
