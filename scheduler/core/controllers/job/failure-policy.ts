import type { WasmJobSpec } from "../../../../api/gen/kinds.gen.ts";
import { stoppedReason } from "../../../../api/termination-reasons.ts";
import { assertNever } from "../../../../kit/errors.ts";
import { disruptionReasons, type ObservedStatus } from "../../model.ts";

export type FailurePolicy = NonNullable<WasmJobSpec["failurePolicy"]>;
type Rule = FailurePolicy["rules"][number];

/**
 * What the end of an attempt that did not succeed means. Of those that count nothing, a disruption is tried again soon, what a
 * rule ignores later each time.
 */
export type FailureVerdict =
  | { readonly kind: "counted" }
  | { readonly kind: "disrupted" }
  | { readonly kind: "ignored" }
  | { readonly kind: "indexFailed" }
  /** `rule`: its place in the policy. */
  | { readonly kind: "jobFailed"; readonly rule: number };

/** The first rule that matches decides. What the scheduler itself stopped is for no rule to judge. */
export function judgeFailure(policy: FailurePolicy | undefined, end: ObservedStatus): FailureVerdict {
  const otherwise: FailureVerdict = { kind: disruptionReasons.has(end.reason) ? "disrupted" : "counted" };
  if (end.reason === stoppedReason) return otherwise;
  for (const [at, rule] of (policy?.rules ?? []).entries())
    if (matches(rule, end)) return verdictOf(rule, at);
  return otherwise;
}

function verdictOf({ action }: Rule, at: number): FailureVerdict {
  switch (action) {
    case "FailJob":
      return { kind: "jobFailed", rule: at };
    case "FailIndex":
      return { kind: "indexFailed" };
    case "Ignore":
      return { kind: "ignored" };
    case "Count":
      return { kind: "counted" };
    default:
      return assertNever(action, "action of a failure rule");
  }
}

/** The exit code of what was disrupted says how it took it, not what was wrong with it. */
function matches({ onExitCodes, onReasons }: Rule, { reason, exitCode }: ObservedStatus): boolean {
  if (onReasons !== undefined) return onReasons.includes(reason);
  if (onExitCodes === undefined || exitCode === undefined || exitCode === 0) return false;
  if (disruptionReasons.has(reason)) return false;
  return onExitCodes.values.includes(exitCode) === (onExitCodes.operator === "In");
}
