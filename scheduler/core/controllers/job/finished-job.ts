import type { WasmJob, WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import type { Instance } from "../../model.ts";
import { isTrue, sameOr } from "../conditions.ts";
import { isLive } from "../removal-order.ts";
import type { ReconcileResult, Step } from "../step.ts";
import { fromTimestamp } from "../../../../kit/timestamps.ts";

/** A job that is over: stops what is left, changes no count, and deletes itself when its time has come. */
export function finishedJob(
  job: WasmJob,
  instances: Iterable<Instance>,
  nowMs: number,
): ReconcileResult<WasmJobStatus> {
  const steps: Step[] = [];
  let active = 0;
  let terminating = 0;
  for (const instance of instances) {
    if (instance.state.kind === "ended") steps.push({ kind: "forgetInstance", uid: instance.uid });
    if (instance.state.kind === "stopping") terminating++;
    if (!isLive(instance)) continue;
    active++;
    steps.push({ kind: "stopInstance", uid: instance.uid, why: "the job is over" });
  }
  const { generation } = job.metadata;
  const status = sameOr(job.status, {
    ...job.status,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    active,
    ready: 0,
    terminating,
  });
  const deleteAtMs = deletionTimeMs(job);
  if (deleteAtMs === undefined || deleteAtMs > nowMs) return { status, steps, wakeAtMs: deleteAtMs };
  return { status, steps: [...steps, { kind: "deleteOwner" }], wakeAtMs: undefined };
}

function deletionTimeMs({ spec, status }: WasmJob): number | undefined {
  if (spec.ttlSecondsAfterFinished === undefined) return undefined;
  const type = isTrue(status?.conditions, "Complete") ? "Complete" : "Failed";
  const finished = status?.conditions?.find((condition) => condition.type === type);
  const finishedMs = fromTimestamp(finished?.lastTransitionTime);
  return finishedMs === undefined ? undefined : finishedMs + spec.ttlSecondsAfterFinished * 1000;
}
