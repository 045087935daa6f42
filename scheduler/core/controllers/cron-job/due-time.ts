import type { CronSchedule } from "../../../../api/cron-schedule.ts";

export type Due =
  | { readonly kind: "nothing" }
  /** A job for `scheduledMs` is due; `missed` times before it have none and get none. */
  | { readonly kind: "due"; readonly scheduledMs: number; readonly missed: Missed }
  /** The last time that has no job is too long ago for one. */
  | { readonly kind: "tooLate"; readonly scheduledMs: number };

export interface Missed {
  readonly count: number;
  /** Whether the count is from the mean distance of the first ones. */
  readonly isEstimate: boolean;
}

export interface DueInput {
  readonly schedule: CronSchedule;
  /** No time up to here is looked at. */
  readonly sinceMs: number;
  /** How late a job may be; undefined: as late as you like. */
  readonly deadlineMs: number | undefined;
  readonly nowMs: number;
}

/** Of all times that were missed, only the last gets a job, as in Kubernetes. */
export function findDue({ schedule, sinceMs, deadlineMs = Infinity, nowMs }: DueInput): Due {
  const scheduledMs = schedule.lastUntil(nowMs);
  if (scheduledMs === undefined || scheduledMs <= sinceMs) return { kind: "nothing" };
  if (scheduledMs + deadlineMs < nowMs) return { kind: "tooLate", scheduledMs };
  // Times that were too late anyway are no reason to tell of.
  const fromMs = Math.max(sinceMs, nowMs - deadlineMs - 1);
  return { kind: "due", scheduledMs, missed: countBetween(schedule, fromMs, scheduledMs) };
}

/** Years of seconds are not counted one by one. */
const countedMax = 10;

/** The times after `fromMs` and before `untilMs`. */
function countBetween(schedule: CronSchedule, fromMs: number, untilMs: number): Missed {
  let firstMs: number | undefined;
  let count = 0;
  for (let atMs = schedule.nextAfter(fromMs); atMs !== undefined && atMs < untilMs; count++) {
    firstMs ??= atMs;
    if (count === countedMax) {
      const meanMs = (atMs - firstMs) / count;
      return { count: Math.round((untilMs - firstMs) / meanMs), isEstimate: true };
    }
    atMs = schedule.nextAfter(atMs);
  }
  return { count, isEstimate: false };
}
