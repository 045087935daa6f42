import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance, PlacementRequirements } from "../core/model.ts";
import type { NodeReport } from "../core/placement/explanation.ts";
import { NeighboursWithout } from "../core/placement/neighbours-without.ts";
import type { Placer } from "../core/placement/placer.ts";
import { withoutInstances, type Snapshot } from "../core/placement/snapshot.ts";

/** What every rule says of every node that will do, now, as if the instance were not there. Some milliseconds for a thousand nodes. */
export function reportsWithout(
  instance: Instance,
  requirements: PlacementRequirements,
  state: ClusterState,
  placer: Placer,
): readonly NodeReport[] {
  const holds = roomHeldBy(instance);
  const neighbours =
    holds === undefined ? state.neighbours : new NeighboursWithout(state.neighbours, instance, holds);
  const request = {
    key: `without/${instance.uid}`,
    requirements,
    neighbours,
    targetNode: instance.targetNode,
  };
  return placer.explain(withoutInstance(state.snapshot(), instance, holds), request);
}

/** The same of one more like it, as things are. */
export function reportsOfOneMore(
  { uid }: Instance,
  requirements: PlacementRequirements,
  state: ClusterState,
  placer: Placer,
): readonly NodeReport[] {
  const request = { key: `one-more/${uid}`, requirements, neighbours: state.neighbours };
  return placer.explain(state.snapshot(), request);
}

/** The node on which room is taken for it. */
function roomHeldBy({ state }: Instance): string | undefined {
  switch (state.kind) {
    case "pending":
      return state.nominatedNode;
    case "bound":
    case "stopping":
      return state.nodeName;
    default:
      return undefined;
  }
}

function withoutInstance(snapshot: Snapshot, instance: Instance, nodeName: string | undefined): Snapshot {
  if (nodeName === undefined) return snapshot;
  return {
    size: snapshot.size,
    layout: snapshot.layout,
    journalStart: snapshot.journalStart,
    journalEnd: snapshot.journalEnd,
    changedAt: (place) => snapshot.changedAt(place),
    positionOf: (name) => snapshot.positionOf(name),
    at: (position) => {
      const node = snapshot.at(position);
      return node.node.name === nodeName ? withoutInstances(node, [instance]) : node;
    },
  };
}
