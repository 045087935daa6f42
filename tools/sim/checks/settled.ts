/** What holds once there are no faults any more: everything that fits runs, what waits says why, and all agree. */
import { isDeepStrictEqual } from "node:util";
import type {
  WasmDaemonSet,
  WasmDeployment,
  WasmDisruptionBudget,
  WasmJob,
} from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { selectorMatches } from "../../../api/validation/label-selector.ts";
import { toBudget } from "../../../scheduler/core/disruption/budget.ts";
import type { Instance } from "../../../scheduler/core/model.ts";
import { InstanceTally } from "../../../scheduler/engine/figures/instance-tally.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { checkAutoscalers } from "./autoscaler-check.ts";
import { checkContents } from "./contents-check.ts";
import { checkDaemonSettled } from "./daemon-set-check.ts";
import { describe } from "./describe.ts";
import { checkRoutes } from "./route-check.ts";
import { checkRollout } from "./settled-rollout.ts";
import { demand, Violation } from "./violation.ts";

export function isSettled(cluster: Cluster): boolean {
  try {
    checkSettled(cluster);
    return true;
  } catch (thrown) {
    if (thrown instanceof Violation) return false;
    throw thrown;
  }
}

export function checkSettled(cluster: Cluster): void {
  const { leader } = cluster;
  demand(leader !== undefined, "settled", () => "there is no scheduler");
  const instances = [...leader.engine.instances(undefined)];
  for (const instance of instances) checkWaiting(cluster, leader, instance);
  checkTally(leader, instances);
  checkTaints(leader, instances);
  const isRefused = refusalOf(cluster);
  const isGuarded = guardIn(cluster);
  for (const object of objectsIn(cluster.store, "wasmdeployments"))
    checkRollout(object as unknown as WasmDeployment, instances, isRefused, isGuarded);
  for (const object of objectsIn(cluster.store, "wasmjobs"))
    checkJob(object as unknown as WasmJob, instances, isRefused);
  for (const object of objectsIn(cluster.store, "wasmdaemonsets")) {
    const daemonSet = object as unknown as WasmDaemonSet;
    checkDaemonSettled(leader, daemonSet, isRefused(daemonSet));
  }
  checkOwners(cluster, instances);
  checkAgreement(cluster, leader, instances);
  checkAutoscalers(cluster);
  checkContents(cluster);
  checkRoutes(cluster, leader);
}

/** Whether a disruption budget selects it. */
function guardIn({ store }: Cluster): (instance: Instance) => boolean {
  const budgets = objectsIn(store, "wasmdisruptionbudgets").map((object) =>
    toBudget(object as unknown as WasmDisruptionBudget & ApiObject),
  );
  return ({ namespace, labels }) =>
    budgets.some((budget) => budget.namespace === namespace && selectorMatches(budget.selector, labels));
}

/** What is counted as instances change is what a walk over them says. */
function checkTally({ engine }: SchedulerProcess, instances: readonly Instance[]): void {
  const walked = new InstanceTally();
  for (const instance of instances)
    walked.changed({ kind: "added", instance, before: undefined, freedOn: undefined }, 0);
  for (const [kind, { phases, ready }] of Object.entries(engine.figures.instances.kinds)) {
    const { phases: there, ready: readyThere } = walked.kinds[kind as keyof typeof walked.kinds]; // Both have the same kinds.
    const text = () =>
      `${kind}: counted ${JSON.stringify(phases)}, ${ready} ready; there are ${JSON.stringify(there)}, ${readyThere} ready`;
    demand(ready === readyThere && isDeepStrictEqual(phases, there), "figures", text);
  }
}

/** No queue is stuck, and what is said of who waits is true. */
function checkWaiting(
  { store }: Cluster,
  { engine }: SchedulerProcess,
  { uid, namespace, name, state }: Instance,
): void {
  if (state.kind !== "pending") return;
  demand(state.reason !== "", "explained", () => `${name} waits, and nobody says why`);
  if (state.reason !== "Unschedulable") return;
  if (/^(?:exceeded|failed) quota/.test(state.message)) {
    const quotas = objectsIn(store, "resourcequotas").map(({ metadata }) => metadata.namespace);
    demand(quotas.includes(namespace), "explained", () => `${name} waits for a quota that is not there`);
    return;
  }
  const reports = engine.explainPlacement(uid) ?? [];
  // Some of a gang may fit while all of it does not.
  if (state.message.startsWith("gang of")) return;
  const feasible = reports.find(({ kind }) => kind === "feasible");
  demand(
    feasible === undefined,
    "placed",
    () => `${name} fits ${feasible?.nodeName} and waits: ${state.message}`,
  );
}

/** Who does not tolerate that nobody may be there, is not there. */
function checkTaints({ engine }: SchedulerProcess, instances: readonly Instance[]): void {
  for (const { name, taints } of engine.clusterNodes()) {
    if (!taints.some(({ effect }) => effect === "NoExecute")) continue;
    const staying = instances.find(
      ({ state, annotations }) =>
        state.kind === "bound" && state.nodeName === name && annotations["made"] !== "tolerant",
    );
    demand(staying === undefined, "taints", () => `${staying?.name} stays on ${name}, which nobody may`);
  }
}

/**
 * Whether no instance of a workload can be made, which it says of itself: the class that it names is not there. Throws where
 * it says so and it is not true.
 */
function refusalOf({ store }: Cluster): (workload: WasmDaemonSet | WasmDeployment | WasmJob) => boolean {
  const classes = new Set(objectsIn(store, "priorityclasses").map(({ metadata }) => metadata.name));
  return ({ metadata: { name }, spec, status }) => {
    const { priorityClassName: wanted = "" } = spec.template.spec;
    const failure = status?.conditions?.find(
      ({ type, reason }) => type === "ReplicaFailure" || (type === "Stalled" && reason === "FailedCreate"),
    );
    if (failure === undefined) return false;
    // The class is that of the template to which it goes back.
    if (status !== undefined && "rollout" in status && status.rollout?.rolledBackTo !== undefined)
      return true;
    demand(
      wanted !== "" && !classes.has(wanted),
      "explained",
      () => `${name} says "${failure.message}", and there is class ${wanted}`,
    );
    return true;
  };
}

function checkJob(
  object: WasmJob,
  instances: readonly Instance[],
  isRefused: (workload: WasmJob) => boolean,
): void {
  const { metadata, spec, status } = object;
  if (status?.phase === "Complete" || status?.phase === "Failed") return;
  const owned = instances.filter(({ owner }) => owner.uid === metadata.uid);
  const isAtRest = spec.suspend || spec.parallelism === 0;
  const alive = owned.filter(({ state }) => state.kind !== "ended");
  demand(
    !spec.suspend || alive.length === 0,
    "converged",
    () => `job ${metadata.name} is suspended and has ${describe(alive)}`,
  );
  const waits = owned.some(({ state }) => state.kind === "pending");
  demand(
    waits || isRefused(object) || isAtRest,
    "converged",
    () => `job ${metadata.name} is ${status?.phase}, ${status?.completions}: ${describe(owned)}`,
  );
}

/** What nobody wants any more is gone. */
function checkOwners({ store }: Cluster, instances: readonly Instance[]): void {
  const uids = new Set(
    ["wasmdeployments", "wasmdaemonsets", "wasmjobs"].flatMap((plural) =>
      objectsIn(store, plural).map(({ metadata }) => metadata.uid),
    ),
  );
  const orphans = instances.filter(({ owner }) => !uids.has(owner.uid));
  demand(
    orphans.length === 0,
    "converged",
    () => `instances of workloads that are gone: ${describe(orphans)}`,
  );
}

/** The machines have what the scheduler believes, and nothing else. */
function checkAgreement(
  { machines }: Cluster,
  { engine }: SchedulerProcess,
  instances: readonly Instance[],
): void {
  for (const { id, name, agent } of machines) {
    demand(
      agent !== undefined && engine.isReachable(name),
      "agreement",
      () => `${id} (${name}) is not connected`,
    );
    const believed = instances.filter(
      ({ state }) => state.kind !== "pending" && state.kind !== "ended" && state.nodeName === name,
    );
    const ended = new Set(agent.endedUids());
    const held = agent.uids().filter((uid) => !ended.has(uid));
    const said = believed
      .map(({ uid }) => uid)
      .toSorted()
      .join(" ");
    demand(
      held.toSorted().join(" ") === said,
      "agreement",
      () => `${name} runs [${held.join(" ")}], the scheduler says [${said}]`,
    );
    for (const uid of ended) {
      const known = instances.find((instance) => instance.uid === uid);
      demand(
        known?.state.kind === "ended",
        "agreement",
        () =>
          `${name} keeps the end of ${uid}, of which the scheduler says ${known?.state.kind ?? "nothing"}`,
      );
    }
  }
}
