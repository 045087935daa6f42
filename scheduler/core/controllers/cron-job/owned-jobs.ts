import type { WasmCronJob, WasmJob } from "../../../../api/gen/kinds.gen.ts";
import { earliest, fromTimestamp } from "../../../../kit/timestamps.ts";
import { isTrue } from "../conditions.ts";
import { scheduledMsOf } from "./made-job.ts";

/** A job that a cron job controls. */
export interface OwnedJob {
  readonly job: WasmJob;
  /**
   * - there: as far as is known.
   * - deleted: we have asked for that; it may still be there.
   * - gone: somebody else has deleted it since the cron job's status was last stored.
   */
  readonly presence: "there" | "deleted" | "gone";
}

export type JobEnd = "Complete" | "Failed";

export function endOf({ status }: WasmJob): JobEnd | undefined {
  if (isTrue(status?.conditions, "Complete")) return "Complete";
  return isTrue(status?.conditions, "Failed") ? "Failed" : undefined;
}

/** Those that were made for a time of the schedule and are not over, the oldest time first. */
export function activeJobs(cronJob: WasmCronJob, jobs: readonly OwnedJob[]): readonly WasmJob[] {
  return byTime(
    cronJob,
    jobs.flatMap(({ job, presence }) => (presence === "there" && endOf(job) === undefined ? [job] : [])),
  ).filter((job) => scheduledMsOf(job, cronJob.metadata.name) !== undefined);
}

/** More than this in one go would keep the cron job from what is due. */
const surplusMax = 50;
/**
 * How long a job stays when it is over. A scheduler that has lost the leadership and does not know it may just be creating
 * the same job; while the job is there, it cannot.
 */
export const staysMs = 10_000;

export interface Surplus {
  readonly jobs: readonly WasmJob[];
  /** When there may be more of it although nothing has changed. */
  readonly nextMs: number | undefined;
}

/** What the history has no room for, the oldest first. */
export function surplusJobs(cronJob: WasmCronJob, jobs: readonly OwnedJob[], nowMs: number): Surplus {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec;
  const candidates = [
    ...beyond(cronJob, jobs, "Complete", successfulJobsHistoryLimit),
    ...beyond(cronJob, jobs, "Failed", failedJobsHistoryLimit),
  ];
  const surplus: WasmJob[] = [];
  let nextMs: number | undefined;
  for (const { job, end } of candidates) {
    const goesMs = endMsOf(job, end) + staysMs;
    if (goesMs > nowMs) nextMs = earliest(nextMs, goesMs);
    else surplus.push(job);
  }
  return { jobs: surplus.slice(0, surplusMax), nextMs };
}

function beyond(
  cronJob: WasmCronJob,
  jobs: readonly OwnedJob[],
  end: JobEnd,
  limit: number,
): readonly { readonly job: WasmJob; readonly end: JobEnd }[] {
  const storedMs = fromTimestamp(cronJob.status?.lastScheduleTime) ?? -Infinity;
  const ended = jobs.flatMap(({ job, presence }) =>
    presence === "there" && job.metadata.deletionTimestamp === undefined && endOf(job) === end ? [job] : [],
  );
  return (
    byTime(cronJob, ended)
      .slice(0, Math.max(0, ended.length - limit))
      // Until the status says that its time has had a job, the job itself is what says so.
      .filter((job) => (scheduledMsOf(job, cronJob.metadata.name) ?? -Infinity) <= storedMs)
      .map((job) => ({ job, end }))
  );
}

function endMsOf({ status }: WasmJob, end: JobEnd): number {
  return fromTimestamp(status?.conditions?.find(({ type }) => type === end)?.lastTransitionTime) ?? 0;
}

function byTime({ metadata }: WasmCronJob, jobs: readonly WasmJob[]): readonly WasmJob[] {
  const timed = jobs.map((job) => ({
    job,
    atMs: scheduledMsOf(job, metadata.name) ?? fromTimestamp(job.metadata.creationTimestamp) ?? 0,
  }));
  return timed.toSorted((a, b) => a.atMs - b.atMs).map(({ job }) => job);
}
