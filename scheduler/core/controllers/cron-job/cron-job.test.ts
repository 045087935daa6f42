import { expect, test } from "vitest";
import { instantiateAnnotation, scheduledAnnotation } from "../../../../api/cron-job.ts";
import { readSchedule } from "../../../../api/cron-schedule.ts";
import type { WasmCronJob, WasmCronJobStatus, WasmJob } from "../../../../api/gen/kinds.gen.ts";
import { toTimestamp } from "../../../../kit/timestamps.ts";
import { aJob, startMs } from "../../testing/builders.ts";
import {
  activeMax,
  type CronJobMemory,
  type CronJobResult,
  emptyCronJobMemory,
  reconcileCronJob,
} from "./cron-job.ts";
import { type OwnedJob, staysMs } from "./owned-jobs.ts";

const minute = 60_000;
const jobSpec = aJob().spec;

function aCronJob(spec: Partial<WasmCronJob["spec"]> = {}, status?: WasmCronJobStatus): WasmCronJob {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmCronJob",
    metadata: {
      name: "tick",
      namespace: "default",
      uid: "cron",
      resourceVersion: "1",
      generation: 1,
      creationTimestamp: toTimestamp(startMs),
    },
    spec: {
      schedule: "* * * * *",
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: { spec: jobSpec },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** A job of the minute `at` after the start. */
function jobOf(at: number, end?: "Complete" | "Failed", more: Partial<WasmJob["metadata"]> = {}): WasmJob {
  const scheduledMs = startMs + at * minute;
  const condition = end && {
    type: end,
    status: "True" as const,
    reason: "Ended",
    message: "",
    lastTransitionTime: toTimestamp(scheduledMs),
  };
  const status = condition && {
    conditions: [condition],
    ...(end === "Complete" ? { completionTime: toTimestamp(scheduledMs + 5_000) } : {}),
  };
  return aJob({}, status, {
    name: `tick-${scheduledMs / minute}`,
    uid: `job-${at}`,
    annotations: { [scheduledAnnotation]: toTimestamp(scheduledMs) },
    creationTimestamp: toTimestamp(scheduledMs),
    ...more,
  });
}

function there(...jobs: readonly WasmJob[]): readonly OwnedJob[] {
  return jobs.map((job) => ({ job, presence: "there" }));
}

interface Given {
  readonly cronJob?: WasmCronJob;
  readonly jobs?: readonly OwnedJob[];
  readonly memory?: Partial<CronJobMemory>;
  /** Minutes after the start, at which the cron job was created. */
  readonly at: number;
}

function run({ cronJob = aCronJob(), jobs = [], memory = {}, at }: Given): CronJobResult {
  return reconcileCronJob({
    cronJob,
    schedule: readSchedule(cronJob.spec.schedule, cronJob.spec.timeZone),
    jobs,
    memory: { ...emptyCronJobMemory, ...memory },
    nowMs: startMs + at * minute,
  });
}

/** Steps in short: `+minute`, `-uid`, `Reason: message`. */
function brief({ steps }: CronJobResult): readonly string[] {
  return steps.map((step) => {
    switch (step.kind) {
      case "createJob":
        return `+${(step.scheduledMs - startMs) / minute}`;
      case "deleteJob":
        return `-${step.job.metadata.uid}`;
      default:
        return step.reason;
    }
  });
}

const last = (at: number, more: WasmCronJobStatus = {}): WasmCronJobStatus => ({
  lastScheduleTime: toTimestamp(startMs + at * minute),
  ...more,
});
const activeRef = (at: number) => ({ name: `tick-${startMs / minute + at}`, uid: `job-${at}` });

test.each<Given & { name: string; steps: readonly string[] }>([
  { name: "nothing is due before the first time", at: 0.9, steps: [] },
  { name: "a time is due from its first millisecond", at: 1, steps: ["+1"] },
  { name: "the time of the creation itself is not due", at: 0, steps: [] },
  { name: "a time that had a job is not due again", cronJob: aCronJob({}, last(1)), at: 1.5, steps: [] },
  {
    name: "nor is one of which only this process knows",
    memory: { madeMs: startMs + minute },
    at: 1.5,
    steps: [],
  },
  { name: "nor is one of which only the job tells", jobs: there(jobOf(1, "Complete")), at: 1.5, steps: [] },
  {
    name: "nor is one before it, when the clock is set back",
    cronJob: aCronJob({}, last(9)),
    at: 5,
    steps: [],
  },
  {
    name: "a job that says that it is from the future counts for nothing",
    jobs: there(jobOf(9)),
    at: 1,
    steps: ["+1"],
  },
  {
    name: "a job that says that it is of a time, and has another name, counts for nothing",
    jobs: there(jobOf(1, undefined, { name: "mine" })),
    at: 1,
    steps: ["UnexpectedJob", "+1"],
  },
  {
    name: "of missed times the last has a job, and the others are told",
    cronJob: aCronJob({}, last(1)),
    at: 5.5,
    steps: ["MissSchedule", "+5"],
  },
  {
    name: "many missed times are told otherwise",
    cronJob: aCronJob({}, last(1)),
    at: 60 * 24 * 365 + 0.5,
    steps: ["TooManyMissedTimes", "+525600"],
  },
  {
    name: "a hundred are few",
    cronJob: aCronJob({}, last(1)),
    at: 102,
    steps: ["MissSchedule", "+102"],
  },
  {
    name: "a hundred and one are many",
    cronJob: aCronJob({}, last(1)),
    at: 103,
    steps: ["TooManyMissedTimes", "+103"],
  },
  {
    name: "within the deadline: only those are told that were not too late anyway",
    cronJob: aCronJob({ startingDeadlineSeconds: 90 }, last(1)),
    at: 60,
    steps: ["MissSchedule", "+60"],
  },
  {
    name: "past the deadline: none",
    cronJob: aCronJob({ schedule: "@hourly", startingDeadlineSeconds: 60 }, last(0)),
    at: 62,
    steps: ["MissSchedule"],
  },
  {
    name: "past the deadline, told once",
    cronJob: aCronJob({ schedule: "@hourly", startingDeadlineSeconds: 60 }, last(0)),
    memory: { givenUpMs: startMs + 60 * minute },
    at: 62,
    steps: [],
  },
  { name: "suspended: none", cronJob: aCronJob({ suspend: true }), at: 5, steps: [] },
  {
    name: "Allow: beside those that run",
    cronJob: aCronJob({}, last(1)),
    jobs: there(jobOf(1)),
    at: 2,
    steps: ["+2"],
  },
  {
    name: "Forbid: waits for those that run, and says so",
    cronJob: aCronJob({ concurrencyPolicy: "Forbid" }, last(1)),
    jobs: there(jobOf(1)),
    at: 2,
    steps: ["JobAlreadyActive"],
  },
  {
    name: "Forbid: says so once for each time",
    cronJob: aCronJob({ concurrencyPolicy: "Forbid" }, last(1)),
    jobs: there(jobOf(1)),
    memory: { waitingMs: startMs + 2 * minute },
    at: 2.5,
    steps: [],
  },
  {
    name: "Forbid: starts as soon as the other is over",
    cronJob: aCronJob({ concurrencyPolicy: "Forbid" }, last(1)),
    jobs: there(jobOf(1, "Failed")),
    memory: { waitingMs: startMs + 4 * minute },
    at: 4.5,
    steps: ["+4"],
  },
  {
    name: "Forbid: a job that is being deleted still runs",
    cronJob: aCronJob({ concurrencyPolicy: "Forbid" }, last(1)),
    jobs: there(jobOf(1, undefined, { deletionTimestamp: toTimestamp(startMs) })),
    at: 2,
    steps: ["JobAlreadyActive"],
  },
  {
    name: "Forbid: jobs made by hand do not count",
    cronJob: aCronJob({ concurrencyPolicy: "Forbid" }, last(1)),
    jobs: there(jobOf(1, undefined, { name: "mine", annotations: { [instantiateAnnotation]: "manual" } })),
    at: 2,
    steps: ["+2"],
  },
  {
    name: "Replace: deletes those that run",
    cronJob: aCronJob({ concurrencyPolicy: "Replace" }, last(2)),
    jobs: there(jobOf(1), jobOf(2), jobOf(0, "Complete")),
    at: 3,
    steps: ["-job-1", "-job-2", "+3"],
  },
  {
    name: "Replace: not those that are being deleted already",
    cronJob: aCronJob({ concurrencyPolicy: "Replace" }, last(1)),
    jobs: there(jobOf(1, undefined, { deletionTimestamp: toTimestamp(startMs) })),
    at: 2,
    steps: ["+2"],
  },
  {
    name: "history: the oldest go, of each sort",
    cronJob: aCronJob({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 }, last(10)),
    jobs: there(jobOf(3, "Complete"), jobOf(1, "Complete"), jobOf(2, "Failed"), jobOf(4)),
    at: 10.5,
    steps: ["-job-1", "-job-2"],
  },
  {
    name: "history: what has just ended stays for a while",
    cronJob: aCronJob({ successfulJobsHistoryLimit: 0 }, last(10)),
    jobs: there(jobOf(9, "Complete"), jobOf(10, "Complete")),
    at: 10.1,
    steps: ["-job-9"],
  },
  {
    name: "history: a job whose time is not in the stored status stays until it is",
    cronJob: aCronJob({ successfulJobsHistoryLimit: 0 }, last(1)),
    jobs: there(jobOf(1, "Complete"), jobOf(2, "Complete")),
    at: 2.5,
    steps: ["-job-1"],
  },
  {
    name: "jobs that were active are over, or are not there",
    cronJob: aCronJob({}, last(3, { active: [activeRef(1), activeRef(2), activeRef(3)] })),
    jobs: [...there(jobOf(1, "Failed")), { job: jobOf(3, "Complete"), presence: "gone" }],
    at: 3.5,
    steps: ["SawCompletedJob", "MissingJob", "SawCompletedJob"],
  },
  {
    name: "what we have deleted is not missed",
    cronJob: aCronJob({}, last(3, { active: [activeRef(3)] })),
    jobs: [{ job: jobOf(3), presence: "deleted" }],
    at: 3.5,
    steps: [],
  },
  {
    name: "strangers are told of once",
    jobs: there(jobOf(1, undefined, { name: "mine" })),
    memory: { strangers: new Set(["job-1"]), madeMs: startMs + minute },
    at: 1.5,
    steps: [],
  },
  {
    name: "being deleted: nothing",
    cronJob: { ...aCronJob(), metadata: { ...aCronJob().metadata, deletionTimestamp: toTimestamp(startMs) } },
    at: 5,
    steps: [],
  },
])("reconcileCronJob: $name", ({ steps, ...given }) => {
  expect(brief(run(given))).toEqual(steps);
});

test("reconcileCronJob: the status lists what is active, what was last and what is next", () => {
  const jobs = there(jobOf(2), jobOf(1, "Complete"));
  const { status, wakeAtMs } = run({ cronJob: aCronJob({}, last(2)), jobs, at: 2.5 });
  expect(status).toMatchObject({
    observedGeneration: 1,
    activeCount: 1,
    active: [{ kind: "WasmJob", namespace: "default", uid: "job-2" }],
    lastScheduleTime: "2026-01-01T00:02:00Z",
    lastSuccessfulTime: "2026-01-01T00:01:05Z",
    nextScheduleTime: "2026-01-01T00:03:00Z",
    conditions: [{ type: "Scheduling", status: "True", reason: "OnSchedule" }],
  });
  expect(wakeAtMs).toBe(startMs + 3 * minute);
});

test("reconcileCronJob: looks again when a job that is over need not stay any longer", () => {
  const cronJob = aCronJob({ successfulJobsHistoryLimit: 0, suspend: true }, last(10));
  const { wakeAtMs } = run({ cronJob, jobs: there(jobOf(10, "Complete")), at: 10.1 });
  expect(wakeAtMs).toBe(startMs + 10 * minute + staysMs);
});

test("reconcileCronJob: a status that says the same is the same", () => {
  const { status } = run({ at: 0.5 });
  expect(run({ cronJob: aCronJob({}, status), at: 0.7 }).status).toBe(status);
});

test.each([
  { reason: "Suspended", given: { cronJob: aCronJob({ suspend: true }), at: 1 } },
  { reason: "InvalidSchedule", given: { cronJob: aCronJob({ schedule: "never" }), at: 1 } },
  { reason: "ClockSetBack", given: { cronJob: aCronJob({}, last(500)), at: 1 } },
  { reason: "FailedCreate", given: { memory: { refusal: "no room" }, at: 0.5 } },
])("reconcileCronJob: says $reason in its condition", ({ reason, given }) => {
  expect(run(given).status.conditions).toMatchObject([{ type: "Scheduling", status: "False", reason }]);
});

test("reconcileCronJob: no more are active than a status can list", () => {
  const jobs = there(...Array.from({ length: activeMax }, (_, at) => jobOf(at)));
  const given = { cronJob: aCronJob({}, last(activeMax)), jobs, at: activeMax + 1 };
  const result = run(given);
  expect(brief(result)).toEqual(["TooManyActive"]);
  expect(result.status.conditions).toMatchObject([{ status: "False", reason: "TooManyActive" }]);
  expect(brief(run({ ...given, jobs: jobs.slice(1) }))).toEqual([`+${activeMax + 1}`]);
});

test("reconcileCronJob: years of missed seconds are not counted one by one", () => {
  const { steps } = run({ cronJob: aCronJob({ schedule: "* * * * * *" }, last(0)), at: 60 * 24 * 365 * 10 });
  expect(steps).toMatchObject([
    { reason: "TooManyMissedTimes", message: expect.stringContaining("Missed about 315359999 times") },
    { kind: "createJob" },
  ]);
});

test("reconcileCronJob: the name of a job is its time, in seconds where the schedule has them", () => {
  const names = ["* * * * *", "0 * * * * *"].map((schedule) => {
    const step = run({ cronJob: aCronJob({ schedule }), at: 1 }).steps.at(-1);
    return step?.kind === "createJob" ? step.name : undefined;
  });
  expect(names).toEqual([`tick-${startMs / minute + 1}`, `tick-${startMs / 1_000 + 60}`]);
});
