import type { WasmCronJob } from "../../../api/gen/kinds.gen.ts";
import { type CronJobMemory, emptyCronJobMemory } from "../../core/controllers/cron-job/cron-job.ts";
import { OwnedJobBook } from "./owned-job-book.ts";

/** What is known of one cron job. Its jobs may be known before it is, and after it is gone. */
export class CronJobRecord {
  readonly uid: string;
  readonly jobs = new OwnedJobBook();
  cronJob: WasmCronJob | undefined;
  memory: CronJobMemory = emptyCronJobMemory;

  constructor(uid: string) {
    this.uid = uid;
  }
}
