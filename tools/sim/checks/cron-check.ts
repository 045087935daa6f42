/** Of cron jobs: no time of a schedule has two jobs, whoever leads and whatever the clocks say, and none is forgotten. */
import type { WasmCronJob, WasmJob } from "../../../api/gen/kinds.gen.ts";
import { fromTimestamp } from "../../../kit/timestamps.ts";
import { cronJobUidOf } from "../../../scheduler/core/controllers/cron-job/made-job.ts";
import { endOf } from "../../../scheduler/core/controllers/cron-job/owned-jobs.ts";
import type { BackendEvent } from "../../../scheduler/backend/backend.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import { demand } from "./violation.ts";

/** How late a scheduler whose store answers at once may be. */
const lateMsMax = 60_000;

export class CronCheck {
  readonly #excused: ReadonlySet<string>;
  /** By cron job and name, which says the time, the uid of the job. */
  readonly #jobs = new Map<string, string>();

  /** `excused`: uids of jobs that people have deleted, which may make room for what is on its way. */
  constructor(excused: ReadonlySet<string>) {
    this.#excused = excused;
  }

  /** Told of every job that is ever stored, however short its life. */
  stored(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { uid, name } = event.object.metadata;
    const owner = cronJobUidOf(event.object.metadata);
    if (owner === undefined) return;
    const key = `${owner} ${name}`;
    if (event.kind === "delete") {
      // Replaced: what another scheduler has under way may come after it, and is replaced in its turn.
      if (endOf(event.object as unknown as WasmJob) === undefined) this.#jobs.delete(key);
      return;
    }
    const known = this.#jobs.get(key) ?? uid;
    this.#jobs.set(key, known);
    demand(known === uid || this.#excused.has(known), "cron", () => `${name} is made a second time`);
  }
}

/** When nothing is broken, the next time of each is one that is still to come. */
export function checkCronJobs({ store, leader }: Cluster): void {
  const nowMs = leader?.clock.now() ?? 0;
  for (const object of objectsIn(store, "wasmcronjobs")) {
    // The simulated people declare nothing else.
    const { metadata, spec, status } = object as unknown as WasmCronJob;
    const nextMs = fromTimestamp(status?.nextScheduleTime);
    if (spec.suspend)
      demand(nextMs === undefined, "cron", () => `${metadata.name} is suspended, and has a next time`);
    else
      demand(
        nextMs !== undefined && nextMs > nowMs - lateMsMax,
        "cron",
        () => `${metadata.name} is due since ${status?.nextScheduleTime}`,
      );
  }
}
