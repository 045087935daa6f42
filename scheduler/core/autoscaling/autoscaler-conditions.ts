/** AbleToScale, ScalingActive and ScalingLimited, with the reasons of Kubernetes' HPA where it has one. */
import { assertNever } from "../../../kit/errors.ts";
import type { ConditionVerdict } from "../controllers/conditions.ts";
import type { Caution } from "./caution.ts";
import type { Choice } from "./choice.ts";
import { isMissing, largestProposal, type Evidence } from "./evidence.ts";
import { shortMetricName } from "./metric-names.ts";
import type { MetricVerdict } from "./metric-verdict.ts";
import type { TargetProblem } from "./target.ts";

export function ableToScale(choice: Choice, current: number, { obstacle = "" }: Caution): ConditionVerdict {
  const verdict = (reason: string, message: string): ConditionVerdict => ({
    type: "AbleToScale",
    status: "True",
    reason,
    message,
  });
  if (choice.replicas !== current)
    return verdict("SucceededRescale", `the target was scaled from ${current} to ${choice.replicas}`);
  const { wanted, stabilized } = choice;
  switch (choice.stabilizedBy) {
    case "nothing":
      return wanted === current
        ? verdict("ReadyForNewScale", "there are as many as are wanted")
        : verdict("ReadyForNewScale", `${areWanted(wanted)}, as far as the limits allow it`);
    case "upWindow":
      return verdict(
        "ScaleUpStabilized",
        `${areWanted(wanted)}, and fewer were within the window: the lowest of it counts, ${stabilized}`,
      );
    case "downWindow":
      return verdict(
        "ScaleDownStabilized",
        `${areWanted(wanted)}, and more were within the window: the highest of it counts, ${stabilized}`,
      );
    case "caution":
      return verdict("ScaleDownHeld", `${areWanted(wanted)}, and nothing is taken away because ${obstacle}`);
    default:
      return assertNever(choice.stabilizedBy, "stabilization");
  }
}

export function unableToScale(problem: TargetProblem): ConditionVerdict {
  const type = "AbleToScale";
  if (problem.kind === "taken")
    return {
      type,
      status: "False",
      reason: "AmbiguousTarget",
      message: `${problem.by} scales this target already: delete one of the two, or let it scale something else`,
    };
  return {
    type,
    status: "False",
    reason: "FailedGetScale",
    message: `the target's scale could not be read: ${problem.message}`,
  };
}

export const scalingDisabled: ConditionVerdict = {
  type: "ScalingActive",
  status: "False",
  reason: "ScalingDisabled",
  message:
    "scaling is disabled because the target has 0 replicas and minReplicas is more: set its replicas to enable it",
};

export function scalingActive(evidence: Evidence, current: number): ConditionVerdict {
  const type = "ScalingActive";
  const missing = evidence.verdicts.filter((verdict) => isMissing(verdict, current));
  if (missing.length > 0) return inactive(missing, evidence);
  const partial = evidence.verdicts.filter(({ knowledge }) => knowledge.kind === "partial");
  const largest = largestProposal(evidence);
  const from = largest === undefined ? "" : ` from ${shortMetricName(largest.metric)}`;
  if (partial.length > 0)
    return {
      type,
      status: "True",
      reason: "PartialMetrics",
      message: `${partial.map(describe).join("; ")}. It may add instances, and takes none away`,
    };
  return { type, status: "True", reason: "ValidMetricFound", message: `a number was computed${from}` };
}

function inactive(missing: readonly MetricVerdict[], { standIn }: Evidence): ConditionVerdict {
  const standing = standIn === undefined ? "" : `, and ${shortMetricName(standIn.metric)} stands in for it`;
  const [first] = missing;
  const isPending = missing.every(
    ({ knowledge }) => knowledge.kind === "unknown" && knowledge.reason === "Pending",
  );
  return {
    type: "ScalingActive",
    status: isPending ? "Unknown" : "False",
    reason: first === undefined ? "FailedGetMetric" : unknownReason(first),
    message: `${missing.map(describe).join("; ")}. Until it is known nothing is taken away${standing}`,
  };
}

/** As the HPA's for what instances use; of the rest, why it is not known. */
export function unknownReason({ metric, knowledge }: MetricVerdict): string {
  if (metric.type === "Resource" || knowledge.kind !== "unknown") return `FailedGet${metric.type}Metric`;
  return knowledge.reason;
}

export function describe({ metric, knowledge }: MetricVerdict): string {
  const name = shortMetricName(metric);
  switch (knowledge.kind) {
    case "known":
      return `${name} is known`;
    case "partial":
      return `${name} is known in part only: ${knowledge.message}`;
    case "unknown":
      return `${name} is not known (${knowledge.reason}): ${knowledge.message}`;
    default:
      return assertNever(knowledge, "knowledge");
  }
}

export function scalingLimited({ limitedBy, stabilized, replicas }: Choice): ConditionVerdict {
  const verdict = (reason: string, message: string): ConditionVerdict => ({
    type: "ScalingLimited",
    status: "True",
    reason,
    message,
  });
  switch (limitedBy) {
    case "nothing":
      return {
        ...verdict("DesiredWithinRange", "what is wanted is within the limits"),
        status: "False",
      };
    case "max":
      return verdict("TooManyReplicas", `${stabilized} would be more than maxReplicas, ${replicas}`);
    case "min":
      return verdict("TooFewReplicas", `${stabilized} would be fewer than minReplicas, ${replicas}`);
    case "upPolicies":
      return verdict("ScaleUpLimit", `${stabilized} would be more than its policies allow at a time`);
    case "downPolicies":
      return verdict("ScaleDownLimit", `${stabilized} would be fewer than its policies allow at a time`);
    default:
      return assertNever(limitedBy, "limit");
  }
}

function areWanted(count: number): string {
  return count === 1 ? "1 is wanted" : `${count} are wanted`;
}
