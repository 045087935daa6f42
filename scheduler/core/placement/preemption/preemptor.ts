import type { FreeableRoom } from "../../cluster-state/freeable-room.ts";
import type { DisruptionTally } from "../../disruption/disruption-guard.ts";
import type { Instance, NodeCapacity } from "../../model.ts";
import { footprintOf } from "../../resources.ts";
import type { PlacementRequest } from "../framework.ts";
import type { Placer } from "../placer.ts";
import type { Snapshot } from "../snapshot.ts";

/** Instances that are alike and wait for a node. */
export interface Preemptor {
  readonly priority: number;
  readonly footprint: NodeCapacity;
  /** Whether the node at this position would take one but for what is on it. */
  admits(snapshot: Snapshot, position: number): boolean;
  /** Whether it would take one if these were not there. */
  wouldFit(snapshot: Snapshot, position: number, without: readonly Instance[]): boolean;
}

/** Who is where: the cluster state, as far as this is concerned. */
export interface Occupants {
  freeableOn(nodeName: string): FreeableRoom | undefined;
  instancesOn(nodeName: string): Iterable<Instance>;
  nomineesOn(nodeName: string): Iterable<Instance>;
  /** Counts against the disruption budgets what is chosen, from nothing on. undefined: there are no budgets. */
  tally(): DisruptionTally | undefined;
}

/** The preemptor as the rules of its profile see it. */
export function preemptorOf(placer: Placer, request: PlacementRequest, priority: number): Preemptor {
  return {
    priority,
    footprint: footprintOf(request.requirements),
    admits: (snapshot, position) => placer.admits(snapshot, request, position),
    wouldFit: (snapshot, position, without) => placer.wouldFit(snapshot, request, position, without),
  };
}
