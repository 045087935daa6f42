import type { WasmJob, WasmJobSpec, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { conditionAfter, type ConditionVerdict, isTrue, replicaFailure, sameOr } from "../conditions.ts";
import { toTimestamp } from "../../../../kit/timestamps.ts";
import { type JobEnd, targetCondition } from "./job-end.ts";
import { hasWorkQueue, limitsOf } from "./job-limits.ts";
import type { SlotCensus } from "./slot-census.ts";
import type { SlotLedger } from "./slot-ledger.ts";

export interface JobStatusInput {
  readonly job: WasmJob;
  readonly ledger: SlotLedger;
  readonly census: SlotCensus;
  /** Set when it is decided how the job ends. */
  readonly end: JobEnd | undefined;
  /** Whether it has ended so: no instance is left. */
  readonly isOver: boolean;
  /** Why no instance can be made now. */
  readonly refusal: string | undefined;
  readonly nowMs: number;
}

export function jobStatus(input: JobStatusInput): WasmJobStatus {
  const { job, ledger, census, end, isOver, nowMs } = input;
  const { spec, status: previous, metadata } = job;
  const completed = ledger.completed();
  const succeeded = completed.countBelow(limitsOf(spec).slots);
  const startTime = spec.suspend && !end ? undefined : (previous?.startTime ?? toTimestamp(nowMs));
  return sameOr(previous, {
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    phase: phaseOf(input, succeeded),
    completions: completionsText(spec, succeeded),
    ...(startTime === undefined ? {} : { startTime }),
    ...(isOver && end?.type === "Complete" ? { completionTime: toTimestamp(nowMs) } : {}),
    active: census.live.size + census.extra.length,
    ready: census.ready,
    terminating: census.terminating,
    succeeded,
    failed: ledger.failed,
    completedIndexes: completed.toString(),
    ...(spec.backoffLimitPerIndex === undefined ? {} : { failedIndexes: ledger.givenUp().toString() }),
    failedAttempts: ledger.failedAttempts(),
    conditions: verdicts(input, succeeded).map((verdict) =>
      conditionAfter(previous?.conditions, verdict, metadata.generation, nowMs),
    ),
  });
}

function phaseOf({ job: { spec }, census, ledger, end, isOver }: JobStatusInput, succeeded: number): string {
  if (end !== undefined) return isOver ? end.type : targetCondition[end.type];
  if (spec.suspend) return "Suspended";
  return hasBegun(census, succeeded, ledger.failed) ? "Running" : "Pending";
}

/** As kubectl writes it of a Job. */
function completionsText(spec: WasmJobSpec, succeeded: number): string {
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  return spec.parallelism > 1 ? `${succeeded}/1 of ${spec.parallelism}` : `${succeeded}/1`;
}

function verdicts(input: JobStatusInput, succeeded: number): readonly ConditionVerdict[] {
  const { job, census, end, isOver, refusal } = input;
  const suspension = suspensionOf(job, end);
  if (end !== undefined) {
    const { type, reason, message } = end;
    const all = [...suspension, { type: targetCondition[type], status: "True", reason, message } as const];
    if (!isOver) return all;
    const last = { type, status: "True", reason, message } as const;
    // What tools know of kinds that they have never heard of: https://github.com/kubernetes-sigs/cli-utils, pkg/kstatus
    return type === "Complete" ? [...all, last] : [...all, last, { ...last, type: "Stalled" }];
  }
  const { slots } = limitsOf(job.spec);
  const wanted = hasWorkQueue(job.spec) && succeeded > 0 ? 0 : slots - succeeded;
  const isShort = census.live.size < Math.min(job.spec.parallelism, wanted) && !job.spec.suspend;
  return refusal !== undefined && isShort ? [...suspension, replicaFailure(refusal)] : suspension;
}

/** There from the first suspension on. A job that is ending stays as it was. */
function suspensionOf({ spec, status }: WasmJob, end: JobEnd | undefined): readonly ConditionVerdict[] {
  const known = status?.conditions?.find(({ type }) => type === "Suspended");
  if (end !== undefined) {
    if (known === undefined) return [];
    return [{ type: "Suspended", status: known.status, reason: known.reason, message: known.message }];
  }
  if (spec.suspend)
    return [{ type: "Suspended", status: "True", reason: "JobSuspended", message: "spec.suspend is true" }];
  if (known === undefined) return [];
  return [{ type: "Suspended", status: "False", reason: "JobResumed", message: "the job goes on" }];
}

export function isSuspended(status: WasmJobStatus | undefined): boolean {
  return isTrue(status?.conditions, "Suspended");
}

function hasBegun(census: SlotCensus, succeeded: number, failed: number): boolean {
  if (succeeded > 0 || failed > 0) return true;
  for (const { state } of census.live.values()) if (state.kind === "bound") return true;
  return false;
}
