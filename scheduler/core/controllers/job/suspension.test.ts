import { expect, test } from "vitest";
import { aJob, aTry, ended, pending, ready, startMs, stopping } from "../../testing/builders.ts";
import { emptyJobMemory, reconcileJob, type JobInput } from "./job.ts";

const nowMs = startMs + 60_000;
const startTime = "2026-01-01T00:00:30Z";
const spec = { completions: 3, parallelism: 2, activeDeadlineSeconds: 60 };
const suspended = { ...spec, suspend: true };

function run(input: Partial<JobInput>) {
  return reconcileJob({
    job: aJob(),
    instances: [],
    refusal: undefined,
    nowMs,
    memory: emptyJobMemory,
    ...input,
  });
}

const conditionOf = ({ status }: ReturnType<typeof run>) =>
  status.conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`);

test("reconcileJob: a job that is suspended from the beginning does not begin", () => {
  const result = run({ job: aJob(suspended) });
  expect(result.status).toMatchObject({ phase: "Suspended", active: 0, completions: "0/3" });
  expect(result.status.startTime).toBeUndefined();
  expect(conditionOf(result)).toEqual(["Suspended True JobSuspended"]);
  expect(result.steps).toMatchObject([{ kind: "recordEvent", reason: "Suspended" }]);
  expect(result.wakeAtMs).toBeUndefined();
});

test("reconcileJob: suspension stops all instances, and what ends by it is no failure", () => {
  const begun = aJob({ ...suspended, backoffLimit: 0 }, { startTime });
  const stops = run({
    job: begun,
    instances: [aTry("a", { index: 0, attempt: 0 }, ready()), aTry("b", { index: 1, attempt: 0 }, pending)],
  });
  expect(stops.steps).toMatchObject([
    { kind: "stopInstance", uid: "a" },
    { kind: "stopInstance", uid: "b" },
    { kind: "recordEvent", reason: "Suspended" },
  ]);
  expect(stops.status.startTime).toBeUndefined();

  const waits = run({
    job: { ...begun, status: stops.status },
    instances: [aTry("a", { index: 0, attempt: 0 }, stopping())],
  });
  expect(waits.status).toMatchObject({ active: 0, terminating: 1 });
  expect(waits.steps).toEqual([]);

  const stopped = ended("Failed", "Stopped", { finishedMs: nowMs });
  const rests = run({
    job: { ...begun, status: waits.status },
    instances: [aTry("a", { index: 0, attempt: 0 }, stopped)],
  });
  expect(rests.status).toMatchObject({
    phase: "Suspended",
    failed: 0,
    terminating: 0,
    failedAttempts: [{ indexes: "0", attempts: 1, failures: 0 }],
  });
});

test("reconcileJob: a success that comes while it is suspended counts", () => {
  const done = ended("Succeeded", "Completed", { finishedMs: nowMs });
  const last = { ...suspended, completions: 1 };
  const result = run({ job: aJob(last), instances: [aTry("a", { index: 0, attempt: 0 }, done)] });
  expect(result.status).toMatchObject({ phase: "Complete", succeeded: 1 });
});

test("reconcileJob: it goes on where it was, and its deadline begins anew", () => {
  const before = run({ job: aJob(suspended, { startTime, completedIndexes: "0" }) });
  const laterMs = nowMs + 3_600_000;
  const overdue = run({ job: aJob(suspended, before.status), nowMs: laterMs });
  expect(overdue).toMatchObject({ status: { phase: "Suspended" }, steps: [], wakeAtMs: undefined });

  const resumed = run({ job: aJob(spec, before.status), nowMs: laterMs });
  expect(conditionOf(resumed)).toEqual(["Suspended False JobResumed"]);
  expect(resumed.status).toMatchObject({ startTime: "2026-01-01T01:01:00Z", succeeded: 1 });
  expect(resumed.steps).toMatchObject([
    { kind: "recordEvent", reason: "Resumed" },
    { kind: "createForSlot", slot: { index: 1, attempt: 0 } },
    { kind: "createForSlot", slot: { index: 2, attempt: 0 } },
  ]);
  expect(resumed.wakeAtMs).toBe(laterMs + 60_000);
});
