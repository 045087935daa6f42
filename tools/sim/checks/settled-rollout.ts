/** How rollouts have ended: complete, or failed with a reason that is true. */
import type { WasmDeployment } from "../../../api/gen/kinds.gen.ts";
import type { Instance } from "../../../scheduler/core/model.ts";
import { brokenModule } from "../shim-host.ts";
import { describe } from "./describe.ts";
import { demand } from "./violation.ts";

export function checkRollout(
  object: WasmDeployment,
  instances: readonly Instance[],
  isRefused: (workload: WasmDeployment) => boolean,
  isGuarded: (instance: Instance) => boolean,
): void {
  const { metadata, spec, status } = object;
  const { name } = metadata;
  demand(
    status?.rollout !== undefined && status.observedGeneration === metadata.generation,
    "rollout ends",
    () =>
      `deployment ${name} is at generation ${metadata.generation}, its status at ${status?.observedGeneration}`,
  );
  const { rollout } = status;
  // What should go stays for as long as a budget says so, beside those that are wanted.
  const owned = instances.filter(
    (one) => one.owner.uid === metadata.uid && (one.leaving === undefined || !isGuarded(one)),
  );
  const waits = owned.some(({ state }) => state.kind === "pending");
  const isHindered = waits || isRefused(object);
  const isBroken = spec.template.spec.module.image.includes(brokenModule);
  const says = conditionsOf(object);
  const isStalled =
    says("Stalled") === "True" && says("Progressing") === "False" && says("Ready") === "False";
  switch (rollout.phase) {
    case "Complete":
      if (isHindered) return;
      checkWhole(object, owned, rollout.templateHash);
      demand(
        says("Ready") === "True" && says("Stalled") === undefined,
        "rollout ends",
        () => `deployment ${name} is complete, and says ${JSON.stringify(status.conditions)}`,
      );
      return;
    case "RolledBack":
      demand(
        isStalled && says("RolledBack") === "True",
        "rollout ends",
        () => `deployment ${name} does not say so`,
      );
      if (!isHindered) checkWhole(object, owned, rollout.rolledBackTo ?? "");
      return;
    case "Failed":
      demand(
        isStalled && (isHindered || isBroken),
        "rollout ends",
        () => `deployment ${name} has failed, and nothing hinders it: ${describe(owned)}`,
      );
      return;
    case "RollbackFailed":
      demand(
        isStalled && isHindered,
        "rollout ends",
        () => `the rollback of deployment ${name} has failed, and nothing hinders it: ${describe(owned)}`,
      );
      return;
    case "Progressing":
    case "RollingBack":
      demand(
        false,
        "rollout ends",
        () => `deployment ${name} is ${rollout.phase} for ever: ${describe(owned)}`,
      );
  }
}

/** All that are wanted are ready, of one template, and nothing else is there. */
function checkWhole(
  { metadata, spec }: WasmDeployment,
  owned: readonly Instance[],
  templateHash: string,
): void {
  const other = owned.find((instance) => instance.templateHash !== templateHash);
  demand(
    other === undefined,
    "converged",
    () => `${other?.name} has not the template that deployment ${metadata.name} should have`,
  );
  const ready = owned.filter(({ state }) => state.kind === "bound" && state.observed?.ready === true).length;
  demand(
    ready === spec.replicas && owned.length === ready,
    "converged",
    () => `deployment ${metadata.name} has ${ready} of ${spec.replicas} ready: ${describe(owned)}`,
  );
}

function conditionsOf({ status }: WasmDeployment): (type: string) => string | undefined {
  return (type) => status?.conditions?.find((condition) => condition.type === type)?.status;
}
