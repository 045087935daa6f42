import type { WasmCronJob } from "../../../api/gen/kinds.gen.ts";
import { type CronJobMemory, emptyCronJobMemory } from "../../core/controllers/cron-job/cron-job.ts";
import { OwnedJobBook } from "./owned-job-book.ts";

/** What is known of one cron job. Its jobs may be known before it is, and after it is gone. */
export class CronJobRecord {
  readonly key: string;
  readonly jobs = new OwnedJobBook();
  cronJob: WasmCronJob | undefined;
  memory: CronJobMemory = emptyCronJobMemory;

  constructor(key: string) {
    this.key = key;
  }
}

/** Jobs in other namespaces that name its uid are none of its: whoever may write there could name any. */
export function recordKey(namespace: string | undefined, cronJobUid: string): string {
  return `${namespace ?? ""}/${cronJobUid}`;
}
