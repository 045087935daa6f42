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
 * Invariants: each index succeeds once; `succeeded` and `failed` never decrease; instances that are not over never
 * exceed `parallelism` by what is created here; Complete and Failed are final.
 * Linear in instances, completed ranges, and indexes that have failed.
 */
import type { WasmJob, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { backoffMs } from "../../../../kit/backoff.ts";
import type { Instance, Slot } from "../../model.ts";
import { isTrue } from "../conditions.ts";
import { reconcileOrphans } from "../orphans.ts";
import { inRemovalOrder } from "../removal-order.ts";
import { failedCreate, type ReconcileResult, type Step } from "../step.ts";
import { earliest, fromTimestamp } from "../../../../kit/timestamps.ts";
import { finishedJob, type JobEnd } from "./finished-job.ts";
import { jobStatus } from "./job-status.ts";
import { takeSlotCensus, type SlotCensus } from "./slot-census.ts";
import { SlotLedger } from "./slot-ledger.ts";

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

/** Kubernetes waits from 10 s on; an instance here starts in milliseconds. */
const retryBackoff = { initialMs: 1_000, factor: 2, maxMs: 360_000 };

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

  const ledger = new SlotLedger(job.status);
  const census = takeSlotCensus(input.instances, job.spec.completions, ledger);
  const end = jobEnd(job, ledger, census, nowMs);
  const forget = census.ended.map(({ uid }): Step => ({ kind: "forgetInstance", uid }));
  const status = jobStatus({ job, ledger, census, end, refusal: input.refusal, nowMs });
  if (end !== undefined) {
    const stops = [...census.live.values(), ...census.extra].map(({ uid }) => stop(uid, "the job is over"));
    return {
      status,
      steps: [...stops, endEvent(end), ...forget],
      // The end as it is stored comes back, and with it the time to delete the job. Until then there is nothing to wait for.
      wakeAtMs: undefined,
      memory: emptyJobMemory,
    };
  }
  const waits = retryTimes(input, ledger, census);
  const plan = planSlots(input, ledger, census, waits);
  const extra = census.extra.map(({ uid }) => stop(uid, "its slot is taken by another instance, or done"));
  return {
    status,
    steps: [...extra, ...plan.steps, ...forget],
    wakeAtMs: earliest(plan.wakeAtMs, deadlineMs(job, status)),
    memory: { retryAtMs: waits },
  };
}

function jobEnd(job: WasmJob, ledger: SlotLedger, census: SlotCensus, nowMs: number): JobEnd | undefined {
  const { completions, backoffLimit, activeDeadlineSeconds } = job.spec;
  if (ledger.completed().countBelow(completions) >= completions)
    return {
      type: "Complete",
      reason: "CompletionsReached",
      message: `all ${completions} indexes succeeded`,
    };
  const failures = ledger.failed + census.restarts;
  if (failures > backoffLimit)
    return {
      type: "Failed",
      reason: "BackoffLimitExceeded",
      message: `${failures} failures are more than backoffLimit ${backoffLimit}`,
    };
  const dueMs = deadlineMs(job, job.status);
  if (dueMs !== undefined && dueMs <= nowMs)
    return {
      type: "Failed",
      reason: "DeadlineExceeded",
      message: `the job was active for longer than activeDeadlineSeconds ${activeDeadlineSeconds}`,
    };
  return undefined;
}

function deadlineMs({ spec }: WasmJob, status: WasmJobStatus | undefined): number | undefined {
  const startMs = fromTimestamp(status?.startTime);
  if (startMs === undefined || spec.activeDeadlineSeconds === undefined) return undefined;
  return startMs + spec.activeDeadlineSeconds * 1000;
}

/** Before when each index that was tried is not tried again. */
function retryTimes(
  { nowMs, memory }: JobInput,
  ledger: SlotLedger,
  census: SlotCensus,
): Map<number, number> {
  const times = new Map<number, number>();
  for (const { index, failures } of ledger.failedAttempts()) {
    const lastEnd = census.counted.get(index);
    const delayMs = (failed: number) => backoffMs(failed - 1, retryBackoff);
    if (lastEnd === undefined)
      times.set(index, memory.retryAtMs.get(index) ?? (failures === 0 ? nowMs : nowMs + delayMs(failures)));
    else times.set(index, lastEnd.finishedMs + delayMs(lastEnd.isDisruption ? 1 : failures));
  }
  return times;
}

interface SlotPlan {
  readonly steps: readonly Step[];
  readonly wakeAtMs: number | undefined;
}

function planSlots(
  { job, refusal, nowMs }: JobInput,
  ledger: SlotLedger,
  census: SlotCensus,
  waits: ReadonlyMap<number, number>,
): SlotPlan {
  const { completions, parallelism } = job.spec;
  const excess = census.live.size - parallelism;
  if (excess > 0) {
    const leaving = inRemovalOrder([...census.live.values()]).slice(0, excess);
    const why = `parallelism is ${parallelism}`;
    return { steps: leaving.map(({ uid }) => stop(uid, why)), wakeAtMs: undefined };
  }
  const steps: Step[] = [];
  let wakeAtMs: number | undefined;
  let free = parallelism - census.live.size - census.stopping.size;
  if (free <= 0) return { steps, wakeAtMs };
  for (const index of ledger.completed().missingBelow(completions)) {
    if (census.isOccupied(index)) continue;
    const waitsUntilMs = waits.get(index) ?? nowMs;
    if (waitsUntilMs > nowMs) {
      wakeAtMs = earliest(wakeAtMs, waitsUntilMs);
      continue;
    }
    if (refusal !== undefined) return { steps: [failedCreate(refusal)], wakeAtMs };
    const slot: Slot = { index, attempt: ledger.account(index).attempts };
    steps.push({ kind: "createForSlot", slot });
    if (--free === 0) break;
  }
  return { steps, wakeAtMs };
}

function endEvent(end: JobEnd): Step {
  const type = end.type === "Complete" ? "Normal" : "Warning";
  return { kind: "recordEvent", type, reason: end.reason, message: end.message };
}

function stop(uid: string, why: string): Step {
  return { kind: "stopInstance", uid, why };
}
