import type { WasmDeployment, WasmDeploymentStatus } from "../../../../api/gen/kinds.gen.ts";
import type { Instance } from "../../model.ts";
import { conditionAfter, replicaFailure, sameOr, type ConditionVerdict } from "../conditions.ts";
import { rolloutLimits } from "./rollout-limits.ts";
import { ownerLabel } from "../../labels.ts";
import { selectorText } from "./selector-text.ts";

export interface DeploymentCounts {
  readonly current: readonly Instance[];
  readonly old: readonly Instance[];
  readonly available: number;
}

export function deploymentStatus(
  deployment: WasmDeployment,
  counts: DeploymentCounts,
  refusal: string | undefined,
  nowMs: number,
): WasmDeploymentStatus {
  const { spec, metadata, status: previous } = deployment;
  const { generation } = metadata;
  const replicas = counts.current.length + counts.old.length;
  const selector = spec.selector ?? {
    matchLabels: { [ownerLabel.WasmDeployment]: deployment.metadata.name },
  };
  const verdicts = [
    availability(deployment, counts.available),
    progress(deployment, replicas, counts.current.length, counts.available),
    ...(refusal !== undefined && counts.current.length < spec.replicas ? [replicaFailure(refusal)] : []),
  ];
  return sameOr(previous, {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    replicas,
    updatedReplicas: counts.current.length,
    readyReplicas: counts.available,
    availableReplicas: counts.available,
    unavailableReplicas: Math.max(0, Math.max(spec.replicas, replicas) - counts.available),
    ready: `${counts.available}/${spec.replicas}`,
    selector: selectorText(selector),
    conditions: verdicts.map((verdict) => conditionAfter(previous?.conditions, verdict, generation, nowMs)),
  });
}

function availability({ spec }: WasmDeployment, available: number): ConditionVerdict {
  const { availableMin } = rolloutLimits(spec);
  const enough = available >= availableMin;
  return {
    type: "Available",
    status: enough ? "True" : "False",
    reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: `${available} of ${spec.replicas} instances are available; at least ${availableMin} should be`,
  };
}

/** Once a template is fully rolled out, losing an instance later is a matter of availability, not of progress. */
function progress(
  { spec, status }: WasmDeployment,
  replicas: number,
  updated: number,
  available: number,
): ConditionVerdict {
  const known = status?.conditions?.find(({ type }) => type === "Progressing");
  const isDone = updated === spec.replicas && replicas === updated && available === updated;
  const wasDone = known?.reason === "NewInstancesAvailable" && replicas === updated;
  if (isDone || wasDone)
    return {
      type: "Progressing",
      status: "True",
      reason: "NewInstancesAvailable",
      message: "all instances of the current template have become available",
    };
  return {
    type: "Progressing",
    status: "True",
    reason: "InstancesUpdating",
    message: `${updated} of ${spec.replicas} instances have the current template, ${replicas - updated} an older one`,
  };
}
