import type { Clock } from "../../../kit/clock.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import type { Instance } from "../../core/model.ts";
import { isolationOn } from "../../core/resources.ts";
import type { EventRecorder } from "../event-recorder.ts";
import type { PlacementRunner } from "../placement-runner.ts";
import { reportsOfOneMore, reportsWithout } from "../present-reports.ts";
import { requirementsFor } from "../present-requirements.ts";
import type { Reconciler } from "../reconciler.ts";
import type { CatalogueEntry } from "../template-catalogue.ts";
import { Rebalancer } from "./rebalancer.ts";

export interface RebalancerParts {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly placement: Pick<PlacementRunner, "placer" | "placeOn">;
  readonly reconciler: Pick<Reconciler, "makeLike" | "stop">;
  readonly movable: () => Iterable<string>;
  readonly mayDisrupt: (instance: Instance) => boolean;
  readonly entryOf: (ownerUid: string, templateHash: string) => CatalogueEntry | undefined;
  readonly changed: (change: InstanceChange) => void;
}

/** The rebalancer on the engine's own parts. */
export function makeRebalancer(parts: RebalancerParts): Rebalancer {
  const { state, placement, reconciler, entryOf, changed } = parts;
  return new Rebalancer({
    ...parts,
    reports: (instance, isStaying) => {
      const requirements = {
        ...requirementsFor(instance, entryOf(instance.owner.uid, instance.templateHash)),
        // What its module was found to need the other one will be made for.
        isolation: isolationOn(instance),
      };
      return isStaying
        ? reportsOfOneMore(instance, requirements, state, placement.placer)
        : reportsWithout(instance, requirements, state, placement.placer);
    },
    makeOn: (instance, nodeName) => {
      const made = reconciler.makeLike(instance);
      if (made === undefined || placement.placeOn(made, nodeName)) return made;
      reconciler.stop(made.uid, undefined);
      return undefined;
    },
    setLeaving: (uid, why) => {
      const change = state.setLeaving(uid, why);
      if (change) changed(change);
    },
  });
}
