import { isDeepStrictEqual } from "node:util";
import type { WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";

/**
 * What two statuses differ in. `what`: what it does, or why it does not, which is written at once. `figures`: values of metrics, how many
 * there are, words, and why all is well. `times`: only when the data is from.
 */
export type StatusDifference = "nothing" | "times" | "figures" | "what";

const intervalsMs: Readonly<Record<Exclude<StatusDifference, "nothing">, number>> = {
  what: 0,
  figures: 5_000,
  times: 60_000,
};

/** Of many autoscalers whose figures change all the time, together at most fifty a second are written. */
const shareMs = 20;

export function statusDifference(
  before: WasmAutoscalerStatus | undefined,
  after: WasmAutoscalerStatus,
): StatusDifference {
  if (before === undefined || !isDeepStrictEqual(gistOf(before), gistOf(after))) return "what";
  if (!isDeepStrictEqual(withoutTimes(before), withoutTimes(after))) return "figures";
  return isDeepStrictEqual(before.currentMetrics, after.currentMetrics) ? "nothing" : "times";
}

/** How long after the last write of a status the next may come. */
export function statusIntervalMs(
  difference: Exclude<StatusDifference, "nothing">,
  autoscalers: number,
): number {
  return difference === "what" ? 0 : Math.max(intervalsMs[difference], autoscalers * shareMs);
}

function gistOf({
  observedGeneration,
  reference,
  desiredReplicas,
  lastScaleTime,
  conditions,
}: WasmAutoscalerStatus) {
  return {
    observedGeneration,
    reference,
    desiredReplicas,
    lastScaleTime,
    // Of what is as it should be the reasons come and go with each figure.
    conditions: conditions?.map(({ type, status, reason }) => [
      type,
      status,
      status === "True" ? "" : reason,
    ]),
  };
}

function withoutTimes({ currentMetrics, ...rest }: WasmAutoscalerStatus) {
  return {
    ...rest,
    currentMetrics: currentMetrics?.map((metric) => ({ ...metric, sampleTime: undefined })),
  };
}
