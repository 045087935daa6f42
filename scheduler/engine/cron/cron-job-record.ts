import { readSchedule, type ScheduleReading } from "../../../api/cron-schedule.ts";
import type { WasmCronJob } from "../../../api/gen/kinds.gen.ts";
import { checkTimeZone } from "../../../api/time-zone.ts";
import { type CronJobMemory, emptyCronJobMemory } from "../../core/controllers/cron-job/cron-job.ts";
import { OwnedJobBook } from "./owned-job-book.ts";

/** What is known of one cron job. Its jobs may be known before it is, and after it is gone. */
export class CronJobRecord {
  readonly uid: string;
  readonly jobs = new OwnedJobBook();
  cronJob: WasmCronJob | undefined;
  memory: CronJobMemory = emptyCronJobMemory;
  #reading:
    | { readonly schedule: string; readonly timeZone: string; readonly is: ScheduleReading }
    | undefined;

  constructor(uid: string) {
    this.uid = uid;
  }

  /** Its schedule, read once for each that it has had. */
  schedule({ spec: { schedule, timeZone = "Etc/UTC" } }: WasmCronJob): ScheduleReading {
    if (this.#reading?.schedule !== schedule || this.#reading.timeZone !== timeZone)
      this.#reading = { schedule, timeZone, is: read(schedule, timeZone) };
    return this.#reading.is;
  }
}

/** What one version of Node has accepted may be unknown to another. */
function read(schedule: string, timeZone: string): ScheduleReading {
  const problem = checkTimeZone(timeZone);
  if (problem !== undefined) return { kind: "invalid", message: `${JSON.stringify(timeZone)}: ${problem}` };
  return readSchedule(schedule, timeZone);
}
