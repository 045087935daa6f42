/** What people do to a cluster: declare, scale, change and delete workloads, and look after nodes. */
import type { ApiObject } from "../../../api/object-meta.ts";
import { type InstanceState, noAmounts } from "../../../scheduler/core/model.ts";
import type { Cluster } from "../cluster.ts";
import { edit, some } from "./edits.ts";
import { rolloutActions } from "./rollout-actions.ts";
import { objectsIn } from "../objects-in.ts";
import {
  type Draft,
  makeBudget,
  makeConfigMap,
  makeCronJob,
  makeDeployment,
  makeJob,
  makePriorityClass,
  makeQuota,
  makeTimes,
  zones,
} from "../workload-makers.ts";
import { autoscalerHappenings } from "./autoscalers.ts";
import { daemonSetHappenings } from "./daemon-sets.ts";
import { routeHappenings } from "./routes.ts";
import { type Happening, someMachine } from "./happening.ts";

const deploymentsMax = 5;
const jobsMax = 5;
const cronJobsMax = 2;

/** Undefined where there is one of its name. */
function create({ store }: Cluster, plural: string, draft: Draft): string | undefined {
  const { namespace = "", name = "" } = draft.metadata;
  if (store.get({ group: "", plural }, namespace, name) !== undefined) return undefined;
  store.put(plural, draft);
  return `people create ${plural} ${draft.metadata.namespace ?? ""}/${draft.metadata.name}: ${JSON.stringify(draft["spec"] ?? {})}`;
}

function remove({ store }: Cluster, plural: string, object: ApiObject | undefined): string | undefined {
  if (object === undefined) return undefined;
  store.remove(plural, object);
  return `people delete ${plural} ${object.metadata.name}`;
}

/** A name that another object may have had, and may have still. */
function aName({ dice }: Cluster, kind: string, most: number): string {
  return `${kind}-${dice.below(most)}`;
}

function isBound<T extends { readonly state: InstanceState }>(
  instance: T,
): instance is T & { readonly state: InstanceState & { readonly kind: "bound" } } {
  return instance.state.kind === "bound";
}

export const people: readonly Happening[] = [
  {
    name: "create deployment",
    weight: 6,
    happen({ cluster }) {
      if (objectsIn(cluster.store, "wasmdeployments").length >= deploymentsMax) return undefined;
      return create(cluster, "wasmdeployments", makeDeployment(cluster.dice, aName(cluster, "web", 8)));
    },
  },
  {
    name: "create job",
    weight: 8,
    happen({ cluster }) {
      if (objectsIn(cluster.store, "wasmjobs").length >= jobsMax) return undefined;
      return create(cluster, "wasmjobs", makeJob(cluster.dice, aName(cluster, "work", 100)));
    },
  },
  {
    name: "create cron job",
    weight: 2,
    happen({ cluster }) {
      if (objectsIn(cluster.store, "wasmcronjobs").length >= cronJobsMax) return undefined;
      return create(cluster, "wasmcronjobs", makeCronJob(cluster.dice, aName(cluster, "tick", 4)));
    },
  },
  {
    name: "edit cron job",
    weight: 2,
    happen({ cluster }) {
      const object = some(cluster, "wasmcronjobs");
      return object && edit(cluster, "wasmcronjobs", object, makeTimes(cluster.dice));
    },
  },
  {
    name: "delete cron job",
    weight: 0.5,
    happen: ({ cluster }) => remove(cluster, "wasmcronjobs", some(cluster, "wasmcronjobs")),
  },
  {
    name: "scale",
    weight: 5,
    happen({ cluster }) {
      const object = some(cluster, "wasmdeployments");
      return object && edit(cluster, "wasmdeployments", object, { replicas: cluster.dice.below(15) });
    },
  },
  {
    name: "parallelism",
    weight: 1,
    happen({ cluster }) {
      const object = some(cluster, "wasmjobs");
      return object && edit(cluster, "wasmjobs", object, { parallelism: cluster.dice.below(6) });
    },
  },
  {
    name: "suspend",
    weight: 2,
    happen({ cluster }) {
      const object = some(cluster, "wasmjobs");
      return object && edit(cluster, "wasmjobs", object, { suspend: cluster.dice.chance(0.4) });
    },
  },
  ...rolloutActions,
  {
    name: "annotate",
    weight: 3,
    happen({ cluster }) {
      const plural = cluster.dice.pick(["wasmdeployments", "wasmdaemonsets", "wasmjobs"]);
      const object = some(cluster, plural);
      if (object === undefined) return undefined;
      const annotations = { touched: String(cluster.dice.below(100)) };
      cluster.store.put(plural, { ...object, metadata: { ...object.metadata, annotations } });
      return `people annotate ${plural} ${object.metadata.name}`;
    },
  },
  {
    name: "delete workload",
    weight: 3,
    happen({ cluster, checks }) {
      const plural = cluster.dice.pick(["wasmdeployments", "wasmdaemonsets", "wasmjobs"]);
      const object = some(cluster, plural);
      if (object !== undefined) checks.excused.add(object.metadata.uid);
      return remove(cluster, plural, object);
    },
  },
  {
    name: "delete instance",
    weight: 2,
    happen({ cluster: { leader, dice }, checks }) {
      const instances = [...(leader?.engine.instances(undefined) ?? [])];
      if (instances.length === 0) return undefined;
      const { uid, name } = dice.pick(instances);
      checks.excused.add(uid);
      leader?.engine.requestStop(uid, dice.chance(0.5) ? undefined : dice.below(5));
      return `people delete instance ${name}`;
    },
  },
  {
    name: "quota",
    weight: 2,
    happen({ cluster }) {
      if (cluster.dice.chance(0.5)) return remove(cluster, "resourcequotas", some(cluster, "resourcequotas"));
      return create(cluster, "resourcequotas", makeQuota(cluster.dice));
    },
  },
  {
    name: "config",
    weight: 2,
    happen({ cluster }) {
      if (cluster.dice.chance(0.3)) return remove(cluster, "configmaps", some(cluster, "configmaps"));
      return create(cluster, "configmaps", makeConfigMap(cluster.dice));
    },
  },
  {
    name: "change config",
    weight: 4,
    happen({ cluster }) {
      const object = some(cluster, "configmaps");
      if (object === undefined) return undefined;
      const { metadata, ...fresh } = makeConfigMap(cluster.dice);
      cluster.store.put("configmaps", { ...object, ...fresh, metadata: object.metadata });
      return `people change configmaps ${metadata.namespace ?? ""}: ${JSON.stringify(fresh["data"])}`;
    },
  },
  {
    name: "priority class",
    weight: 1,
    happen({ cluster }) {
      if (cluster.dice.chance(0.3))
        return remove(cluster, "priorityclasses", some(cluster, "priorityclasses"));
      return create(cluster, "priorityclasses", makePriorityClass(cluster.dice));
    },
  },
  {
    name: "cordon",
    weight: 2,
    happen({ cluster }) {
      const node = some(cluster, "wasmnodes");
      return node && edit(cluster, "wasmnodes", node, { unschedulable: cluster.dice.chance(0.4) });
    },
  },
  {
    name: "budget",
    weight: 3,
    happen({ cluster }) {
      if (cluster.dice.chance(0.2))
        return remove(cluster, "wasmdisruptionbudgets", some(cluster, "wasmdisruptionbudgets"));
      return create(cluster, "wasmdisruptionbudgets", makeBudget(cluster.dice));
    },
  },
  {
    name: "drain",
    weight: 5,
    happen({ cluster }) {
      const { leader, dice, store } = cluster;
      const placed = [...(leader?.engine.instances(undefined) ?? [])].filter(isBound);
      if (leader === undefined || placed.length === 0) return undefined;
      const { nodeName } = dice.pick(placed).state;
      const node = objectsIn(store, "wasmnodes").find(({ metadata }) => metadata.name === nodeName);
      // Evictions need no drain.
      const cordoned =
        node && dice.chance(0.5) ? edit(cluster, "wasmnodes", node, { unschedulable: true }) : "";
      const outcomes = placed
        .filter(({ state }) => state.nodeName === nodeName && dice.chance(0.8))
        .map(
          (instance) => leader.engine.requestEviction(instance, { graceMs: undefined, dryRun: false }).kind,
        );
      return `${cordoned} people evict from ${nodeName}: ${outcomes.join(" ")}`;
    },
  },
  {
    name: "taint",
    weight: 2,
    happen({ cluster }) {
      const node = some(cluster, "wasmnodes");
      const effect = cluster.dice.pick(["NoSchedule", "PreferNoSchedule", "NoExecute"]);
      const taints = cluster.dice.chance(0.4) ? [{ key: "dedicated", value: "x", effect }] : [];
      return node && edit(cluster, "wasmnodes", node, { taints });
    },
  },
  {
    name: "label node",
    weight: 2,
    happen({ cluster }) {
      const node = some(cluster, "wasmnodes");
      if (node === undefined) return undefined;
      const { zone: _, ...others } = node.metadata.labels ?? {};
      const labels = cluster.dice.chance(0.7) ? { ...others, zone: cluster.dice.pick(zones) } : others;
      cluster.store.put("wasmnodes", { ...node, metadata: { ...node.metadata, labels } });
      return `people label node ${node.metadata.name}: ${JSON.stringify(labels)}`;
    },
  },
  {
    name: "add machine",
    weight: 2,
    happen({ cluster, machinesWanted }) {
      if (cluster.machines.size >= machinesWanted) return undefined;
      const { dice } = cluster;
      const allocatable = {
        // Little, so that there is never room for all.
        cpuMillis: dice.pick([500, 1_000, 2_000]),
        memoryBytes: dice.pick([0.5, 1, 4]) * 2 ** 30,
        instances: dice.pick([4, 20, 1_000]),
        processes: dice.pick([0, 2, 100]),
        extended: noAmounts,
      };
      const labels: Readonly<Record<string, string>> = dice.chance(0.5) ? { zone: dice.pick(zones) } : {};
      const machine = cluster.addMachine(allocatable, labels);
      return `people add ${machine.id} as ${machine.name}: ${JSON.stringify({ allocatable, labels })}`;
    },
  },
  {
    name: "remove machine",
    weight: 1,
    happen({ cluster, machinesWanted }) {
      const machine = someMachine(cluster);
      if (machine === undefined || cluster.machines.size <= machinesWanted / 2) return undefined;
      cluster.removeMachine(machine);
      if (cluster.dice.chance(0.5)) return `people take ${machine.id} away`;
      const node = objectsIn(cluster.store, "wasmnodes").find(
        ({ metadata }) => metadata.name === machine.name,
      );
      remove(cluster, "wasmnodes", node);
      return `people take ${machine.id} away and delete node ${machine.name}`;
    },
  },
  {
    name: "delete node",
    weight: 1,
    happen: ({ cluster }) => remove(cluster, "wasmnodes", some(cluster, "wasmnodes")),
  },
  ...autoscalerHappenings,
  ...daemonSetHappenings,
  ...routeHappenings,
];

/** What people do so that more of what waits has a place, one after the other; each must be enough by itself. */
export const roomMakers: readonly ((cluster: Cluster) => void)[] = [
  (cluster) => {
    cluster.note("people remove the quotas");
    for (const quota of objectsIn(cluster.store, "resourcequotas"))
      cluster.store.remove("resourcequotas", quota);
  },
  (cluster) => {
    cluster.note("people open all nodes");
    for (const node of objectsIn(cluster.store, "wasmnodes"))
      edit(cluster, "wasmnodes", node, { unschedulable: false, taints: [] });
  },
  (cluster) => {
    cluster.note("people delete half of the workloads");
    for (const plural of ["wasmdeployments", "wasmdaemonsets", "wasmjobs"])
      for (const [place, object] of objectsIn(cluster.store, plural).entries())
        if (place % 2 === 0) cluster.store.remove(plural, object);
  },
];

/** What should leave is no longer held back: a budget that can never be met would hold it for ever. */
export function removeBudgets(cluster: Cluster): void {
  cluster.note("people remove the budgets");
  for (const budget of objectsIn(cluster.store, "wasmdisruptionbudgets"))
    cluster.store.remove("wasmdisruptionbudgets", budget);
}

/** So that there comes a time when nothing is left to do. */
export function suspendCronJobs(cluster: Cluster): void {
  for (const object of objectsIn(cluster.store, "wasmcronjobs"))
    edit(cluster, "wasmcronjobs", object, { suspend: true });
}

/** People have had enough of it. */
export function deleteWorkloads({ store }: Cluster): void {
  for (const plural of ["wasmdeployments", "wasmdaemonsets", "wasmcronjobs", "wasmjobs"])
    for (const object of objectsIn(store, plural)) store.remove(plural, object);
}

export function deleteTheRest(cluster: Cluster): void {
  for (const machine of cluster.machines) cluster.removeMachine(machine);
  for (const plural of [
    "wasmnodes",
    "resourcequotas",
    "wasmdisruptionbudgets",
    "configmaps",
    "priorityclasses",
    "wasmroutes",
    "wasmautoscalers",
  ])
    for (const object of objectsIn(cluster.store, plural)) cluster.store.remove(plural, object);
}
