/**
 * What the conditions of a deployment say: Available, Progressing and ReplicaFailure as a Deployment's in Kubernetes; RolledBack is
 * ours; Ready, Reconciling and Stalled are what kstatus (and with it Flux, Argo CD and `kubectl wait`) asks of any kind. The last
 * two are there only while they are true. https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus
 */
import { assertNever } from "../../../../kit/errors.ts";
import type { ConditionVerdict } from "../conditions.ts";
import type { DeploymentFacts } from "./deployment-facts.ts";
import { goalOf, pausedReason, type Rollout } from "./rollout.ts";
import { rolloutLimits } from "./rollout-limits.ts";

const deadlineReason = "ProgressDeadlineExceeded";
const rolledBackReason = "RolledBack";

export function availability({ deployment: { spec }, available }: DeploymentFacts): ConditionVerdict {
  const { availableMin } = rolloutLimits(spec);
  const enough = available >= availableMin;
  return {
    type: "Available",
    status: enough ? "True" : "False",
    reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: `${available} of ${spec.replicas} instances are available; at least ${availableMin} should be`,
  };
}

export function progress(facts: DeploymentFacts): ConditionVerdict {
  const { deployment, replicas, updated, rollout } = facts;
  const { spec } = deployment;
  const type = "Progressing";
  const isPaused = spec.paused && !hasFailed(rollout);
  if (rollout === undefined || isPaused) {
    const message = facts.isHeldBack
      ? "paused: the template has changed and waits; resume it to roll it out"
      : "paused: instances are kept as they are";
    return { type, status: "Unknown", reason: pausedReason, message };
  }
  if (hasFailed(rollout))
    return { type, status: "False", reason: deadlineReason, message: failureText(facts, rollout) };
  if (rollout.phase === "Complete")
    return {
      type,
      status: "True",
      reason: "NewInstancesAvailable",
      message: "all instances of the current template have become available",
    };
  return {
    type,
    status: "True",
    reason: "InstancesUpdating",
    message: `${updated} of ${spec.replicas} instances have the current template, ${replicas - updated} an older one`,
  };
}

/** Only where an update was, or is being, rolled back. */
export function rolledBack(facts: DeploymentFacts): readonly ConditionVerdict[] {
  const { rollout, numberOf } = facts;
  if (rollout?.rolledBackTo === undefined) return [];
  const type = "RolledBack";
  const to = revisionText(numberOf, goalOf(rollout));
  const what = `the update made no progress in time: ${to} takes over, until the template changes`;
  switch (rollout.phase) {
    case "RollingBack":
      return [{ type, status: "False", reason: "RollingBack", message: what }];
    case "RolledBack":
      return [
        {
          type,
          status: "True",
          reason: deadlineReason,
          message: `the update made no progress in time: ${to} has taken over. ${advice}`,
        },
      ];
    case "RollbackFailed":
      return [{ type, status: "False", reason: "RollbackFailed", message: rollbackFailureText(facts, to) }];
    case "Progressing":
    case "Complete":
    case "Failed":
      return [];
    default:
      return assertNever(rollout.phase, "rollout phase");
  }
}

export function readiness(facts: DeploymentFacts): readonly ConditionVerdict[] {
  const { deployment, replicas, updated, available, rollout } = facts;
  const { spec } = deployment;
  const isUpdated = updated >= spec.replicas && replicas === updated && !facts.isHeldBack;
  if (isUpdated && available >= spec.replicas && rollout !== undefined && !hasFailed(rollout))
    return [
      {
        type: "Ready",
        status: "True",
        reason: "InstancesAvailable",
        message:
          spec.replicas === 1
            ? "the only instance has the current template and is available"
            : `all ${spec.replicas} instances have the current template and are available`,
      },
    ];
  const notReady = (reason: string, message: string): ConditionVerdict => ({
    type: "Ready",
    status: "False",
    reason,
    message,
  });
  if (hasFailed(rollout)) {
    const reason = rollout.phase === "RolledBack" ? rolledBackReason : deadlineReason;
    const message = failureText(facts, rollout);
    return [notReady(reason, message), { type: "Stalled", status: "True", reason, message }];
  }
  const missing = `${updated} of ${spec.replicas} instances have the current template, ${available} of all ${replicas} are available`;
  if (spec.paused) return [notReady("Paused", `paused: ${missing}`)];
  const reason = isUpdated ? "InstancesUnavailable" : "InstancesUpdating";
  return [notReady(reason, missing), { type: "Reconciling", status: "True", reason, message: missing }];
}

const advice =
  "Change the template, or undo to a revision that works (wherry rollout undo): then it is rolled out anew.";

/** Before the first revision there is none to go back to. */
function adviceFor(revision: number | undefined): string {
  return revision === 1 ? "Change the template: then it is rolled out anew." : advice;
}

type FailedRollout = Rollout & { readonly phase: Exclude<Rollout["phase"], "Progressing" | "Complete"> };

function hasFailed(rollout: Rollout | undefined): rollout is FailedRollout {
  return rollout !== undefined && rollout.phase !== "Progressing" && rollout.phase !== "Complete";
}

function failureText(facts: DeploymentFacts, rollout: FailedRollout): string {
  const { deployment, updated, available, numberOf } = facts;
  const { spec } = deployment;
  switch (rollout.phase) {
    case "Failed":
      return (
        `${revisionText(numberOf, rollout.templateHash)} has made no progress for ${spec.progressDeadlineSeconds} s: ` +
        `${updated} of ${spec.replicas} instances have it, ${available} of all are available.${notRolledBackText(facts)} ${adviceFor(numberOf(rollout.templateHash))}`
      );
    case "RollingBack":
      return `${failedText(facts, rollout)}; ${revisionText(numberOf, goalOf(rollout))} takes over`;
    case "RolledBack":
      return `${failedText(facts, rollout)}; ${revisionText(numberOf, goalOf(rollout))} has taken over. ${advice}`;
    case "RollbackFailed":
      return `${failedText(facts, rollout)}; ${rollbackFailureText(facts, revisionText(numberOf, goalOf(rollout)))}`;
    default:
      return assertNever(rollout.phase, "rollout phase");
  }
}

function failedText({ deployment, numberOf }: DeploymentFacts, { templateHash }: Rollout): string {
  const { progressDeadlineSeconds } = deployment.spec;
  return `${revisionText(numberOf, templateHash)} made no progress for ${progressDeadlineSeconds} s`;
}

function notRolledBackText({ deployment }: DeploymentFacts): string {
  if (!deployment.spec.autoRollback) return "";
  return " There is no other template that was complete, so it is not rolled back.";
}

function rollbackFailureText({ rollout, numberOf }: DeploymentFacts, to: string): string {
  const isGone = rollout !== undefined && numberOf(goalOf(rollout)) === undefined;
  return isGone
    ? `the rollback to template ${goalOf(rollout)} failed: its revision has been deleted. ${advice}`
    : `the rollback to ${to} made no progress in time either; it goes on. ${advice}`;
}

function revisionText(numberOf: DeploymentFacts["numberOf"], templateHash: string): string {
  const number = numberOf(templateHash);
  return number === undefined ? `template ${templateHash}` : `revision ${number}`;
}
