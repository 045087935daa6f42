/** Does what is asked for to the copy, before anything is placed. */
import { cpuMillis, memoryBytes } from "../../../api/quantity.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { assertNever, WherryError } from "../../../kit/errors.ts";
import type { SimulatedAction } from "../../apiserver/placement-simulator.ts";
import type { ClusterNode, Instance, WorkloadKind } from "../../core/model.ts";
import { emptyNode, type NodeSnapshot } from "../../core/placement/snapshot.ts";
import { namespaceOf, toWorkload, type Workload } from "../workloads.ts";
import { limits } from "./limits.ts";
import type { SimulatedCluster } from "./simulated-cluster.ts";

/** Workloads as they would be declared. */
export class SimulatedWorkloads {
  readonly #declared: ReadonlyMap<string, Workload>;
  readonly #changed = new Map<string, Workload>();
  /** Those of which the template may be another. */
  readonly applied = new Set<string>();

  constructor(declared: ReadonlyMap<string, Workload>) {
    this.#declared = declared;
  }

  get(uid: string): Workload | undefined {
    return this.#changed.get(uid) ?? this.#declared.get(uid);
  }

  set(workload: Workload): void {
    this.#changed.set(workload.object.metadata.uid, workload);
  }

  /** Uids of those that have an instance on each node that matches. */
  *daemonSets(): Iterable<string> {
    for (const [uid, { kind }] of this.#declared) if (kind === "WasmDaemonSet") yield uid;
    for (const [uid, { kind }] of this.#changed)
      if (kind === "WasmDaemonSet" && !this.#declared.has(uid)) yield uid;
  }

  named(kind: Workload["kind"], namespace: string, name: string): Workload | undefined {
    const isIt = (one: Workload) =>
      one.kind === kind && one.object.metadata.name === name && namespaceOf(one) === namespace;
    for (const workload of this.#changed.values()) if (isIt(workload)) return workload;
    for (const workload of this.#declared.values()) if (isIt(workload)) return workload;
    return undefined;
  }
}

/** Throws SimulationImpossible for what names something that is not there. */
export function carryOut(
  action: SimulatedAction,
  cluster: SimulatedCluster,
  workloads: SimulatedWorkloads,
): void {
  switch (action.kind) {
    case "drain":
      return drain(action.nodeName, cluster);
    case "removeNode":
      clear(action.nodeName, cluster, () => true);
      cluster.state.removeNode(action.nodeName, 0);
      return;
    case "addNodes":
      addNodes(action, cluster);
      for (const uid of workloads.daemonSets()) cluster.touch(uid);
      return;
    case "scale":
      return scale(action, cluster, workloads);
    case "apply":
      return apply(action.object, cluster, workloads);
    default:
      return assertNever(action, "action");
  }
}

function drain(nodeName: string, cluster: SimulatedCluster): void {
  const { node } = known(nodeName, cluster);
  cluster.state.upsertNode({ ...node, unschedulable: true }, node.connection);
  // An instance of a daemon set would come back at once.
  clear(nodeName, cluster, ({ owner }) => owner.kind !== "WasmDaemonSet");
}

/** Ends what is on a node and `goes`. Whoever owns it may make another. */
function clear(nodeName: string, cluster: SimulatedCluster, goes: (instance: Instance) => boolean): void {
  known(nodeName, cluster);
  for (const instance of Array.from(cluster.state.instancesOn(nodeName))) {
    if (!goes(instance)) continue;
    const { uid, owner } = instance;
    cluster.remove(uid);
    cluster.touch(owner.uid);
  }
}

function addNodes(
  { like, count, cpu, memory }: SimulatedAction & { readonly kind: "addNodes" },
  cluster: SimulatedCluster,
): void {
  const { node } = known(like, cluster);
  const nodeCount = Array.from(cluster.state.nodes()).length;
  if (nodeCount + count > limits.nodesMax)
    throw new WherryError(
      "SimulationTooLarge",
      `simulate ${count} more nodes than ${nodeCount}: at most ${limits.nodesMax} in all`,
    );
  const allocatable = {
    ...node.allocatable,
    ...(cpu === undefined ? {} : { cpuMillis: cpuMillis(cpu) }),
    ...(memory === undefined ? {} : { memoryBytes: memoryBytes(memory) }),
  };
  for (let number = 1, made = 0; made < count; number++) {
    const name = `${like}-new-${number}`;
    if (cluster.state.node(name)) continue;
    made++;
    const fresh: ClusterNode = {
      ...node,
      name,
      labels: { ...node.labels, "kubernetes.io/hostname": name },
      allocatable,
      unschedulable: false,
      connection: { kind: "connected" },
      conditions: [],
      evictedOwners: new Set(),
    };
    cluster.state.putNode({ node: fresh, ...emptyNode });
    cluster.nodeChanged(name);
  }
}

function scale(
  { workload: kind, namespace, name, replicas, factor }: SimulatedAction & { readonly kind: "scale" },
  cluster: SimulatedCluster,
  workloads: SimulatedWorkloads,
): void {
  const found = workloads.named(kind, namespace, name);
  if (!found) throw impossible(`scale ${kind} ${namespace}/${name}: there is none`);
  if (found.kind === "WasmDaemonSet")
    throw impossible(`scale ${kind} ${namespace}/${name}: it has one instance for each node that matches`);
  const now = found.kind === "WasmDeployment" ? found.object.spec.replicas : found.object.spec.parallelism;
  const wanted = replicas ?? Math.round(now * (factor ?? 1));
  const { object } = found;
  const spec =
    found.kind === "WasmDeployment"
      ? { ...found.object.spec, replicas: wanted }
      : { ...found.object.spec, parallelism: wanted };
  workloads.set(toWorkload(kind, { ...object, spec }));
  cluster.touch(object.metadata.uid);
}

function apply(object: ApiObject, cluster: SimulatedCluster, workloads: SimulatedWorkloads): void {
  // The API server takes no others.
  const kind = object.kind as WorkloadKind;
  const { namespace = "", name, uid } = object.metadata;
  const before = workloads.named(kind, namespace, name);
  const { status } = before?.object ?? {};
  const identity = before?.object.metadata ?? { uid };
  const workload = toWorkload(kind, {
    ...object,
    ...(status === undefined ? {} : { status }),
    metadata: { ...object.metadata, uid: identity.uid },
  });
  workloads.set(workload);
  workloads.applied.add(identity.uid);
  cluster.touch(identity.uid);
}

function known(nodeName: string, cluster: SimulatedCluster): NodeSnapshot {
  const view = cluster.state.view(nodeName);
  if (!view) throw impossible(`simulate with node ${nodeName}: there is no such node`);
  return view;
}

function impossible(message: string): WherryError {
  return new WherryError("SimulationImpossible", message);
}
