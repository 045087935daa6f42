/**
 * Runs a WasmJob to its end. Pure: the durable status, the instances and the time, to a new status and steps.
 *
 *   instance ended ──▶ counted in the status ──▶ status durable ──▶ forgotten (and its node told so)
 *                                                      └──────────▶ the slot's next attempt, after its backoff
 *
 * `job.status` must be the status as last written: what an instance that is already forgotten did is known from there
 * alone. An attempt is created only when the end of the one before is durable, so no two attempts of an index are
 * ever under way together, except for a copy on a node that was given up; its result then counts no more.
 *
 * A suspended job has no instances: what ends because of that is a disruption, as everything that was told to stop.
 *
 * Invariants: each index succeeds once; `failed` never decreases, `succeeded` only with `completions`; instances that are
 * not over never exceed `parallelism` by what is created here; what was decided of the job's end (job-end.ts) is final.
 * Linear in instances, completed ranges, and indexes that have failed.
 */
import type { WasmJob, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { earliest } from "../../../../kit/timestamps.ts";
import type { Instance } from "../../model.ts";
import { isTrue } from "../conditions.ts";
import { reconcileOrphans } from "../orphans.ts";
import type { ReconcileResult, Step } from "../step.ts";
import { finishedJob } from "./finished-job.ts";
import { decidedEnd, decideEnd, type JobEnd } from "./job-end.ts";
import { deadlineMs, limitsOf } from "./job-limits.ts";
import { isSuspended, jobStatus } from "./job-status.ts";
import { takeSlotCensus, type SlotCensus } from "./slot-census.ts";
import { SlotLedger } from "./slot-ledger.ts";
import { planSlots, retryTimes } from "./slot-plan.ts";

/** What need not survive the scheduler: before when an index is not tried again. Without it the wait starts anew. */
export interface JobMemory {
  readonly retryAtMs: ReadonlyMap<number, number>;
}

export const emptyJobMemory: JobMemory = { retryAtMs: new Map() };

export interface JobInput {
  readonly job: WasmJob;
  /** All instances of this job, in any order. */
  readonly instances: Iterable<Instance>;
  /** Why no instance can be made now. */
  readonly refusal: string | undefined;
  readonly nowMs: number;
  /** What the last result for this job returned. */
  readonly memory: JobMemory;
}

export interface JobResult extends ReconcileResult<WasmJobStatus> {
  readonly memory: JobMemory;
}

/** The status is the object's own one, by identity, if nothing changed. */
export function reconcileJob(input: JobInput): JobResult {
  const { job, nowMs, memory } = input;
  if (job.metadata.deletionTimestamp !== undefined)
    return {
      status: job.status ?? {},
      steps: reconcileOrphans(input.instances),
      wakeAtMs: undefined,
      memory,
    };
  if (isTrue(job.status?.conditions, "Complete") || isTrue(job.status?.conditions, "Failed"))
    return { ...finishedJob(job, input.instances, nowMs), memory: emptyJobMemory };

  const { slots, backoffPerIndex } = limitsOf(job.spec);
  const ledger = new SlotLedger(job.status, {
    policy: job.spec.failurePolicy,
    limitPerIndex: backoffPerIndex,
  });
  const census = takeSlotCensus(input.instances, slots, ledger);
  const decided = decidedEnd(job.status);
  const end = decided ?? decideEnd(job, ledger, census, nowMs);
  if (end !== undefined) return endingJob(input, ledger, census, end, decided === undefined);
  return job.spec.suspend ? suspendedJob(input, ledger, census) : runningJob(input, ledger, census);
}

function endingJob(
  { job, refusal, nowMs }: JobInput,
  ledger: SlotLedger,
  census: SlotCensus,
  end: JobEnd,
  isNew: boolean,
): JobResult {
  const left = liveOf(census);
  const isOver = left.length === 0 && census.terminating === 0;
  return {
    status: jobStatus({ job, ledger, census, end, isOver, refusal, nowMs }),
    steps: [...stops(left, "the job is over"), ...(isNew ? [endEvent(end)] : []), ...forgets(census)],
    // What is stored comes back, and so do the ends of instances. Until then there is nothing to wait for.
    wakeAtMs: undefined,
    memory: emptyJobMemory,
  };
}

function suspendedJob({ job, nowMs, memory }: JobInput, ledger: SlotLedger, census: SlotCensus): JobResult {
  const event: Step = {
    kind: "recordEvent",
    type: "Normal",
    reason: "Suspended",
    message: "Job suspended",
  };
  return {
    status: jobStatus({ job, ledger, census, end: undefined, isOver: false, refusal: undefined, nowMs }),
    steps: [
      ...stops(liveOf(census), "the job is suspended"),
      ...(isSuspended(job.status) ? [] : [event]),
      ...forgets(census),
    ],
    wakeAtMs: undefined,
    memory: { retryAtMs: retryTimes(ledger, census, memory.retryAtMs, nowMs) },
  };
}

function runningJob(
  { job, refusal, nowMs, memory }: JobInput,
  ledger: SlotLedger,
  census: SlotCensus,
): JobResult {
  const status = jobStatus({ job, ledger, census, end: undefined, isOver: false, refusal, nowMs });
  const waits = retryTimes(ledger, census, memory.retryAtMs, nowMs);
  const plan = planSlots(job.spec, ledger, census, waits, refusal, nowMs);
  const resumed: Step = { kind: "recordEvent", type: "Normal", reason: "Resumed", message: "Job resumed" };
  return {
    status,
    steps: [
      ...(isSuspended(job.status) ? [resumed] : []),
      ...stops(census.extra, "its slot is taken by another instance, or done"),
      ...plan.steps,
      ...forgets(census),
    ],
    wakeAtMs: earliest(plan.wakeAtMs, deadlineMs(job, status)),
    memory: { retryAtMs: waits },
  };
}

function liveOf({ live, extra }: SlotCensus): readonly Instance[] {
  return [...live.values(), ...extra];
}

function stops(instances: readonly Instance[], why: string): readonly Step[] {
  return instances.map(({ uid }) => ({ kind: "stopInstance", uid, why }));
}

function forgets({ ended }: SlotCensus): readonly Step[] {
  return ended.map(({ uid }) => ({ kind: "forgetInstance", uid }));
}

function endEvent(end: JobEnd): Step {
  const type = end.type === "Complete" ? "Normal" : "Warning";
  return { kind: "recordEvent", type, reason: end.reason, message: end.message };
}
