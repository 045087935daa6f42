import type { Instance } from "../../core/model.ts";
import type { NodeSnapshot } from "../../core/placement/snapshot.ts";
import { isPlaced } from "../../core/quota/quota-usage.ts";

export interface WorkloadNames {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where the instances of one workload are. */
export interface WorkloadPlaces extends WorkloadNames {
  readonly perNode: ReadonlyMap<string, number>;
}

/** The cluster at one moment, counted. */
export interface Census {
  readonly nodes: ReadonlyMap<string, NodeSnapshot>;
  /** By uid. */
  readonly workloads: ReadonlyMap<string, WorkloadPlaces>;
  readonly placed: number;
  readonly pending: readonly Instance[];
}

/** Yields after each instance. */
export function* takeCensus(
  nodes: Iterable<NodeSnapshot>,
  instances: Iterable<Instance>,
): Generator<void, Census> {
  const workloads = new Map<string, WorkloadNames & { readonly perNode: Map<string, number> }>();
  const pending: Instance[] = [];
  let placed = 0;
  for (const instance of instances) {
    const { state, owner } = instance;
    if (state.kind === "pending") pending.push(instance);
    else if (isPlaced(instance)) {
      placed++;
      let places = workloads.get(owner.uid);
      if (places === undefined)
        workloads.set(owner.uid, (places = { ...namesOf(instance), perNode: new Map<string, number>() }));
      places.perNode.set(state.nodeName, (places.perNode.get(state.nodeName) ?? 0) + 1);
    }
    yield;
  }
  return {
    nodes: new Map(Array.from(nodes, (view) => [view.node.name, view])),
    workloads,
    placed,
    pending,
  };
}

export function namesOf({ owner, namespace }: Instance): WorkloadNames {
  return { kind: owner.kind, namespace, name: owner.name };
}
