/** What a budget says of itself, in the words of policy/v1. */
import type { WasmDisruptionBudget, WasmDisruptionBudgetStatus } from "../../../api/gen/kinds.gen.ts";
import { conditionAfter, type ConditionVerdict } from "../controllers/conditions.ts";
import type { Standing } from "./budget-book.ts";

export function budgetStatus(
  { metadata, status }: WasmDisruptionBudget,
  standing: Standing,
  nowMs: number,
): WasmDisruptionBudgetStatus {
  const { generation } = metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const verdict = { type: "DisruptionAllowed", ...assess(standing) };
  const conditions = [conditionAfter(status?.conditions, verdict, generation, nowMs)];
  // The numbers of before stay until the new ones are known.
  if (!standing.isKnown) return { ...status, disruptionsAllowed: 0, conditions };
  const { allowed, healthy, desired, expected } = standing;
  return {
    ...observed,
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedInstances: expected,
    conditions,
  };
}

/** Why an instance may not be stopped, with the numbers: for whoever wanted it stopped. */
export function refusalText({ budget, healthy, desired, isKnown }: Standing): string {
  const name = `disruption budget ${budget.namespace}/${budget.name} (${budget.rule.text})`;
  if (!isKnown) return `${name} allows nothing until all nodes have reported what they run`;
  return `${name} needs ${desired} healthy ${desired === 1 ? "instance" : "instances"}, and there ${healthy === 1 ? "is" : "are"} ${healthy} now`;
}

function assess(standing: Standing): Omit<ConditionVerdict, "type"> {
  const { allowed, desired, expected, wanted, healthy, isKnown, budget } = standing;
  const most = Math.max(expected, wanted);
  if (!isKnown)
    return {
      status: "False",
      reason: "NodesUnreported",
      message: "The scheduler has started, and not all nodes have reported what they run.",
    };
  if (expected === 0)
    return {
      status: "False",
      reason: "NoInstances",
      message: "Its selector selects no instance of a workload that wants any.",
    };
  if (desired >= most)
    return {
      status: "False",
      reason: "NeverAllowed",
      message: `${budget.rule.text} of ${most} instances lets none be missing, ever: drains of their nodes are blocked, except for deployments that may surge. Allow at least one to be missing, or run more than ${desired}.`,
    };
  if (allowed > 0)
    return {
      status: "True",
      reason: "SufficientInstances",
      message: `${healthy} of ${expected} expected instances are healthy, ${desired} must stay so.`,
    };
  return {
    status: "False",
    reason: "InsufficientInstances",
    message: `${healthy} of ${expected} expected instances are healthy, ${desired} must stay so: none may be stopped until more are.`,
  };
}
