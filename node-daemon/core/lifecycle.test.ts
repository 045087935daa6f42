import { expect, test } from "vitest";
import { assigned, reduce } from "./lifecycle.ts";
import type { Lifecycle, LifecycleAction, LifecycleEvent, Now, RestartPolicy } from "./lifecycle-state.ts";
import type { RunEnd } from "./run.ts";
import { statusOf } from "./status.ts";

const now: Now = { wallMs: 1_000_000, monotonicMs: 5_000 };

type Stage = "fetching" | "preparing" | "mounting" | "starting" | "running";

/** An instance that went well up to `stage`, starting from `from`. */
function advance(from: Lifecycle, stage: Stage): Lifecycle {
  const { attempt, run } = from;
  const path: LifecycleEvent[] = [
    { kind: "fetched", attempt, digest: "d1" },
    { kind: "prepared", attempt },
    { kind: "mounted", attempt },
    { kind: "runStarted", run, atMs: now.wallMs, isolation: "shared" },
  ];
  const stages: Stage[] = ["fetching", "preparing", "mounting", "starting", "running"];
  return path
    .slice(0, stages.indexOf(stage))
    .reduce((lifecycle, event) => reduce(lifecycle, event, now).lifecycle, from);
}

function at(
  stage: Stage,
  restart: RestartPolicy = "Always",
  stopNotice: "none" | "stdin" = "none",
): Lifecycle {
  return advance(assigned({ restart, stopNotice, heldBack: "nothing", hasPreStop: false }).lifecycle, stage);
}

function endRun(lifecycle: Lifecycle, end: RunEnd, when: Now = now) {
  const { run } = lifecycle;
  return reduce(lifecycle, { kind: "runEnded", run, atMs: when.wallMs, end, terminationMessage: "" }, when);
}

const exit = (exitCode: number): RunEnd => ({ kind: "exited", exitCode });
const trap: RunEnd = { kind: "trapped", reason: "Trap", message: "unreachable at main" };
const lost: RunEnd = { kind: "lost", message: "the shim was killed" };

test("reduce: the way to running asks for each step once", () => {
  const first = assigned({ restart: "Always", stopNotice: "none", heldBack: "nothing", hasPreStop: false });
  expect(first.actions).toEqual([{ kind: "setUp", attempt: 1, digest: undefined }]);
  const mounting = at("mounting");
  const started = reduce(mounting, { kind: "mounted", attempt: 1 }, now);
  expect(started.actions).toEqual([{ kind: "startRun", run: 0 }]);
  expect(statusOf(at("running"))).toMatchObject({
    phase: "Running",
    ready: true,
    restarts: 0,
    startedMs: 1_000_000,
  });
});

test("reduce: how long it has been ready counts from when it last became so, and not from a repetition", () => {
  const health = { started: true, ready: true, reason: "", message: "" } as const;
  const unready = { ...health, ready: false, reason: "Unhealthy" } as const;
  const seen = [unready, health, health, unready, health].map((one, place) => ({ one, atMs: 6_000 + place }));
  let lifecycle = at("running");
  expect(statusOf(lifecycle).readySinceMonotonicMs).toBe(5_000);
  const since = seen.map(({ one, atMs }) => {
    const when = { wallMs: 0, monotonicMs: atMs };
    ({ lifecycle } = reduce(lifecycle, { kind: "health", run: 0, health: one }, when));
    return statusOf(lifecycle).readySinceMonotonicMs;
  });
  expect(since).toEqual([undefined, 6_001, 6_001, undefined, 6_004]);
});

test.each([
  { name: "fetching", stage: "fetching", phase: "Pending", reason: "FetchingModule" },
  { name: "preparing", stage: "preparing", phase: "Pending", reason: "PreparingModule" },
  { name: "starting", stage: "starting", phase: "Pending", reason: "Starting" },
] as const)("statusOf: $name", ({ stage, phase, reason }) => {
  expect(statusOf(at(stage))).toMatchObject({ phase, reason, ready: false });
});

test.each([
  {
    name: "Always restarts after success",
    restart: "Always",
    end: exit(0),
    state: "waiting",
    reason: "CrashLoopBackOff",
  },
  {
    name: "OnFailure is done after success",
    restart: "OnFailure",
    end: exit(0),
    state: "Succeeded",
    reason: "Completed",
  },
  {
    name: "Never is done after success",
    restart: "Never",
    end: exit(0),
    state: "Succeeded",
    reason: "Completed",
  },
  {
    name: "OnFailure restarts after an error",
    restart: "OnFailure",
    end: exit(3),
    state: "waiting",
    reason: "CrashLoopBackOff",
  },
  { name: "Never fails with an error", restart: "Never", end: exit(3), state: "Failed", reason: "Error" },
  { name: "Never fails with a trap", restart: "Never", end: trap, state: "Failed", reason: "Trap" },
  {
    name: "OnFailure restarts after a trap",
    restart: "OnFailure",
    end: trap,
    state: "waiting",
    reason: "CrashLoopBackOff",
  },
  { name: "Never fails with its shim", restart: "Never", end: lost, state: "Failed", reason: "ShimLost" },
  {
    name: "Always restarts after its shim",
    restart: "Always",
    end: lost,
    state: "waiting",
    reason: "CrashLoopBackOff",
  },
  {
    name: "a shim that stopped it without a daemon",
    restart: "Always",
    end: { kind: "stopped" },
    state: "Failed",
    reason: "Disconnected",
  },
] as const)("reduce: run ends: $name", ({ restart, end, state, reason }) => {
  const { lifecycle, actions } = endRun(at("running", restart), end);
  const status = statusOf(lifecycle);
  expect(status.reason).toBe(reason);
  expect(lifecycle.state.kind === "ended" ? status.phase : lifecycle.state.kind).toBe(state);
  expect(actions).toContainEqual({ kind: "settle", run: 0 });
});

test("reduce: a restart keeps what happened, counts, and doubles the wait up to its cap", () => {
  let lifecycle = at("running");
  const delays: number[] = [];
  for (let crash = 0; crash < 11; crash++) {
    const step = endRun(lifecycle, exit(7));
    delays.push(wakeDelay(step.actions));
    lifecycle = advance(reduce(step.lifecycle, { kind: "woke" }, now).lifecycle, "running");
  }
  expect(delays).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1000));
  const status = statusOf(lifecycle);
  expect(status).toMatchObject({ restarts: 11, lastTermination: { reason: "Error", exitCode: 7 } });
});

test("reduce: a run of ten minutes forgives the crashes before it", () => {
  const crashed = endRun(at("running"), exit(1)).lifecycle;
  const again = advance(reduce(crashed, { kind: "woke" }, now).lifecycle, "running");
  const later = { wallMs: now.wallMs + 600_000, monotonicMs: now.monotonicMs + 600_000 };
  expect(wakeDelay(endRun(again, exit(1), later).actions)).toBe(1000);
  expect(wakeDelay(endRun(again, exit(1)).actions)).toBe(2000);
});

test("reduce: a restart asks for the digest that it had", () => {
  const crashed = endRun(at("running"), exit(1)).lifecycle;
  expect(reduce(crashed, { kind: "woke" }, now).actions).toEqual([
    { kind: "setUp", attempt: 2, digest: "d1" },
  ]);
});

test.each([
  { name: "Always waits for a better module", restart: "Always", retryable: false, state: "waiting" },
  { name: "OnFailure waits for a better module", restart: "OnFailure", retryable: false, state: "waiting" },
  { name: "Never fails for good", restart: "Never", retryable: false, state: "ended" },
  { name: "Never retries what may pass", restart: "Never", retryable: true, state: "waiting" },
] as const)("reduce: setup fails: $name", ({ restart, retryable, state }) => {
  const failure = { reason: "ModuleInvalid", message: "not wasm", retryable };
  const step = reduce(at("preparing", restart), { kind: "setupFailed", attempt: 1, ...failure }, now);
  expect(step.lifecycle.state.kind).toBe(state);
  expect(statusOf(step.lifecycle)).toMatchObject({
    phase: state === "ended" ? "Failed" : "Pending",
    reason: "ModuleInvalid",
    message: "not wasm",
    restarts: 0,
    lastTermination: undefined,
  });
  expect(step.lifecycle.moduleDigest).toBe(state === "ended" ? "d1" : undefined);
});

test("reduce: setups back off to a minute, and a run that starts forgives them", () => {
  let lifecycle = at("fetching");
  const delays: number[] = [];
  for (let i = 0; i < 8; i++) {
    const { attempt } = lifecycle;
    const failed = {
      kind: "setupFailed",
      attempt,
      reason: "ModuleFetchFailed",
      message: "",
      retryable: true,
    } as const;
    const step = reduce(lifecycle, failed, now);
    delays.push(wakeDelay(step.actions) / 1000);
    lifecycle = reduce(step.lifecycle, { kind: "woke" }, now).lifecycle;
  }
  expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(advance(lifecycle, "running").setupFailures).toBe(0);
});

test("reduce: a refused start is a failed setup whose run number is used up", () => {
  const refused = { kind: "refused", reason: "MountFailed", message: "gone", retryable: true } as const;
  const { lifecycle, actions } = endRun(at("starting"), refused);
  expect(statusOf(lifecycle)).toMatchObject({ phase: "Pending", reason: "MountFailed" });
  expect(actions[0]).toEqual({ kind: "settle", run: 0 });
  expect(lifecycle.run).toBe(1);
});

test.each([
  { name: "while fetching", stage: "fetching" },
  { name: "while mounting", stage: "mounting" },
] as const)("reduce: stop $name ends it at once", ({ stage }) => {
  const step = reduce(at(stage), { kind: "stop", cause: "Stopped", graceMs: 100 }, now);
  expect(statusOf(step.lifecycle)).toMatchObject({ phase: "Failed", reason: "Stopped" });
  expect(step.actions).toEqual([{ kind: "cancelSetup" }]);
});

test("reduce: stop of a waiting instance ends it and keeps its history", () => {
  const waiting = endRun(at("running"), exit(1)).lifecycle;
  const { lifecycle } = reduce(waiting, { kind: "stop", cause: "NodeShutdown", graceMs: 0 }, now);
  expect(statusOf(lifecycle)).toMatchObject({ phase: "Failed", reason: "NodeShutdown", restarts: 1 });
  expect(reduce(lifecycle, { kind: "woke" }, now).lifecycle).toBe(lifecycle);
});

test("reduce: a second stop only counts with a smaller grace", () => {
  const stop = (graceMs: number): LifecycleEvent => ({ kind: "stop", cause: "Stopped", graceMs });
  const stopping = reduce(at("running"), stop(1000), now);
  expect(stopping.actions).toEqual([{ kind: "stopRun", graceMs: 1000 }]);
  expect(reduce(stopping.lifecycle, stop(2000), now).actions).toEqual([]);
  expect(reduce(stopping.lifecycle, stop(0), now).actions).toEqual([{ kind: "stopRun", graceMs: 0 }]);
});

test.each([
  { name: "killed", notice: "none", end: { kind: "stopped" }, phase: "Failed", reason: "NodeShutdown" },
  {
    name: "finished by itself just before",
    notice: "none",
    end: exit(0),
    phase: "Succeeded",
    reason: "Completed",
  },
  { name: "failed by itself just before", notice: "none", end: exit(2), phase: "Failed", reason: "Error" },
  { name: "left after the notice", notice: "stdin", end: exit(0), phase: "Failed", reason: "NodeShutdown" },
  { name: "lost with its shim", notice: "none", end: lost, phase: "Failed", reason: "NodeShutdown" },
] as const)("reduce: stopping: $name", ({ notice, end, phase, reason }) => {
  const running = at("running", "Always", notice);
  const stopping = reduce(running, { kind: "stop", cause: "NodeShutdown", graceMs: 10 }, now).lifecycle;
  const { lifecycle, actions } = endRun(stopping, end);
  expect(statusOf(lifecycle)).toMatchObject({ phase, reason });
  expect(actions).toEqual([{ kind: "settle", run: 0 }]);
});

test.each([
  { name: "an older setup", event: { kind: "fetched", attempt: 0, digest: "x" } },
  {
    name: "an older failure",
    event: { kind: "setupFailed", attempt: 0, reason: "X", message: "", retryable: false },
  },
  { name: "a later run", event: { kind: "runStarted", run: 4, atMs: 0, isolation: "shared" } },
  { name: "a wake-up while nothing waits", event: { kind: "woke" } },
] as const)("reduce: ignores $name", ({ event }) => {
  const lifecycle = at("fetching");
  expect(reduce(lifecycle, event, now)).toEqual({ lifecycle, actions: [] });
});

test("reduce: an end that was counted before is settled again and changes nothing", () => {
  const ended = endRun(at("running", "Never"), exit(0)).lifecycle;
  expect(endRun(ended, lost)).toEqual({ lifecycle: ended, actions: [{ kind: "settle", run: 0 }] });
});

test("reduce: the sequence grows with every change", () => {
  const sequences = (["fetching", "preparing", "mounting", "starting", "running"] as const).map(
    (stage) => at(stage).sequence,
  );
  expect(sequences).toEqual([1, 2, 3, 4, 5]);
  const dropped = reduce(at("running"), { kind: "logsDropped" }, now).lifecycle;
  expect(statusOf(dropped)).toMatchObject({ logsDropped: true, sequence: 6 });
  expect(reduce(dropped, { kind: "logsDropped" }, now).lifecycle.sequence).toBe(6);
});

test("reduce: a message of any length is bounded", () => {
  const end = { kind: "trapped", reason: "Trap", message: "x".repeat(100_000) } as const;
  expect(statusOf(endRun(at("running", "Never"), end).lifecycle).message.length).toBe(4096);
});

function wakeDelay(actions: readonly LifecycleAction[]): number {
  const wake = actions.find((action) => action.kind === "wakeAfter");
  return wake?.kind === "wakeAfter" ? wake.delayMs : -1;
}

test.each([
  { heldBack: "nothing", ready: true, reason: "" },
  { heldBack: "startup", ready: false, reason: "NotReady" },
  { heldBack: "readiness", ready: false, reason: "NotReady" },
] as const)(
  "reduce: a run that $heldBack holds back starts with ready $ready",
  ({ heldBack, ready, reason }) => {
    const policy = { restart: "Always", stopNotice: "none", heldBack, hasPreStop: false } as const;
    const status = statusOf(advance(assigned(policy).lifecycle, "running"));
    expect(status).toMatchObject({ phase: "Running", ready, reason, isolation: "shared" });
  },
);

test("reduce: health is shown with its reason, and none of an older run", () => {
  const health = { started: true, ready: false, reason: "Unhealthy", message: "503" } as const;
  const { lifecycle } = reduce(at("running"), { kind: "health", run: 0, health }, now);
  expect(statusOf(lifecycle)).toMatchObject({
    phase: "Running",
    ready: false,
    reason: "Unhealthy",
    message: "503",
  });
  expect(reduce(lifecycle, { kind: "health", run: 7, health }, now).lifecycle).toBe(lifecycle);
});

test.each([
  { name: "an exit code", end: exit(3), words: "no such table", message: "no such table" },
  { name: "an exit code, without words", end: exit(3), words: "", message: "the guest exited with code 3" },
  { name: "a trap", end: trap, words: "at 7", message: "at 7\nunreachable at main" },
  { name: "success", end: exit(0), words: "all done", message: "all done" },
] as const)("terminationOf: the termination message of $name", ({ end, words, message }) => {
  const event = { kind: "runEnded", run: 0, atMs: 1, end, terminationMessage: words } as const;
  expect(statusOf(reduce(at("running", "Never"), event, now).lifecycle)).toMatchObject({ message });
});
