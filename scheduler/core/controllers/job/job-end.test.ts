/** How jobs end: limits for each index, policies for failure and success, and what happens until nothing runs any more. */
import { expect, test } from "vitest";
import type { WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { aJob, aTry, bound, ended, ready, startMs, stopping } from "../../testing/builders.ts";
import type { Step } from "../step.ts";
import { emptyJobMemory, reconcileJob, type JobInput } from "./job.ts";

const nowMs = startMs + 60_000;
const failed = (reason = "Error", overrides = {}) =>
  ended("Failed", reason, { finishedMs: nowMs, ...overrides });
const succeeded = () => ended("Succeeded", "Completed", { finishedMs: nowMs });

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

/** `+index.attempt`, `-uid`. */
function brief(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => {
    if (step.kind === "createForSlot") return [`+${step.slot.index}.${step.slot.attempt}`];
    return step.kind === "stopInstance" ? [`-${step.uid}`] : [];
  });
}

/** True conditions with their reasons. */
function said({ conditions = [] }: WasmJobStatus): string[] {
  return conditions.filter(({ status }) => status === "True").map(({ type, reason }) => `${type}: ${reason}`);
}

const failJob = {
  failurePolicy: { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }] },
} as const;
const three = { completions: 3, parallelism: 3, backoffLimit: 100 };

test.each<{
  name: string;
  spec?: Parameters<typeof aJob>[0];
  status?: WasmJobStatus;
  instances?: JobInput["instances"];
  steps: string[];
  after: Partial<WasmJobStatus>;
  conditions: string[];
}>([
  {
    name: "a rule that fails the job: at once, and the rest is stopped first",
    spec: { ...three, ...failJob },
    instances: [
      aTry("a", { index: 0, attempt: 0 }, failed("Error", { exitCode: 42 })),
      aTry("b", { index: 1, attempt: 0 }, ready()),
      aTry("c", { index: 2, attempt: 0 }, stopping()),
    ],
    steps: ["-b"],
    after: { phase: "FailureTarget", failed: 1, active: 1, terminating: 1 },
    conditions: ["FailureTarget: FailurePolicy"],
  },
  {
    name: "a rule that ignores: tried again, nothing counted, within no limit",
    spec: { backoffLimit: 0, failurePolicy: { rules: [{ action: "Ignore", onReasons: ["Trap"] }] } },
    instances: [aTry("a", { index: 0, attempt: 7 }, failed("Trap"))],
    steps: [],
    after: { phase: "Pending", failed: 0, failedAttempts: [{ indexes: "0", attempts: 8, failures: 0 }] },
    conditions: [],
  },
  {
    name: "a rule that counts even a disruption",
    spec: { backoffLimit: 0, failurePolicy: { rules: [{ action: "Count", onReasons: ["Preempted"] }] } },
    instances: [aTry("a", { index: 0, attempt: 0 }, failed("Preempted"))],
    steps: [],
    after: { phase: "Failed", failed: 1 },
    conditions: [
      "FailureTarget: BackoffLimitExceeded",
      "Failed: BackoffLimitExceeded",
      "Stalled: BackoffLimitExceeded",
    ],
  },
  {
    name: "an index over its own limit is given up, and the others go on",
    spec: { ...three, parallelism: 1, backoffLimitPerIndex: 1 },
    status: { failed: 1, failedAttempts: [{ indexes: "0", attempts: 1, failures: 1 }] },
    instances: [aTry("a", { index: 0, attempt: 1 }, failed())],
    steps: ["+1.0"],
    after: { failed: 2, failedIndexes: "0", failedAttempts: [] },
    conditions: [],
  },
  {
    name: "a rule that fails an index does so at its first failure",
    spec: {
      ...three,
      parallelism: 1,
      backoffLimitPerIndex: 9,
      failurePolicy: { rules: [{ action: "FailIndex", onReasons: ["Trap"] }] },
    },
    instances: [aTry("a", { index: 0, attempt: 0 }, failed("Trap"))],
    steps: ["+1.0"],
    after: { failed: 1, failedIndexes: "0" },
    conditions: [],
  },
  {
    name: "an index that was given up counts no late success",
    spec: { ...three, parallelism: 1, backoffLimitPerIndex: 0 },
    status: { failed: 1, failedIndexes: "0" },
    instances: [
      aTry("a", { index: 0, attempt: 1 }, succeeded()),
      aTry("b", { index: 0, attempt: 2 }, ready()),
    ],
    steps: ["-b", "+1.0"],
    after: { succeeded: 0, failed: 1, failedIndexes: "0" },
    conditions: [],
  },
  {
    name: "all indexes are over and some have failed",
    spec: { ...three, backoffLimitPerIndex: 0 },
    status: { completedIndexes: "0,2" },
    instances: [aTry("a", { index: 1, attempt: 0 }, failed())],
    steps: [],
    after: { phase: "Failed", succeeded: 2, failed: 1, failedIndexes: "1" },
    conditions: ["FailureTarget: FailedIndexes", "Failed: FailedIndexes", "Stalled: FailedIndexes"],
  },
  {
    name: "more indexes have failed than may",
    spec: { ...three, backoffLimitPerIndex: 0, maxFailedIndexes: 0 },
    instances: [aTry("a", { index: 0, attempt: 0 }, failed()), aTry("b", { index: 1, attempt: 0 }, ready())],
    steps: ["-b"],
    after: { phase: "FailureTarget" },
    conditions: ["FailureTarget: MaxFailedIndexesExceeded"],
  },
  {
    name: "without a backoffLimit, one for each index leaves no other",
    spec: { completions: 1, backoffLimit: undefined!, backoffLimitPerIndex: 100 },
    status: { failed: 50, failedAttempts: [{ indexes: "0", attempts: 50, failures: 50 }] },
    steps: [],
    after: { phase: "Running" },
    conditions: [],
  },
  {
    name: "the indexes that a success policy asks for",
    spec: { ...three, successPolicy: { rules: [{ succeededIndexes: "0,2" }] } },
    status: { completedIndexes: "0" },
    instances: [
      aTry("a", { index: 2, attempt: 0 }, succeeded()),
      aTry("b", { index: 1, attempt: 0 }, ready()),
    ],
    steps: ["-b"],
    after: { phase: "SuccessCriteriaMet", succeeded: 2 },
    conditions: ["SuccessCriteriaMet: SuccessPolicy"],
  },
  {
    name: "as many as a success policy asks for, whichever",
    spec: { ...three, successPolicy: { rules: [{ succeededIndexes: "0" }, { succeededCount: 2 }] } },
    status: { completedIndexes: "1" },
    instances: [aTry("a", { index: 2, attempt: 0 }, succeeded())],
    steps: [],
    after: { phase: "Complete", completionTime: "2026-01-01T00:01:00Z" },
    conditions: ["SuccessCriteriaMet: SuccessPolicy", "Complete: SuccessPolicy"],
  },
  {
    name: "too few of those that a success policy asks for",
    spec: {
      ...three,
      parallelism: 1,
      successPolicy: { rules: [{ succeededIndexes: "0-1", succeededCount: 2 }] },
    },
    status: { completedIndexes: "1-2" },
    steps: ["+0.0"],
    after: { phase: "Running" },
    conditions: [],
  },
  {
    name: "a failure that ends it goes before success by policy",
    spec: { ...three, ...failJob, successPolicy: { rules: [{ succeededCount: 1 }] } },
    instances: [
      aTry("a", { index: 0, attempt: 0 }, succeeded()),
      aTry("b", { index: 1, attempt: 0 }, failed("Error", { exitCode: 42 })),
    ],
    steps: [],
    after: { phase: "Failed", succeeded: 1 },
    conditions: ["FailureTarget: FailurePolicy", "Failed: FailurePolicy", "Stalled: FailurePolicy"],
  },
  {
    name: "fewer completions than have succeeded: complete, and what succeeded stays counted",
    spec: { completions: 2, parallelism: 2 },
    status: { completedIndexes: "0-1,4" },
    instances: [aTry("a", { index: 3, attempt: 0 }, ready())],
    steps: ["-a"],
    after: { phase: "SuccessCriteriaMet", completions: "2/2", succeeded: 2, completedIndexes: "0-1,4" },
    conditions: ["SuccessCriteriaMet: CompletionsReached"],
  },
])("reconcileJob: $name", ({ spec, status, instances = [], steps, after, conditions }) => {
  const result = run({ job: aJob(spec, status), instances });
  expect(brief(result.steps)).toEqual(steps);
  expect(result.status).toMatchObject(after);
  expect(said(result.status)).toEqual(conditions);
});

test("reconcileJob: what was decided stays decided, ends count until nothing is left", () => {
  const spec = { ...three, ...failJob };
  const decided = run({
    job: aJob(spec),
    instances: [
      aTry("a", { index: 0, attempt: 0 }, failed("Error", { exitCode: 42 })),
      aTry("b", { index: 1, attempt: 0 }, ready()),
      aTry("c", { index: 2, attempt: 0 }, ready()),
    ],
  });
  const ending = run({
    job: aJob(spec, decided.status),
    instances: [
      aTry("b", { index: 1, attempt: 0 }, succeeded()),
      aTry("c", { index: 2, attempt: 0 }, stopping()),
    ],
  });
  expect(ending.status).toMatchObject({ phase: "FailureTarget", succeeded: 1, failed: 1, terminating: 1 });
  const over = run({
    job: aJob(spec, ending.status),
    instances: [aTry("c", { index: 2, attempt: 0 }, failed("Stopped", { restarts: 1 }))],
  });
  expect(over.status).toMatchObject({ phase: "Failed", succeeded: 1, failed: 2, active: 0, terminating: 0 });
  expect(said(over.status)).toEqual([
    "FailureTarget: FailurePolicy",
    "Failed: FailurePolicy",
    "Stalled: FailurePolicy",
  ]);
  expect(over.status.conditions?.at(-1)?.message).toBe(
    "instance instance-a of index 0 failed with exit code 42, for which failurePolicy.rules[0] fails the job",
  );
  const events = [decided, ending, over].map(
    ({ steps }) => steps.filter(({ kind }) => kind === "recordEvent").length,
  );
  expect(events).toEqual([1, 0, 0]);
});

test("reconcileJob: what a rule ignores waits longer each time, what was disrupted does not", () => {
  const spec = { failurePolicy: { rules: [{ action: "Ignore", onReasons: ["Trap"] }] } } as const;
  const wakeAfter = (reason: string) => {
    const counted = run({
      job: aJob(spec),
      instances: [aTry("a", { index: 0, attempt: 3 }, failed(reason))],
    });
    const { wakeAtMs = 0 } = run({ job: aJob(spec, counted.status), memory: counted.memory });
    return wakeAtMs - nowMs;
  };
  expect(wakeAfter("Trap")).toBe(8_000);
  expect(wakeAfter("Evicted")).toBe(1_000);
});

const { completions: _, ...queueSpec } = aJob({ parallelism: 3 }).spec;
const aQueue = (status?: WasmJobStatus) => ({ ...aJob({}, status), spec: queueSpec });

test.each<{
  name: string;
  status?: WasmJobStatus;
  instances: JobInput["instances"];
  steps: string[];
  after: Partial<WasmJobStatus>;
}>([
  {
    name: "has as many workers as parallelism says",
    instances: [aTry("a", { index: 0, attempt: 0 }, ready())],
    steps: ["+1.0", "+2.0"],
    after: { completions: "0/1 of 3" },
  },
  {
    name: "takes no other worker while one waits for its next attempt",
    status: { failed: 1, failedAttempts: [{ indexes: "1", attempts: 1, failures: 1 }] },
    instances: [aTry("a", { index: 0, attempt: 0 }, ready()), aTry("b", { index: 2, attempt: 0 }, failed())],
    steps: [],
    after: { failed: 2 },
  },
  {
    name: "makes no worker any more once one has succeeded, and lets the others finish",
    instances: [
      aTry("a", { index: 0, attempt: 0 }, succeeded()),
      aTry("b", { index: 1, attempt: 0 }, failed()),
      aTry("c", { index: 2, attempt: 0 }, bound("n1", {})),
    ],
    steps: [],
    after: { phase: "Running", succeeded: 1, failed: 1 },
  },
  {
    name: "is complete when one has succeeded and none works any more",
    status: { completedIndexes: "0" },
    instances: [aTry("c", { index: 2, attempt: 0 }, failed())],
    steps: [],
    after: { phase: "Complete", succeeded: 1, failed: 1 },
  },
])("reconcileJob: a queue of work $name", ({ status, instances, steps, after }) => {
  const result = run({ job: aQueue(status), instances });
  expect(brief(result.steps)).toEqual(steps);
  expect(result.status).toMatchObject(after);
});
