import type { WasmCronJob, WasmCronJobStatus, WasmJob } from "../../../../api/gen/kinds.gen.ts";
import { fromTimestamp, toTimestamp } from "../../../../kit/timestamps.ts";
import { conditionAfter, sameOr } from "../conditions.ts";
import { endOf, type OwnedJob } from "./owned-jobs.ts";

/** Why no jobs are made although time goes by. */
export interface Obstacle {
  readonly reason: "InvalidSchedule" | "Suspended" | "ClockSetBack" | "FailedCreate" | "TooManyActive";
  readonly message: string;
}

export interface CronJobStatusInput {
  readonly cronJob: WasmCronJob;
  readonly jobs: readonly OwnedJob[];
  readonly active: readonly WasmJob[];
  readonly lastMs: number | undefined;
  readonly nextMs: number | undefined;
  readonly obstacle: Obstacle | undefined;
  readonly nowMs: number;
}

export function cronJobStatus(input: CronJobStatusInput): WasmCronJobStatus {
  const { cronJob, active, lastMs, nextMs, obstacle, nowMs } = input;
  const { generation } = cronJob.metadata;
  const successful = lastSuccessfulTime(input);
  const verdict = obstacle
    ? { status: "False" as const, ...obstacle }
    : { status: "True" as const, reason: "OnSchedule", message: "jobs are made as their times come" };
  return sameOr(cronJob.status, {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    activeCount: active.length,
    active: active.map(({ apiVersion, kind, metadata: { namespace = "", name, uid } }) => ({
      apiVersion,
      kind,
      namespace,
      name,
      uid,
    })),
    ...(lastMs === undefined ? {} : { lastScheduleTime: toTimestamp(lastMs) }),
    ...(successful === undefined ? {} : { lastSuccessfulTime: successful }),
    ...(nextMs === undefined ? {} : { nextScheduleTime: toTimestamp(nextMs) }),
    conditions: [
      conditionAfter(cronJob.status?.conditions, { type: "Scheduling", ...verdict }, generation, nowMs),
    ],
  });
}

function lastSuccessfulTime({ cronJob, jobs }: CronJobStatusInput): string | undefined {
  let last = cronJob.status?.lastSuccessfulTime;
  for (const { job } of jobs) {
    const time = endOf(job) === "Complete" ? job.status?.completionTime : undefined;
    if ((fromTimestamp(time) ?? -Infinity) > (fromTimestamp(last) ?? -Infinity)) last = time;
  }
  return last;
}
