import type { WasmCronJob, WasmJob } from "../../../../api/gen/kinds.gen.ts";
import { fromTimestamp } from "../../../../kit/timestamps.ts";
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

/** What the history has no room for, the oldest first. */
export function surplusJobs(cronJob: WasmCronJob, jobs: readonly OwnedJob[]): readonly WasmJob[] {
  const { name } = cronJob.metadata;
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec;
  const storedMs = fromTimestamp(cronJob.status?.lastScheduleTime) ?? -Infinity;
  const over = (end: JobEnd, limit: number): readonly WasmJob[] => {
    const ended = jobs.flatMap(({ job, presence }) =>
      presence === "there" && job.metadata.deletionTimestamp === undefined && endOf(job) === end ? [job] : [],
    );
    // Until the status says that its time has had a job, the job itself is what says so.
    return byTime(cronJob, ended)
      .slice(0, Math.max(0, ended.length - limit))
      .filter((job) => (scheduledMsOf(job, name) ?? -Infinity) <= storedMs);
  };
  return [...over("Complete", successfulJobsHistoryLimit), ...over("Failed", failedJobsHistoryLimit)].slice(
    0,
    surplusMax,
  );
}

function byTime({ metadata }: WasmCronJob, jobs: readonly WasmJob[]): readonly WasmJob[] {
  const timed = jobs.map((job) => ({
    job,
    atMs: scheduledMsOf(job, metadata.name) ?? fromTimestamp(job.metadata.creationTimestamp) ?? 0,
  }));
  return timed.toSorted((a, b) => a.atMs - b.atMs).map(({ job }) => job);
}
