import type { LabelSelector, WasmDisruptionBudget } from "../../../api/gen/kinds.gen.ts";
import { amountOf, isShare } from "../number-or-share.ts";

/** What must stay, or what may be missing. */
export interface BudgetRule {
  readonly kind: "minAvailable" | "maxUnavailable";
  /** A number of instances, or a share of those that are expected. */
  readonly amount: number | string;
  /** As it is declared, for people. */
  readonly text: string;
}

export interface Budget {
  readonly namespace: string;
  readonly name: string;
  readonly selector: LabelSelector;
  readonly rule: BudgetRule;
  /** Whether what is not available may be stopped although too few others are. */
  readonly sparesOnlyHealthy: boolean;
}

/** Validation has seen to it that there is exactly one of the rules. */
export function toBudget({ metadata, spec }: WasmDisruptionBudget): Budget {
  const { minAvailable, maxUnavailable = 0 } = spec;
  const rule =
    minAvailable === undefined
      ? ruleOf("maxUnavailable", maxUnavailable)
      : ruleOf("minAvailable", minAvailable);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    selector: spec.selector,
    rule,
    sparesOnlyHealthy: spec.unhealthyInstanceEvictionPolicy === "AlwaysAllow",
  };
}

function ruleOf(kind: BudgetRule["kind"], amount: number | string): BudgetRule {
  return { kind, amount, text: `${kind} ${amount}` };
}

export interface Population {
  /** Instances that the budget selects and that are not over. */
  readonly selected: number;
  /** What the owners of those want in all. */
  readonly wanted: number;
}

export interface Requirement {
  readonly expected: number;
  /** How many of them must stay healthy. */
  readonly desired: number;
}

/** As Kubernetes counts: a number of instances that must stay needs no owners; shares are rounded up. */
export function requirementOf({ kind, amount }: BudgetRule, { selected, wanted }: Population): Requirement {
  if (kind === "maxUnavailable")
    return { expected: wanted, desired: Math.max(0, wanted - amountOf(amount, wanted)) };
  if (!isShare(amount)) return { expected: selected, desired: amountOf(amount, selected) };
  return { expected: wanted, desired: amountOf(amount, wanted) };
}
