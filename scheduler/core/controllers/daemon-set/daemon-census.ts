/** Who is where, by node: what the rest of the controller looks at. Linear in nodes and instances. */
import type { ClusterNode, Instance } from "../../model.ts";
import type { NodeMatch } from "./node-match.ts";

/** A node and a daemon set's instances there. */
export interface Place {
  readonly node: ClusterNode;
  readonly match: NodeMatch;
  /** Pending or bound. */
  readonly live: Instance[];
  readonly ended: Instance[];
  stopping: number;
}

export interface DaemonCensus {
  readonly places: ReadonlyMap<string, Place>;
  /** Instances of nodes that are gone, or that were made for none. */
  readonly strays: readonly Instance[];
  /** Nodes that should have an instance. */
  readonly desired: number;
}

export interface CensusInput {
  readonly nodes: Iterable<ClusterNode>;
  readonly instances: Iterable<Instance>;
  readonly match: (node: ClusterNode) => NodeMatch;
}

export function takeDaemonCensus({ nodes, instances, match }: CensusInput): DaemonCensus {
  const places = new Map<string, Place>();
  let desired = 0;
  for (const node of nodes) {
    const place: Place = { node, match: match(node), live: [], ended: [], stopping: 0 };
    if (place.match.kind === "wanted") desired++;
    places.set(node.name, place);
  }
  const strays: Instance[] = [];
  for (const instance of instances) {
    const place = places.get(nodeOf(instance) ?? "");
    if (place === undefined) strays.push(instance);
    else if (instance.state.kind === "ended") place.ended.push(instance);
    else if (instance.state.kind === "stopping") place.stopping++;
    else place.live.push(instance);
  }
  return { places, strays, desired };
}

/** Where it is, or waits to be. */
export function nodeOf({ state, targetNode }: Instance): string | undefined {
  return state.kind === "pending" ? targetNode : state.nodeName;
}
