/**
 * Makes jobs by a schedule. Pure: the declared cron job, its jobs and the time, to steps and a new status.
 *
 *   time comes ──▶ due ──▶ job made ──▶ active ──▶ over ──▶ kept as history ──▶ deleted
 *                   │ too late, suspended: no job
 *                   │ Forbid, and another is active: due until the next time comes
 *                   └ Replace: the active ones are deleted first
 *
 * No time has two jobs: a time that is not after the last one that had a job is never due again, wherever the clock has
 * jumped; what the status does not say yet, the jobs and the memory say; and the name of a job is made from its time, so
 * that a second one cannot be created while the first is there.
 */
import type { ScheduleReading } from "../../../../api/cron-schedule.ts";
import type { WasmCronJob, WasmCronJobStatus, WasmJob } from "../../../../api/gen/kinds.gen.ts";
import { earliest, fromTimestamp, toTimestamp } from "../../../../kit/timestamps.ts";
import { assertNever } from "../../../../kit/errors.ts";
import { cronJobStatus, type Obstacle } from "./cron-job-status.ts";
import { type Due, findDue, type Missed } from "./due-time.ts";
import { isManual, jobName, scheduledMsOf } from "./made-job.ts";
import { activeJobs, endOf, type OwnedJob, surplusJobs } from "./owned-jobs.ts";

export interface CronJobInput {
  readonly cronJob: WasmCronJob;
  readonly schedule: ScheduleReading;
  readonly jobs: readonly OwnedJob[];
  readonly memory: CronJobMemory;
  readonly nowMs: number;
}

/** What one process knows of a cron job beside what is stored. A new one begins with {@link emptyCronJobMemory}. */
export interface CronJobMemory {
  /** The last time that this process has made a job for. */
  readonly madeMs: number | undefined;
  /** The last time that gets no job any more. */
  readonly givenUpMs: number | undefined;
  /** The last time of which was told that it waits. */
  readonly waitingMs: number | undefined;
  /** The jobs of which was told that they are not the schedule's. */
  readonly strangers: ReadonlySet<string>;
  /** Why the last job could not be made; undefined: it could. */
  readonly refusal: string | undefined;
}

export const emptyCronJobMemory: CronJobMemory = {
  madeMs: undefined,
  givenUpMs: undefined,
  waitingMs: undefined,
  strangers: new Set(),
  refusal: undefined,
};

export type CronJobStep =
  | { readonly kind: "deleteJob"; readonly job: WasmJob }
  | { readonly kind: "createJob"; readonly name: string; readonly scheduledMs: number }
  | {
      readonly kind: "recordEvent";
      readonly type: "Normal" | "Warning";
      readonly reason: string;
      readonly message: string;
    };

export interface CronJobResult {
  /** In order. At most one creates a job, and it is the last. */
  readonly steps: readonly CronJobStep[];
  /** As it is without what the steps change. */
  readonly status: WasmCronJobStatus;
  readonly memory: CronJobMemory;
  /** When to look again although nothing has changed. */
  readonly wakeAtMs: number | undefined;
}

/** Jobs of one cron job that are active at once. Its status lists them all; with more, one per second would never end. */
export const activeMax = 500;
/** Kubernetes tells of more than so many that were missed in another way. */
const missedMax = 100;

export function reconcileCronJob(input: CronJobInput): CronJobResult {
  const { cronJob, schedule, memory, nowMs } = input;
  if (cronJob.metadata.deletionTimestamp !== undefined)
    return { steps: [], status: cronJob.status ?? {}, memory, wakeAtMs: undefined };
  const active = activeJobs(cronJob, input.jobs);
  const lastMs = lastScheduledMs(input);
  const sinceMs = Math.max(lastMs ?? creationMs(cronJob), memory.givenUpMs ?? -Infinity);
  const settled = { ...tellOfJobs(input), sinceMs, active };
  const nextMs =
    schedule.kind === "ok" && !cronJob.spec.suspend
      ? schedule.schedule.nextAfter(Math.max(nowMs, sinceMs))
      : undefined;
  const start = startJob(input, settled);
  const obstacle = start.obstacle ?? obstacleOf(input, sinceMs);
  const surplus = surplusJobs(cronJob, input.jobs, nowMs);
  return {
    steps: [
      ...settled.events,
      ...surplus.jobs.map((job): CronJobStep => ({ kind: "deleteJob", job })),
      ...start.steps,
    ],
    status: cronJobStatus({ cronJob, jobs: input.jobs, active, lastMs, nextMs, obstacle, nowMs }),
    memory: { ...memory, ...start.memory, strangers: settled.strangers },
    wakeAtMs: earliest(nextMs, surplus.nextMs),
  };
}

/** The last time for which a job was made; what is said of times to come was said by a clock that was wrong. */
function lastScheduledMs({ cronJob, jobs, memory, nowMs }: CronJobInput): number | undefined {
  const known = [fromTimestamp(cronJob.status?.lastScheduleTime), memory.madeMs];
  for (const { job } of jobs) {
    const ms = scheduledMsOf(job, cronJob.metadata.name);
    if (ms !== undefined && ms <= nowMs) known.push(ms);
  }
  let last: number | undefined;
  for (const ms of known) if (ms !== undefined && (last === undefined || ms > last)) last = ms;
  return last;
}

function creationMs({ metadata }: WasmCronJob): number {
  return fromTimestamp(metadata.creationTimestamp) ?? 0;
}

interface Start {
  readonly steps: readonly CronJobStep[];
  readonly memory: Partial<CronJobMemory>;
  readonly obstacle?: Obstacle;
}

const nothingToStart: Start = { steps: [], memory: {} };

function startJob(
  { cronJob, schedule, memory, nowMs }: CronJobInput,
  { sinceMs, active }: { readonly sinceMs: number; readonly active: readonly WasmJob[] },
): Start {
  const { spec, metadata } = cronJob;
  if (schedule.kind !== "ok" || spec.suspend) return nothingToStart;
  const deadlineMs =
    spec.startingDeadlineSeconds === undefined ? undefined : spec.startingDeadlineSeconds * 1_000;
  const due: Due = findDue({ schedule: schedule.schedule, sinceMs, deadlineMs, nowMs });
  switch (due.kind) {
    case "nothing":
      return nothingToStart;
    case "tooLate":
      return {
        steps: [
          event(
            "Warning",
            "MissSchedule",
            `Missed scheduled time to start a job: ${toTimestamp(due.scheduledMs)}`,
          ),
        ],
        memory: { givenUpMs: due.scheduledMs },
      };
    case "due": {
      const { scheduledMs } = due;
      const wait = reasonToWait(cronJob, active);
      if (wait) {
        const steps = memory.waitingMs === scheduledMs ? [] : [wait.event];
        return { steps, memory: { waitingMs: scheduledMs }, ...wait.obstacle };
      }
      const name = jobName(metadata.name, scheduledMs, schedule.schedule.hasSeconds);
      const replaced = spec.concurrencyPolicy === "Replace" ? active.filter(isNotBeingDeleted) : [];
      return {
        steps: [
          ...tellOfMissed(due.missed, scheduledMs, memory),
          ...replaced.map((job): CronJobStep => ({ kind: "deleteJob", job })),
          { kind: "createJob", name, scheduledMs },
        ],
        memory: { waitingMs: scheduledMs },
      };
    }
    default:
      return assertNever(due, "due");
  }
}

function isNotBeingDeleted({ metadata }: WasmJob): boolean {
  return metadata.deletionTimestamp === undefined;
}

interface Wait {
  readonly event: CronJobStep;
  readonly obstacle: { readonly obstacle?: Obstacle };
}

function reasonToWait({ spec }: WasmCronJob, active: readonly WasmJob[]): Wait | undefined {
  if (spec.concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    return { event: event("Normal", "JobAlreadyActive", message), obstacle: {} };
  }
  if (spec.concurrencyPolicy === "Allow" && active.length >= activeMax) {
    const message = `${activeMax} jobs are active, which is the most that one cron job can have; set activeDeadlineSeconds in the job template, or concurrencyPolicy`;
    return {
      event: event("Warning", "TooManyActive", message),
      obstacle: { obstacle: { reason: "TooManyActive", message } },
    };
  }
  return undefined;
}

/** Once for each time that is due, however often it has to be tried. */
function tellOfMissed(
  { count, isEstimate }: Missed,
  scheduledMs: number,
  memory: CronJobMemory,
): readonly CronJobStep[] {
  if (count === 0 || memory.waitingMs === scheduledMs) return [];
  const times = `${isEstimate ? "about " : ""}${count} ${count === 1 ? "time" : "times"}`;
  const message = `Missed ${times} of the schedule before ${toTimestamp(scheduledMs)}; only the last is made up for`;
  if (count <= missedMax) return [event("Warning", "MissSchedule", message)];
  const advice = "set or decrease startingDeadlineSeconds, or check the clock";
  return [event("Warning", "TooManyMissedTimes", `${message}: ${advice}`)];
}

function obstacleOf(
  { cronJob, schedule, memory, nowMs }: CronJobInput,
  sinceMs: number,
): Obstacle | undefined {
  if (schedule.kind === "invalid")
    return {
      reason: "InvalidSchedule",
      message: `${schedule.message}; change spec.schedule or spec.timeZone`,
    };
  if (cronJob.spec.suspend) return { reason: "Suspended", message: "spec.suspend is true" };
  if (sinceMs > nowMs + clockErrorMs) {
    const message = `a job was made for ${toTimestamp(sinceMs)}, which is yet to come: the clock was wrong. Nothing is due before that time; make the cron job anew for it to be due before`;
    return { reason: "ClockSetBack", message };
  }
  return memory.refusal === undefined ? undefined : { reason: "FailedCreate", message: memory.refusal };
}

/** The clocks of two schedulers may differ by this. */
const clockErrorMs = 60_000;

interface Told {
  readonly events: readonly CronJobStep[];
  readonly strangers: ReadonlySet<string>;
}

/** What has become of the jobs that were active when the status was stored, and who else is there. */
function tellOfJobs({ cronJob, jobs, memory }: CronJobInput): Told {
  const { name } = cronJob.metadata;
  const events: CronJobStep[] = [];
  const strangers = new Set<string>();
  const byUid = new Map(jobs.map((owned) => [owned.job.metadata.uid, owned]));
  for (const reference of cronJob.status?.active ?? []) {
    const owned = byUid.get(reference.uid ?? "");
    const end = owned && endOf(owned.job);
    if (end !== undefined)
      events.push(
        event("Normal", "SawCompletedJob", `Saw completed job: ${reference.name}, condition: ${end}`),
      );
    else if (owned === undefined || owned.presence === "gone")
      events.push(event("Normal", "MissingJob", `Active job went missing: ${reference.name}`));
  }
  for (const { job, presence } of jobs) {
    const isStranger = scheduledMsOf(job, name) === undefined && !isManual(job) && endOf(job) === undefined;
    if (!isStranger || presence !== "there") continue;
    const { uid } = job.metadata;
    strangers.add(uid);
    if (memory.strangers.has(uid)) continue;
    const message = `Saw a job that the controller did not create or forgot: ${job.metadata.name}`;
    events.push(event("Warning", "UnexpectedJob", message));
  }
  return { events, strangers };
}

function event(type: "Normal" | "Warning", reason: string, message: string): CronJobStep {
  return { kind: "recordEvent", type, reason, message };
}
