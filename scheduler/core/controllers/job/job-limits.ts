import type { WasmJob, WasmJobSpec, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { fromTimestamp } from "../../../../kit/timestamps.ts";

/** No job has an index that is not below this, as its schema says. */
export const slotsMax = 100_000;
const backoffLimitDefault = 6;

/** What a spec leaves open, resolved. Infinity: no limit. */
export interface JobLimits {
  /** Indexes are below it. */
  readonly slots: number;
  readonly backoff: number;
  readonly backoffPerIndex: number;
  readonly failedIndexes: number;
}

/** Also for objects that were stored without the defaults of our own API server. */
export function limitsOf(spec: WasmJobSpec): JobLimits {
  const perIndex = spec.backoffLimitPerIndex;
  return {
    slots: spec.completions ?? slotsMax,
    backoff: spec.backoffLimit ?? (perIndex === undefined ? backoffLimitDefault : Infinity),
    backoffPerIndex: perIndex ?? Infinity,
    failedIndexes: spec.maxFailedIndexes ?? Infinity,
  };
}

/** Whether its instances share a queue: then none is made any more once one has succeeded. */
export function hasWorkQueue({ completions }: WasmJobSpec): boolean {
  return completions === undefined;
}

/** When a job that goes on is given up; undefined also while it is suspended. */
export function deadlineMs({ spec }: WasmJob, status: WasmJobStatus | undefined): number | undefined {
  const startMs = fromTimestamp(status?.startTime);
  if (startMs === undefined || spec.activeDeadlineSeconds === undefined || spec.suspend) return undefined;
  return startMs + spec.activeDeadlineSeconds * 1000;
}
