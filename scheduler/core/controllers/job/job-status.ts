import type { WasmJob, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { conditionAfter, type ConditionVerdict, replicaFailure, sameOr } from "../conditions.ts";
import { toTimestamp } from "../../../../kit/timestamps.ts";
import type { JobEnd } from "./finished-job.ts";
import type { SlotCensus } from "./slot-census.ts";
import type { SlotLedger } from "./slot-ledger.ts";

export interface JobStatusInput {
  readonly job: WasmJob;
  readonly ledger: SlotLedger;
  readonly census: SlotCensus;
  /** Set when the job is over with this status. */
  readonly end: JobEnd | undefined;
  /** Why no instance can be made now. */
  readonly refusal: string | undefined;
  readonly nowMs: number;
}

export function jobStatus(input: JobStatusInput): WasmJobStatus {
  const { job, ledger, census, end, nowMs } = input;
  const { spec, status: previous, metadata } = job;
  const completed = ledger.completed();
  const startTime = previous?.startTime ?? toTimestamp(nowMs);
  // Nothing will end these attempts as failures any more: what failed in them is counted now.
  const failed = ledger.failed + (end === undefined ? 0 : census.restarts);
  const active = census.live.size + census.extra.length;
  return sameOr(previous, {
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    phase: end?.type ?? (hasBegun(census, completed.size, failed) ? "Running" : "Pending"),
    completions: `${completed.size}/${spec.completions}`,
    startTime,
    ...(end?.type === "Complete" ? { completionTime: toTimestamp(nowMs) } : {}),
    active,
    succeeded: completed.size,
    failed,
    completedIndexes: completed.toString(),
    failedAttempts: ledger.failedAttempts(),
    conditions: verdicts(input, completed.size).map((verdict) =>
      conditionAfter(previous?.conditions, verdict, metadata.generation, nowMs),
    ),
  });
}

function verdicts(
  { job: { spec }, census, end, refusal }: JobStatusInput,
  completed: number,
): readonly ConditionVerdict[] {
  if (end !== undefined) return [{ ...end, status: "True" }];
  const wanted = Math.min(spec.parallelism, spec.completions - completed);
  return refusal !== undefined && census.live.size < wanted ? [replicaFailure(refusal)] : [];
}

function hasBegun(census: SlotCensus, succeeded: number, failed: number): boolean {
  if (succeeded > 0 || failed > 0) return true;
  for (const { state } of census.live.values()) if (state.kind === "bound") return true;
  return false;
}
