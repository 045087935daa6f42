import type { LabelSelector, WasmDisruptionBudget } from "../../../api/gen/kinds.gen.ts";

/** How many instances, or which share of those that are expected. */
export type Amount =
  | { readonly kind: "count"; readonly count: number }
  | { readonly kind: "share"; readonly percent: number };

/** What must stay, or what may be missing. */
export interface BudgetRule {
  readonly kind: "minAvailable" | "maxUnavailable";
  readonly amount: Amount;
  /** As it is declared. */
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

function ruleOf(kind: BudgetRule["kind"], value: number | string): BudgetRule {
  const text = String(value);
  const amount: Amount = text.endsWith("%")
    ? { kind: "share", percent: Number.parseInt(text, 10) }
    : { kind: "count", count: Number(text) };
  return { kind, amount, text: `${kind} ${text}` };
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
    return { expected: wanted, desired: Math.max(0, wanted - resolve(amount, wanted)) };
  if (amount.kind === "count") return { expected: selected, desired: amount.count };
  return { expected: wanted, desired: resolve(amount, wanted) };
}

function resolve(amount: Amount, of: number): number {
  return amount.kind === "count" ? amount.count : Math.ceil((amount.percent * of) / 100);
}
