import { expect, test } from "vitest";
import type { WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import {
  aJob,
  anInstance,
  aTry,
  bound,
  ended,
  pending,
  ready,
  startMs,
  stopping,
} from "../../testing/builders.ts";
import type { Step } from "../step.ts";
import { emptyJobMemory, reconcileJob, type JobInput } from "./job.ts";

const nowMs = startMs + 60_000;
const startTime = "2026-01-01T00:00:30Z";

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

/** Steps in short: `+index.attempt`, `-uid`, `forget uid`, `delete`. */
function brief(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case "createForSlot":
        return [`+${step.slot.index}.${step.slot.attempt}`];
      case "stopInstance":
        return [`-${step.uid}`];
      case "forgetInstance":
        return [`forget ${step.uid}`];
      case "deleteOwner":
        return ["delete"];
      default:
        return [];
    }
  });
}

const failed = (reason = "Error", overrides = {}) =>
  ended("Failed", reason, { finishedMs: nowMs, ...overrides });
const succeeded = (overrides = {}) => ended("Succeeded", "Completed", { finishedMs: nowMs, ...overrides });

test.each<{
  name: string;
  spec?: Parameters<typeof aJob>[0];
  status?: WasmJobStatus;
  instances?: JobInput["instances"];
  steps: string[];
  after?: Partial<WasmJobStatus>;
}>([
  {
    name: "starts as many as may run at once",
    spec: { completions: 5, parallelism: 2 },
    steps: ["+0.0", "+1.0"],
    after: { phase: "Pending", completions: "0/5", startTime: "2026-01-01T00:01:00Z", active: 0 },
  },
  {
    name: "starts no more than are left",
    spec: { completions: 5, parallelism: 9 },
    status: { completedIndexes: "0-2" },
    instances: [aTry("a", { index: 3, attempt: 0 }, ready())],
    steps: ["+4.0"],
    after: { phase: "Running", completions: "3/5", active: 1 },
  },
  {
    name: "no completions: complete at once",
    spec: { completions: 0 },
    steps: [],
    after: { phase: "Complete", completions: "0/0", completionTime: "2026-01-01T00:01:00Z" },
  },
  {
    name: "a success is counted, then forgotten, and makes room",
    spec: { completions: 3 },
    instances: [aTry("a", { index: 0, attempt: 0 }, succeeded())],
    steps: ["+1.0", "forget a"],
    after: { succeeded: 1, completedIndexes: "0" },
  },
  {
    name: "a success whose index is completed counts no more",
    spec: { completions: 3 },
    status: { completedIndexes: "0", succeeded: 1 },
    instances: [aTry("a", { index: 0, attempt: 0 }, succeeded())],
    steps: ["+1.0", "forget a"],
    after: { succeeded: 1, completedIndexes: "0", failed: 0 },
  },
  {
    name: "a failure uses up the attempt; the next one waits until that is durable",
    instances: [aTry("a", { index: 0, attempt: 0 }, failed())],
    steps: ["forget a"],
    after: { failed: 1, failedAttempts: [{ indexes: "0", attempts: 1, failures: 1 }] },
  },
  {
    name: "the next attempt waits for that also when its backoff is over long since",
    instances: [aTry("a", { index: 0, attempt: 0 }, failed("Error", { finishedMs: startMs }))],
    steps: ["forget a"],
    after: { failed: 1 },
  },
  {
    name: "a failure counted before counts no more",
    status: { failed: 1, failedAttempts: [{ indexes: "0", attempts: 1, failures: 1 }] },
    instances: [aTry("a", { index: 0, attempt: 0 }, failed())],
    steps: ["forget a"],
    after: { failed: 1, failedAttempts: [{ indexes: "0", attempts: 1, failures: 1 }] },
  },
  {
    name: "a success of an attempt that was given up counts no more",
    status: { failed: 0, failedAttempts: [{ indexes: "0", attempts: 1, failures: 0 }] },
    instances: [aTry("a", { index: 0, attempt: 0 }, succeeded())],
    steps: ["+0.1", "forget a"],
    after: { succeeded: 0, failed: 0 },
  },
  {
    name: "a disruption uses up the attempt, not the limit",
    spec: { backoffLimit: 0 },
    instances: [aTry("a", { index: 0, attempt: 0 }, failed("NodeLost"))],
    steps: ["forget a"],
    after: { failed: 0, failedAttempts: [{ indexes: "0", attempts: 1, failures: 0 }] },
  },
  {
    name: "restarts in place become durable when the attempt ends",
    instances: [aTry("a", { index: 0, attempt: 0 }, failed("NodeLost", { restarts: 2 }))],
    steps: ["forget a"],
    after: { failed: 2, failedAttempts: [{ indexes: "0", attempts: 1, failures: 2 }] },
  },
  {
    name: "a success takes its index out of the failed ones and keeps the sum",
    spec: { completions: 2 },
    status: { failed: 3, failedAttempts: [{ indexes: "0", attempts: 2, failures: 3 }] },
    instances: [aTry("a", { index: 0, attempt: 2 }, succeeded({ restarts: 1 }))],
    steps: ["+1.0", "forget a"],
    after: { succeeded: 1, failed: 4, failedAttempts: [] },
  },
  {
    name: "over the limit: failed, and the rest is stopped",
    spec: { completions: 2, parallelism: 2, backoffLimit: 0 },
    instances: [aTry("a", { index: 0, attempt: 0 }, failed()), aTry("b", { index: 1, attempt: 0 }, ready())],
    steps: ["-b", "forget a"],
    after: { phase: "FailureTarget", failed: 1 },
  },
  {
    name: "restarts of live instances count towards the limit",
    spec: { backoffLimit: 2 },
    instances: [aTry("a", { index: 0, attempt: 0 }, bound("n1", { restarts: 3, ready: false }))],
    steps: ["-a"],
    // They are counted when the attempt ends.
    after: { phase: "FailureTarget", failed: 0 },
  },
  {
    name: "past its deadline: failed",
    spec: { activeDeadlineSeconds: 30 },
    status: { startTime },
    instances: [aTry("a", { index: 0, attempt: 0 }, ready())],
    steps: ["-a"],
    after: { phase: "FailureTarget", active: 1, ready: 1 },
  },
  {
    name: "the last success counts even at the deadline",
    spec: { activeDeadlineSeconds: 30 },
    status: { startTime },
    instances: [aTry("a", { index: 0, attempt: 0 }, succeeded())],
    steps: ["forget a"],
    after: { phase: "Complete", startTime },
  },
  {
    name: "a stopping instance keeps its slot until it has ended",
    instances: [aTry("a", { index: 0, attempt: 0 }, stopping())],
    steps: [],
    after: { active: 0, terminating: 1 },
  },
  {
    name: "of two on one slot the older bound one stays",
    spec: { completions: 1 },
    instances: [
      aTry("a", { index: 0, attempt: 0 }, pending),
      aTry("b", { index: 0, attempt: 0 }, ready(), { createdMs: startMs + 5 }),
      aTry("c", { index: 0, attempt: 0 }, ready("n2"), { createdMs: startMs + 4 }),
    ],
    steps: ["-a", "-b"],
  },
  {
    name: "instances of no slot, of slots that do not exist, or of old attempts are stopped",
    spec: { completions: 1 },
    status: { failedAttempts: [{ indexes: "0", attempts: 1, failures: 0 }] },
    instances: [
      anInstance("a", { state: ready() }),
      aTry("b", { index: 5, attempt: 0 }, ready()),
      aTry("c", { index: 0, attempt: 0 }, ready()),
      aTry("d", { index: 0, attempt: 1 }, ready()),
    ],
    steps: ["-a", "-b", "-c"],
  },
  {
    name: "less parallelism stops pending ones first",
    spec: { completions: 3, parallelism: 1 },
    instances: [
      aTry("a", { index: 0, attempt: 0 }, ready()),
      aTry("b", { index: 1, attempt: 0 }, pending),
      aTry("c", { index: 2, attempt: 0 }, bound("n1")),
    ],
    steps: ["-b", "-c"],
  },
])("reconcileJob: $name", ({ spec, status, instances = [], steps, after = {} }) => {
  const result = run({ job: aJob(spec, status), instances });
  expect(brief(result.steps)).toEqual(steps);
  expect(result.status).toMatchObject(after);
});

test("reconcileJob: a failed index waits longer each time", () => {
  const status: WasmJobStatus = { failed: 3, failedAttempts: [{ indexes: "0", attempts: 2, failures: 2 }] };
  const counted = run({
    job: aJob({}, status),
    instances: [aTry("a", { index: 0, attempt: 2 }, failed())],
  });
  const durable = aJob({}, counted.status);
  const early = run({ job: durable, memory: counted.memory, nowMs: nowMs + 3_999 });
  expect(early).toMatchObject({ steps: [], wakeAtMs: nowMs + 4_000 });
  expect(early.status).toBe(durable.status);
  const due = run({ job: durable, memory: early.memory, nowMs: nowMs + 4_000 });
  expect(brief(due.steps)).toEqual(["+0.3"]);
});

test("reconcileJob: after a restart of the scheduler the wait begins anew", () => {
  const job = aJob({}, { failed: 2, failedAttempts: [{ indexes: "0", attempts: 2, failures: 2 }] });
  const first = run({ job });
  expect(first).toMatchObject({ steps: [], wakeAtMs: nowMs + 2_000 });
  expect(run({ job, memory: first.memory, nowMs: nowMs + 1_000 }).wakeAtMs).toBe(nowMs + 2_000);
});

test("reconcileJob: a node whose clock is ahead makes the wait no longer", () => {
  const ahead = failed("Error", { finishedMs: nowMs + 86_400_000 });
  const { memory } = run({ job: aJob({}), instances: [aTry("a", { index: 0, attempt: 0 }, ahead)] });
  expect(memory.retryAtMs.get(0)).toBe(nowMs + 1_000);
});

test("reconcileJob: a clock that is set back makes the wait no longer than the longest", () => {
  const job = aJob({}, { failed: 1, failedAttempts: [{ indexes: "0", attempts: 1, failures: 1 }] });
  const memory = { retryAtMs: new Map([[0, nowMs + 86_400_000]]) };
  expect(run({ job, memory }).wakeAtMs).toBe(nowMs + 360_000);
});

test("reconcileJob: other indexes go on while one waits", () => {
  const status = { failed: 1, failedAttempts: [{ indexes: "0", attempts: 1, failures: 1 }] };
  const result = run({ job: aJob({ completions: 3 }, status) });
  expect(brief(result.steps)).toEqual(["+1.0"]);
});

test.each([
  {
    name: "Complete",
    spec: { completions: 0 },
    types: ["SuccessCriteriaMet", "Complete"],
    condition: { type: "Complete", status: "True", reason: "CompletionsReached" },
  },
  {
    name: "BackoffLimitExceeded",
    spec: { backoffLimit: 0 },
    types: ["FailureTarget", "Failed", "Stalled"],
    condition: { type: "Failed", status: "True", reason: "BackoffLimitExceeded" },
  },
])("reconcileJob: ends with condition $name and says so", ({ spec, types, condition }) => {
  const result = run({ job: aJob(spec), instances: [aTry("a", { index: 0, attempt: 0 }, failed())] });
  expect(result.status.conditions?.map(({ type }) => type)).toEqual(types);
  expect(result.status.conditions).toContainEqual(expect.objectContaining(condition));
  expect(result.steps).toContainEqual(
    expect.objectContaining({ kind: "recordEvent", reason: condition.reason }),
  );
});

test("reconcileJob: a finished job changes no count, and deletes itself in time", () => {
  const spec = { completions: 1, backoffLimit: 0, ttlSecondsAfterFinished: 10 };
  const over = run({
    job: aJob(spec),
    instances: [aTry("a", { index: 0, attempt: 0 }, failed())],
  });
  // Its end is not stored yet: a time for what follows would come again and again while the store is down.
  expect(over.wakeAtMs).toBeUndefined();
  const job = aJob(spec, over.status);
  const late = [
    aTry("b", { index: 0, attempt: 1 }, succeeded()),
    aTry("c", { index: 0, attempt: 1 }, ready()),
  ];
  const after = run({ job, instances: late, nowMs: nowMs + 5_000 });
  expect(brief(after.steps)).toEqual(["forget b", "-c"]);
  expect(after.status).toMatchObject({ phase: "Failed", failed: 1, succeeded: 0, active: 1 });
  expect(after.wakeAtMs).toBe(nowMs + 10_000);
  expect(brief(run({ job, nowMs: nowMs + 10_000 }).steps)).toEqual(["delete"]);
});

test("reconcileJob: the deadline wakes it", () => {
  const result = run({ job: aJob({ activeDeadlineSeconds: 100 }) });
  expect(result.wakeAtMs).toBe(nowMs + 100_000);
});

test("reconcileJob: a deleted job stops everything and keeps its status", () => {
  const job = aJob({}, { succeeded: 0 }, { deletionTimestamp: startTime });
  const result = run({ job, instances: [aTry("a", { index: 0, attempt: 0 }, ready())] });
  expect(brief(result.steps)).toEqual(["-a"]);
  expect(result.status).toBe(job.status);
});
