/**
 * How a job ends, which is decided once:
 *
 *   goes on ──▶ SuccessCriteriaMet or FailureTarget is stored ──▶ no instance is left ──▶ Complete or Failed is stored
 *                  (its instances are stopped, ends still count)                           (nothing counts any more)
 *
 * With no instance left at the first decision both conditions come together. What was decided is read from the status, so a
 * failure that is counted later does not spoil a success, nor the reverse.
 */
import type { WasmJob, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { IndexRanges } from "../../../../api/index-ranges.ts";
import type { FatalEnd, SlotCensus } from "./slot-census.ts";
import type { SlotLedger } from "./slot-ledger.ts";
import { deadlineMs, hasWorkQueue, limitsOf } from "./job-limits.ts";

export interface JobEnd {
  readonly type: "Complete" | "Failed";
  readonly reason: string;
  readonly message: string;
}

/** The condition that says what was decided, before it is carried out. */
export const targetCondition = { Complete: "SuccessCriteriaMet", Failed: "FailureTarget" } as const;

export function decidedEnd(status: WasmJobStatus | undefined): JobEnd | undefined {
  for (const type of ["Complete", "Failed"] as const) {
    const target = status?.conditions?.find((one) => one.type === targetCondition[type]);
    if (target?.status === "True") return { type, reason: target.reason, message: target.message };
  }
  return undefined;
}

/** Where several hold, failures come first, as in Kubernetes; but a job of which all indexes have succeeded is complete. */
export function decideEnd(
  job: WasmJob,
  ledger: SlotLedger,
  census: SlotCensus,
  nowMs: number,
): JobEnd | undefined {
  return (
    completionsReached(job, ledger, census) ??
    failurePolicyApplies(census.fatal) ??
    limitExceeded(job, ledger, census) ??
    deadlineExceeded(job, nowMs) ??
    indexesFailed(job, ledger) ??
    successPolicyApplies(job, ledger)
  );
}

function completionsReached({ spec }: WasmJob, ledger: SlotLedger, census: SlotCensus): JobEnd | undefined {
  if (hasWorkQueue(spec)) {
    const isWorking = census.live.size + census.extra.length + census.terminating > 0;
    if (isWorking || ledger.completed().size === 0) return undefined;
    return complete("CompletionsReached", "an instance has succeeded, and none works any more");
  }
  const { slots } = limitsOf(spec);
  if (ledger.completed().countBelow(slots) < slots) return undefined;
  return complete(
    "CompletionsReached",
    slots === 1 ? "its only index succeeded" : `all ${slots} indexes succeeded`,
  );
}

function failurePolicyApplies(fatal: FatalEnd | undefined): JobEnd | undefined {
  if (fatal === undefined) return undefined;
  const { instance, slot, end, rule } = fatal;
  const how = end.exitCode === undefined ? `reason ${end.reason}` : `exit code ${end.exitCode}`;
  const what = `instance ${instance} of index ${slot.index} failed with ${how}`;
  return failed("FailurePolicy", `${what}, for which failurePolicy.rules[${rule}] fails the job`);
}

function limitExceeded({ spec }: WasmJob, ledger: SlotLedger, census: SlotCensus): JobEnd | undefined {
  const { backoff } = limitsOf(spec);
  const failures = ledger.failed + census.restarts;
  if (failures <= backoff) return undefined;
  return failed("BackoffLimitExceeded", `${failures} failures are more than backoffLimit ${backoff}`);
}

function deadlineExceeded(job: WasmJob, nowMs: number): JobEnd | undefined {
  const dueMs = deadlineMs(job, job.status);
  if (dueMs === undefined || dueMs > nowMs) return undefined;
  const seconds = job.spec.activeDeadlineSeconds;
  return failed("DeadlineExceeded", `the job was active for longer than activeDeadlineSeconds ${seconds}`);
}

function indexesFailed({ spec }: WasmJob, ledger: SlotLedger): JobEnd | undefined {
  const { slots, failedIndexes } = limitsOf(spec);
  const givenUp = ledger.givenUp();
  const count = givenUp.countBelow(slots);
  if (count === 0) return undefined;
  if (count > failedIndexes)
    return failed(
      "MaxFailedIndexesExceeded",
      `${count} indexes have failed, more than maxFailedIndexes ${failedIndexes}`,
    );
  if (count + ledger.completed().countBelow(slots) < slots) return undefined;
  return failed("FailedIndexes", `${count} of ${slots} indexes have failed: ${shortened(givenUp)}`);
}

function successPolicyApplies({ spec }: WasmJob, ledger: SlotLedger): JobEnd | undefined {
  if (spec.successPolicy === undefined) return undefined;
  const completed = ledger.completed();
  const { slots } = limitsOf(spec);
  const met = spec.successPolicy.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return completed.countBelow(slots) >= (succeededCount ?? Infinity);
    const wanted = IndexRanges.parse(succeededIndexes);
    return completed.countCommon(wanted) >= (succeededCount ?? wanted.size);
  });
  if (met < 0) return undefined;
  return complete("SuccessPolicy", `successPolicy.rules[${met}] is fulfilled`);
}

const shownCharsMax = 200;

function shortened(ranges: IndexRanges): string {
  const text = ranges.toString();
  return text.length <= shownCharsMax ? text : `${text.slice(0, shownCharsMax)}…`;
}

function complete(reason: string, message: string): JobEnd {
  return { type: "Complete", reason, message };
}

function failed(reason: string, message: string): JobEnd {
  return { type: "Failed", reason, message };
}
