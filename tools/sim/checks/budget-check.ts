/** Of disruption budgets: what is stopped because it should go leaves as many as must be, counted anew each time. */
import { selectorMatches } from "../../../api/validation/label-selector.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { WasmDisruptionBudget } from "../../../api/gen/kinds.gen.ts";
import { availableAtMs } from "../../../scheduler/core/controllers/availability.ts";
import { requirementOf, toBudget, type Budget } from "../../../scheduler/core/disruption/budget.ts";
import type { Instance } from "../../../scheduler/core/model.ts";
import { budgetResource } from "../../../scheduler/engine/disruption/budget-keeper.ts";
import { ownerFactsOf } from "../../../scheduler/engine/disruption/owner-facts.ts";
import { toWorkload, workloadResources } from "../../../scheduler/engine/workloads.ts";
import { budgetNames } from "../workload-makers.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { demand } from "./violation.ts";

/** Called before an instance is stopped within the budgets: what this scheduler has seen is what it must keep to. */
export function checkEviction(scheduler: SchedulerProcess, evicted: Instance): void {
  for (const name of budgetNames) {
    const object = scheduler.backend.get(budgetResource, evicted.namespace, name);
    const budget = object && toBudget(object as unknown as WasmDisruptionBudget & ApiObject);
    if (budget && selectorMatches(budget.selector, evicted.labels)) checkBudget(scheduler, budget, evicted);
  }
}

function checkBudget(scheduler: SchedulerProcess, budget: Budget, evicted: Instance): void {
  const selected = [...scheduler.engine.instances(budget.namespace)].filter(
    ({ labels, state }) => state.kind !== "ended" && selectorMatches(budget.selector, labels),
  );
  const isHealthy = healthIn(scheduler);
  if (!isHealthy(evicted) && budget.sparesOnlyHealthy) return;
  const owners = new Map(selected.map((instance) => [instance.owner.uid, instance]));
  let wanted = 0;
  for (const instance of owners.values()) {
    // How much of a job is done, its scheduler may know before the store tells it.
    if (instance.owner.kind === "WasmJob" && budget.rule.kind === "maxUnavailable") return;
    wanted += factsOf(scheduler, instance)?.wanted ?? 0;
  }
  const { desired } = requirementOf(budget.rule, { selected: selected.length, wanted });
  const left = selected.filter((one) => one.uid !== evicted.uid && isHealthy(one)).length;
  demand(
    left >= desired,
    "budget",
    () =>
      `${evicted.name} is evicted, which leaves ${left} healthy; budget ${budget.name} (${budget.rule.text}) needs ${desired}`,
  );
}

function healthIn(scheduler: SchedulerProcess): (instance: Instance) => boolean {
  const connected = new Set(
    [...scheduler.engine.clusterNodes()].flatMap(({ name, connection }) =>
      connection.kind === "connected" ? [name] : [],
    ),
  );
  return (instance) => {
    const { state } = instance;
    if (state.kind !== "bound" || !connected.has(state.nodeName)) return false;
    const nowMs = scheduler.clock.now();
    const fromMs = availableAtMs(instance, factsOf(scheduler, instance)?.minReadyMs ?? 0, nowMs);
    return fromMs !== undefined && fromMs <= nowMs;
  };
}

function factsOf({ backend }: SchedulerProcess, { owner, namespace }: Instance) {
  const object = backend.get(workloadResources[owner.kind], namespace, owner.name);
  return object?.metadata.uid === owner.uid ? ownerFactsOf(toWorkload(owner.kind, object)) : undefined;
}
