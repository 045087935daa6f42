/** What single metrics propose, for tables of tests. */
import type { AutoscalerMetric, WasmAutoscalerSpec } from "../../../../api/gen/kinds.gen.ts";
import type { Reading } from "../reading.ts";
import type { TargetInstance } from "../target.ts";
import { AutoscalerLife, instance, instances, startMs } from "./autoscalers.ts";

/** `count` ready ones, with `others` put over the last of them. */
export function some(
  count: number,
  ...others: readonly Partial<TargetInstance>[]
): readonly TargetInstance[] {
  const from = count - others.length;
  return instances(count).map((one, at) => (at < from ? one : instance(one.uid, others[at - from])));
}

export const pending: Partial<TargetInstance> = {
  phase: "pending",
  isReady: false,
  startedMs: undefined,
  isHeardOf: false,
};
export const starting: Partial<TargetInstance> = { phase: "starting", isReady: false, startedMs: undefined };
export const notReadyYet: Partial<TargetInstance> = { isReady: false, startedMs: startMs - 60_000 };
export const notReadyForLong: Partial<TargetInstance> = { isReady: false };
export const young: Partial<TargetInstance> = { startedMs: startMs - 10_000 };
export const stopping: Partial<TargetInstance> = { phase: "stopping" };

export interface ProposalRow {
  readonly name: string;
  readonly metric: AutoscalerMetric;
  readonly current: number;
  readonly reading: Reading;
  /** As many as `current`, if not said. */
  readonly instances?: readonly TargetInstance[];
  readonly behavior?: WasmAutoscalerSpec["behavior"];
  /** A number of instances, or why there is none. */
  readonly expected: number | RegExp;
}

/** The number, or why there is none. */
export function proposed({
  metric,
  current,
  reading,
  instances,
  behavior,
}: ProposalRow): number | string | undefined {
  const life = new AutoscalerLife(
    { metrics: [metric], maxReplicas: 1_000_000, ...(behavior === undefined ? {} : { behavior }) },
    current,
  );
  life.instances = instances;
  life.look(0, reading);
  const [status] = life.status?.currentMetrics ?? [];
  return status?.proposedReplicas ?? status?.message;
}
