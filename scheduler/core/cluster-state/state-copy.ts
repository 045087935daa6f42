/** A copy of the cluster state to try things on. It shares the values, which never change, and nothing else. */
import type { Instance } from "../model.ts";
import type { NodeSnapshot } from "../placement/snapshot.ts";
import { ClusterState } from "./cluster-state.ts";

export interface StateParts {
  readonly nodes: readonly NodeSnapshot[];
  readonly instances: readonly Instance[];
  readonly namespaces: readonly (readonly [name: string, labels: Readonly<Record<string, string>>])[];
}

/** All of one moment: a list of references, so that it costs little however much there is. */
export function partsOf(state: ClusterState): StateParts {
  const nodes = Array.from(state.nodes(), ({ name }) => state.view(name)).filter(
    (view) => view !== undefined,
  );
  return { nodes, instances: [...state.instances()], namespaces: [...state.namespaces()] };
}

/** Yields between the steps of which it is made, so that others get their turns. */
export function* copyState({ nodes, instances, namespaces }: StateParts): Generator<void, ClusterState> {
  const copy = new ClusterState();
  for (const [name, labels] of namespaces) copy.setNamespace(name, labels);
  for (const view of nodes) {
    copy.putNode(view);
    yield;
  }
  for (const instance of instances) {
    copy.addInstance(instance);
    yield;
  }
  return copy;
}
