import type { Profile } from "./framework.ts";
import { actualUsage } from "./plugins/actual-usage/actual-usage.ts";
import { hostGrants } from "./plugins/host-grants/host-grants.ts";
import { hostPorts } from "./plugins/host-ports/host-ports.ts";
import { instanceAffinity } from "./plugins/instance-affinity/instance-affinity.ts";
import { isolationAvailable } from "./plugins/isolation-available/isolation-available.ts";
import { leastAllocated } from "./plugins/least-allocated/least-allocated.ts";
import { moduleLocality } from "./plugins/module-locality/module-locality.ts";
import { nodeAffinity, preferredNodeAffinity } from "./plugins/node-affinity/node-affinity.ts";
import { nodePressure } from "./plugins/node-pressure/node-pressure.ts";
import { nodeReady } from "./plugins/node-ready/node-ready.ts";
import { nodeSelector } from "./plugins/node-selector/node-selector.ts";
import { nodeUnschedulable } from "./plugins/node-unschedulable/node-unschedulable.ts";
import { ownerSpread } from "./plugins/owner-spread/owner-spread.ts";
import { resourcesFit } from "./plugins/resources-fit/resources-fit.ts";
import { runtimeAvailable } from "./plugins/runtime-available/runtime-available.ts";
import {
  noExecuteTaints,
  preferUntainted,
  taintsAndTolerations,
} from "./plugins/taints-and-tolerations/taints-and-tolerations.ts";
import { topologySpread } from "./plugins/topology-spread/topology-spread.ts";

/** Rules about the node before those about what is left on it: the former are judged once per node. */
export const defaultProfile: Profile = {
  name: "default",
  filters: [
    nodeReady,
    nodeUnschedulable,
    nodeSelector,
    nodeAffinity,
    runtimeAvailable,
    isolationAvailable,
    hostGrants,
    taintsAndTolerations,
    noExecuteTaints,
    nodePressure,
    resourcesFit,
    hostPorts,
  ],
  scores: [
    { plugin: preferUntainted, weight: 3 },
    { plugin: preferredNodeAffinity, weight: 2 },
    { plugin: ownerSpread, weight: 2 },
    { plugin: leastAllocated, weight: 1 },
    // As much as what is requested: the one is a promise, the other a measurement that is some seconds old.
    { plugin: actualUsage, weight: 1 },
    // A node with the module may be fuller by an eighth, over both scores above, before one without it is preferred.
    { plugin: moduleLocality, weight: 0.25 },
  ],
  topology: [
    { plugin: topologySpread, weight: 2 },
    { plugin: instanceAffinity, weight: 2 },
  ],
};
