import type { Instance } from "../model.ts";
import type { Step } from "./step.ts";

/** Stops and forgets all instances of an owner that is deleted, or that never existed under this uid. */
export function reconcileOrphans(instances: Iterable<Instance>): readonly Step[] {
  const steps: Step[] = [];
  for (const { uid, state } of instances) {
    if (state.kind === "ended") steps.push({ kind: "forgetInstance", uid });
    else if (state.kind !== "stopping")
      steps.push({ kind: "stopInstance", uid, why: "its owner is deleted" });
  }
  return steps;
}
