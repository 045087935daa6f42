import type { WasmJob, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { conditionAfter, sameOr } from "../conditions.ts";
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
  readonly nowMs: number;
}

export function jobStatus({ job, ledger, census, end, nowMs }: JobStatusInput): WasmJobStatus {
  const { spec, status: previous, metadata } = job;
  const completed = ledger.completed();
  const startTime = previous?.startTime ?? toTimestamp(nowMs);
  // Nothing will end these attempts as failures any more: what failed in them is counted now.
  const failed = ledger.failed + (end === undefined ? 0 : census.restarts);
  const active = census.live.size + census.extra.length;
  const verdict = end === undefined ? undefined : { ...end, status: "True" as const };
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
    conditions:
      verdict === undefined
        ? (previous?.conditions ?? [])
        : [conditionAfter(previous?.conditions, verdict, metadata.generation, nowMs)],
  });
}

function hasBegun(census: SlotCensus, succeeded: number, failed: number): boolean {
  if (succeeded > 0 || failed > 0) return true;
  for (const { state } of census.live.values()) if (state.kind === "bound") return true;
  return false;
}
