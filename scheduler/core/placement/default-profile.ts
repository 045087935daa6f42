import type { Profile } from "./framework.ts";
import { instanceAffinity } from "./plugins/instance-affinity/instance-affinity.ts";
import { isolationAvailable } from "./plugins/isolation-available/isolation-available.ts";
import { leastAllocated } from "./plugins/least-allocated/least-allocated.ts";
import { nodePressure } from "./plugins/node-pressure/node-pressure.ts";
import { nodeReady } from "./plugins/node-ready/node-ready.ts";
import { nodeSelector } from "./plugins/node-selector/node-selector.ts";
import { nodeUnschedulable } from "./plugins/node-unschedulable/node-unschedulable.ts";
import { ownerSpread } from "./plugins/owner-spread/owner-spread.ts";
import { resourcesFit } from "./plugins/resources-fit/resources-fit.ts";
import { runtimeAvailable } from "./plugins/runtime-available/runtime-available.ts";
import {
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
    runtimeAvailable,
    isolationAvailable,
    taintsAndTolerations,
    nodePressure,
    resourcesFit,
  ],
  scores: [
    { plugin: preferUntainted, weight: 3 },
    { plugin: ownerSpread, weight: 2 },
    { plugin: leastAllocated, weight: 1 },
  ],
  topology: [
    { plugin: topologySpread, weight: 2 },
    { plugin: instanceAffinity, weight: 2 },
  ],
};
