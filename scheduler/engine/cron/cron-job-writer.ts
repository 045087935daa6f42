import { isDeepStrictEqual } from "node:util";
import type { WasmCronJob, WasmJob } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { assertNever, errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import type { Backend } from "../../backend/backend.ts";
import type { CronJobResult, CronJobStep } from "../../core/controllers/cron-job/cron-job.ts";
import { cronJobUidOf, jobToMake } from "../../core/controllers/cron-job/made-job.ts";
import type { OwnedJob } from "../../core/controllers/cron-job/owned-jobs.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { workloadResources } from "../workloads.ts";
import type { CronJobRecord } from "./cron-job-record.ts";

export interface CronJobWriterOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
}

/** What the controller has said, and of what. */
export interface Look extends CronJobResult {
  readonly cronJob: WasmCronJob;
  readonly jobs: readonly OwnedJob[];
}

export type Started =
  | { readonly kind: "nothing" }
  | { readonly kind: "made" }
  /** For good: the time gets no job. */
  | { readonly kind: "refused" }
  /** It is tried again. */
  | { readonly kind: "failed"; readonly thrown: unknown };

export const cronJobResource = { group: "wherry.dev", plural: "wasmcronjobs" };
export const jobResource = workloadResources.WasmJob;

/** How long no other job is made while the watch owes the last one. */
const awaitedMs = 10_000;

/** Carries out the steps of cron jobs, and stores their statuses. */
export class CronJobWriter {
  readonly #options: CronJobWriterOptions;

  constructor(options: CronJobWriterOptions) {
    this.#options = options;
  }

  async carryOut(record: CronJobRecord, steps: readonly CronJobStep[]): Promise<Started> {
    for (const step of steps) {
      // It may be deleted while one of the steps waits for the store.
      const { cronJob } = record;
      if (cronJob === undefined) return { kind: "nothing" };
      switch (step.kind) {
        case "recordEvent":
          this.#record(cronJob, step.type, step.reason, step.message);
          break;
        case "deleteJob":
          await this.#delete(record, cronJob, step.job);
          break;
        case "createJob":
          return this.#create(record, cronJob, step);
        default:
          assertNever(step, "step");
      }
    }
    return { kind: "nothing" };
  }

  /** Does nothing when the status is stored already. A conflict brings a newer cron job, which is looked at. */
  async storeStatus(record: CronJobRecord, { cronJob, status, jobs }: Look): Promise<void> {
    if (status !== cronJob.status && !isDeepStrictEqual(status, cronJob.status)) {
      const outcome = await this.#options.backend.updateStatus(cronJobResource, asObject(cronJob), status);
      if (outcome.kind !== "written") return;
      // If the watch has brought something since, that is this write or a later one.
      if (record.cronJob === cronJob) record.cronJob = outcome.object as unknown as WasmCronJob;
    }
    record.jobs.accountedFor(jobs);
  }

  async #create(
    record: CronJobRecord,
    cronJob: WasmCronJob,
    { name, scheduledMs }: Extract<CronJobStep, { kind: "createJob" }>,
  ): Promise<Started> {
    const { backend, clock } = this.#options;
    const nowMs = clock.monotonic();
    if (record.jobs.awaitedUntilMs(nowMs) !== undefined) return { kind: "nothing" };
    record.jobs.await(name, nowMs + awaitedMs);
    try {
      const outcome = await backend.create(jobResource, jobToMake(cronJob, name, scheduledMs));
      switch (outcome.kind) {
        case "written":
          record.jobs.created(outcome.object as unknown as WasmJob);
          return this.#made(record, cronJob, name, scheduledMs);
        case "exists":
          return this.#exists(record, cronJob, name, scheduledMs);
        case "conflict":
        case "notFound":
          throw new Error(`creating ${name} was answered with ${outcome.kind}`);
        default:
          return assertNever(outcome, "outcome");
      }
    } catch (thrown) {
      record.jobs.forgetAwaited();
      this.#refuse(record, cronJob, `Error creating job ${name}: ${errorMessage(thrown)}`);
      return { kind: "failed", thrown };
    }
  }

  /** Made by us before, and the answer was lost or the status was not stored; or somebody has taken the name. */
  #exists(record: CronJobRecord, cronJob: WasmCronJob, name: string, scheduledMs: number): Started {
    const { namespace = "" } = cronJob.metadata;
    const existing = this.#options.backend.get(jobResource, namespace, name);
    // The watch owes it; then it is clear whose it is.
    if (existing === undefined) return { kind: "nothing" };
    record.jobs.forgetAwaited();
    if (cronJobUidOf(existing.metadata) === cronJob.metadata.uid)
      return this.#made(record, cronJob, name, scheduledMs);
    record.memory = { ...record.memory, givenUpMs: scheduledMs };
    const message = `Error creating job ${name}: there is a WasmJob of this name that is not this cron job's; the run of ${toTimestamp(scheduledMs)} is left out`;
    this.#refuse(record, cronJob, message);
    return { kind: "refused" };
  }

  #made(record: CronJobRecord, cronJob: WasmCronJob, name: string, scheduledMs: number): Started {
    record.memory = { ...record.memory, madeMs: scheduledMs, refusal: undefined };
    this.#record(cronJob, "Normal", "SuccessfulCreate", `Created job ${name}`);
    return { kind: "made" };
  }

  #refuse(record: CronJobRecord, cronJob: WasmCronJob, message: string): void {
    record.memory = { ...record.memory, refusal: message };
    this.#record(cronJob, "Warning", "FailedCreate", message);
  }

  async #delete(record: CronJobRecord, cronJob: WasmCronJob, job: WasmJob): Promise<void> {
    // Before it is asked for, as the watch may have it before the answer comes.
    record.jobs.deleted(job);
    try {
      const outcome = await this.#options.backend.delete(jobResource, asObject(job));
      // Somebody was faster.
      if (outcome.kind === "notFound") return;
    } catch (thrown) {
      record.jobs.undeleted(job);
      throw thrown;
    }
    this.#record(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${job.metadata.name}`);
  }

  #record(
    { metadata, kind, apiVersion }: WasmCronJob,
    type: "Normal" | "Warning",
    reason: string,
    message: string,
  ): void {
    const { namespace = "", name, uid } = metadata;
    this.#options.events.record({
      involved: { apiVersion, kind, namespace, name, uid },
      type,
      reason,
      message,
    });
  }
}

function asObject(typed: WasmCronJob | WasmJob): ApiObject {
  return typed as unknown as ApiObject;
}
