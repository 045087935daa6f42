import type { Standing } from "../../core/disruption/budget-book.ts";
import type { Instance } from "../../core/model.ts";
import type { Workload } from "../workloads.ts";
import { makesAnotherFirst } from "./evictions.ts";

export interface DrainOutlookOptions {
  readonly workload: (uid: string) => Workload | undefined;
  readonly refusals: (instance: Instance) => readonly Standing[];
}

/** Budgets that would block a drain of these instances for good, with how many of them they hold; as texts. */
export function drainObstacles(
  instances: Iterable<Instance>,
  { workload, refusals }: DrainOutlookOptions,
): readonly string[] {
  const held = new Map<string, number>();
  for (const instance of instances) {
    if (instance.owner.kind === "WasmDaemonSet") continue;
    const owner = workload(instance.owner.uid);
    // One more than is wanted is there when it goes.
    const more = owner !== undefined && makesAnotherFirst(owner) ? 1 : 0;
    for (const { budget, desired, expected, wanted, isKnown } of refusals(instance)) {
      if (isKnown && desired < Math.max(expected, wanted) + more) continue;
      const text = `disruption budget ${budget.namespace}/${budget.name} (${budget.rule.text})`;
      held.set(text, (held.get(text) ?? 0) + 1);
    }
  }
  return [...held].map(
    ([text, count]) => `${text} would block the drain of ${count} ${count === 1 ? "instance" : "instances"}`,
  );
}
