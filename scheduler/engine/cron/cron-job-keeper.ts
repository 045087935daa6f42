/**
 * Cron jobs in the engine: knows them and their jobs, and carries out what their controller wants.
 *
 *   WasmCronJob events ─┐                                         ┌─▶ jobs created and deleted
 *   WasmJob events ─────┼─▶ due ──▶ worker, one run per cron job ─┼─▶ events
 *   alarms ─────────────┘                                         └─▶ status, the next alarm
 *
 * A cron job has no instances and is no workload of the engine: the jobs that it makes are. Nothing is polled: it is looked
 * at when it, one of its jobs or the time says so. At most `concurrencyMax` are looked at in one turn of the event loop, and
 * at most so many write: neither midnight nor a restart with ten thousand of them stops anything else.
 */
import type { WasmCronJob, WasmJob } from "../../../api/gen/kinds.gen.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import { earliest } from "../../../kit/timestamps.ts";
import type { Backend, BackendEvent } from "../../backend/backend.ts";
import { reconcileCronJob } from "../../core/controllers/cron-job/cron-job.ts";
import { cronJobUidOf } from "../../core/controllers/cron-job/made-job.ts";
import { watched } from "../declared-objects.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { CronJobRecord, recordKey } from "./cron-job-record.ts";
import { cronJobResource, CronJobWriter, jobResource, type Look } from "./cron-job-writer.ts";
import { ScheduleCache } from "./schedule-cache.ts";
import { WallClockAlarms } from "../../alarms.ts";

export interface CronJobKeeperOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
}

const concurrencyMax = 32;
/** One cron job is looked at at most this often. */
const intervalMs = 20;

export class CronJobKeeper implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #clock: Clock;
  /** By key; also of cron jobs that are not known yet, or not any more, while there are jobs of theirs. */
  readonly #records = new Map<string, CronJobRecord>();
  readonly #schedules = new ScheduleCache();
  readonly #ownerOfJob = new Map<string, string>();
  readonly #writer: CronJobWriter;
  readonly #alarms: WallClockAlarms;
  readonly #worker: KeyedWorker;
  #isStarted = false;

  constructor(options: CronJobKeeperOptions) {
    const { backend, clock, log } = options;
    this.#backend = backend;
    this.#clock = clock;
    this.#writer = new CronJobWriter(options);
    this.#alarms = new WallClockAlarms(clock, (key) => this.#schedule(key));
    this.#worker = new KeyedWorker((key) => this.#run(key), {
      clock,
      concurrencyMax,
      intervalMs,
      backoff: { initialMs: 200, factor: 2, maxMs: 10_000 },
      failed: (key, thrown) => {
        const { name, namespace } = this.#records.get(key)?.cronJob?.metadata ?? {};
        const reason = errorMessage(thrown);
        log.warn("cron job not brought up to date, trying again", { namespace, name, reason });
      },
    });
  }

  /** Resolves when all that is declared is known; what is due is made from then on. */
  async start(signal: AbortSignal): Promise<void> {
    // Jobs first: a cron job whose jobs are not known yet would make them again.
    await watched(this.#backend, jobResource, (event) => this.#jobEvent(event), signal);
    await watched(this.#backend, cronJobResource, (event) => this.#cronJobEvent(event), signal);
    this.#isStarted = true;
    for (const key of this.#records.keys()) this.#schedule(key);
  }

  async close(): Promise<void> {
    this.#alarms.close();
    await this.#worker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #cronJobEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { namespace, uid, resourceVersion } = event.object.metadata;
    const record = this.#record(recordKey(namespace, uid));
    if (event.kind === "delete") {
      record.cronJob = undefined;
      record.jobs.accountedFor(record.jobs.list());
      this.#alarms.set(record.key, undefined);
      this.#dropIfEmpty(record);
      return;
    }
    // Our own write, of which the answer was here first.
    if (record.cronJob?.metadata.resourceVersion === resourceVersion) return;
    // The API server has validated it.
    record.cronJob = event.object as unknown as WasmCronJob;
    this.#schedule(record.key);
  }

  #jobEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { namespace, uid } = event.object.metadata;
    const cronJobUid = cronJobUidOf(event.object.metadata);
    const owner = cronJobUid === undefined ? undefined : recordKey(namespace, cronJobUid);
    const before = this.#ownerOfJob.get(uid);
    if (before !== undefined && before !== owner) this.#disown(uid, before);
    if (owner === undefined) return;
    const record = this.#record(owner);
    // The API server has validated it.
    const job = event.object as unknown as WasmJob;
    if (event.kind === "put") {
      this.#ownerOfJob.set(uid, owner);
      if (record.jobs.put(job)) this.#schedule(owner);
      return;
    }
    this.#ownerOfJob.delete(uid);
    record.jobs.remove(job);
    if (record.cronJob === undefined) record.jobs.disown(uid);
    this.#dropIfEmpty(record);
    this.#schedule(owner);
  }

  #disown(jobUid: string, owner: string): void {
    this.#ownerOfJob.delete(jobUid);
    const record = this.#record(owner);
    record.jobs.disown(jobUid);
    this.#dropIfEmpty(record);
    this.#schedule(owner);
  }

  #record(key: string): CronJobRecord {
    const known = this.#records.get(key);
    if (known) return known;
    const record = new CronJobRecord(key);
    this.#records.set(key, record);
    return record;
  }

  #dropIfEmpty(record: CronJobRecord): void {
    if (record.cronJob === undefined && record.jobs.isEmpty) this.#records.delete(record.key);
  }

  #schedule(key: string): void {
    if (this.#isStarted && this.#records.get(key)?.cronJob) this.#worker.schedule(key);
  }

  async #run(key: string): Promise<void> {
    await nextTurn();
    const record = this.#records.get(key);
    if (record === undefined) return;
    try {
      await this.#bringUpToDate(record);
    } finally {
      this.#dropIfEmpty(record);
    }
  }

  async #bringUpToDate(record: CronJobRecord): Promise<void> {
    const first = this.#look(record);
    if (first === undefined) return;
    const started = await this.#writer.carryOut(record, first.steps);
    // What was made belongs into the status at once, and so does why it could not be made.
    const look = started.kind === "nothing" ? first : this.#look(record);
    if (look === undefined) return;
    this.#alarms.set(record.key, this.#nextLookMs(record, look.wakeAtMs));
    await this.#writer.storeStatus(record, look);
    // The next time may have come meanwhile.
    if (started.kind === "made") this.#schedule(record.key);
    if (started.kind === "failed") throw started.thrown;
  }

  #look(record: CronJobRecord): Look | undefined {
    const { cronJob, memory } = record;
    if (cronJob === undefined) return undefined;
    const jobs = record.jobs.list();
    const nowMs = this.#clock.now();
    const result = reconcileCronJob({
      cronJob,
      schedule: this.#schedules.read(cronJob.spec),
      jobs,
      memory,
      nowMs,
    });
    record.memory = result.memory;
    return { ...result, cronJob, jobs };
  }

  #nextLookMs({ jobs }: CronJobRecord, wakeAtMs: number | undefined): number | undefined {
    const nowMs = this.#clock.monotonic();
    const untilMs = jobs.awaitedUntilMs(nowMs);
    return earliest(wakeAtMs, untilMs === undefined ? undefined : this.#clock.now() + untilMs - nowMs);
  }
}

/** Each of the runs that begin together waits for it, so the turn belongs to others in between. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
