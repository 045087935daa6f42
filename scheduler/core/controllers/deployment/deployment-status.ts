import type { WasmDeploymentStatus } from "../../../../api/gen/kinds.gen.ts";
import { conditionAfter, replicaFailure, sameOr, type ConditionVerdict } from "../conditions.ts";
import { ownerLabel } from "../../labels.ts";
import { availability, progress, readiness, rolledBack } from "./conditions.ts";
import type { DeploymentFacts } from "./deployment-facts.ts";
import { selectorText } from "../selector-text.ts";

export function deploymentStatus(facts: DeploymentFacts, nowMs: number): WasmDeploymentStatus {
  const { deployment, replicas, updated, ready, available, rollout, revision, refusal } = facts;
  const { spec, metadata, status: previous } = deployment;
  const { generation } = metadata;
  const selector = spec.selector ?? {
    matchLabels: { [ownerLabel.WasmDeployment]: deployment.metadata.name },
  };
  const stable = stableTemplate(facts);
  const verdicts: readonly ConditionVerdict[] = [
    availability(facts),
    progress(facts),
    ...(refusal === undefined ? [] : [replicaFailure(refusal)]),
    ...rolledBack(facts),
    ...readiness(facts),
  ];
  return sameOr(previous, {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    replicas,
    updatedReplicas: updated,
    readyReplicas: ready,
    availableReplicas: available,
    unavailableReplicas: Math.max(0, Math.max(spec.replicas, replicas) - available),
    ready: `${ready}/${spec.replicas}`,
    ...(revision === undefined ? {} : { revision }),
    ...(rollout === undefined ? {} : { rollout }),
    ...(stable === undefined ? {} : { stableTemplateHash: stable }),
    selector: selectorText(selector),
    conditions: verdicts.map((verdict) => conditionAfter(previous?.conditions, verdict, generation, nowMs)),
  });
}

/** What was complete without a single instance has shown nothing. */
function stableTemplate({ deployment, rollout }: DeploymentFacts): string | undefined {
  const isProven = rollout?.phase === "Complete" && deployment.spec.replicas > 0;
  return isProven ? rollout.templateHash : deployment.status?.stableTemplateHash;
}
