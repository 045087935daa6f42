/** What a profile can be made of: all filters and scores that there are, and the weights that a strategy begins with. */
import { defaultProfile } from "./default-profile.ts";
import type { FilterPlugin, Profile, ScorePlugin } from "./framework.ts";
import { leastAllocated } from "./plugins/least-allocated/least-allocated.ts";
import { actualUsage } from "./plugins/actual-usage/actual-usage.ts";
import { moduleLocality } from "./plugins/module-locality/module-locality.ts";
import { mostAllocated } from "./plugins/most-allocated/most-allocated.ts";
import { ownerSpread } from "./plugins/owner-spread/owner-spread.ts";

/** `spread`: instances go where most is left. `pack`: they go where least is left, so that whole nodes stay empty. */
export type Strategy = "spread" | "pack";

export const strategies: readonly Strategy[] = ["spread", "pack"];

/** These pull apart what `pack` wants together, or weigh too much there. */
const spreading: ReadonlySet<ScorePlugin> = new Set([
  ownerSpread,
  leastAllocated,
  actualUsage,
  moduleLocality,
]);
const packing: Profile["scores"] = [
  { plugin: mostAllocated, weight: 3 },
  // Between nodes that are about as full.
  { plugin: moduleLocality, weight: 0.05 },
];

export function scoresOf(strategy: Strategy): Profile["scores"] {
  if (strategy === "spread") return defaultProfile.scores;
  const kept = defaultProfile.scores.filter(({ plugin }) => !spreading.has(plugin));
  return [...kept, ...packing];
}

export const scorePlugins: readonly ScorePlugin[] = [
  ...defaultProfile.scores.map(({ plugin }) => plugin),
  mostAllocated,
];

export const filterPlugins: readonly FilterPlugin[] = defaultProfile.filters;

export const topologyPlugins: Profile["topology"] = defaultProfile.topology;

const topologyNames = topologyPlugins.map(({ plugin }) => plugin.name);

export const filterNames: readonly string[] = [...filterPlugins.map(({ name }) => name), ...topologyNames];

/** All that can have a weight. */
export const scoreNames: readonly string[] = [...scorePlugins.map(({ name }) => name), ...topologyNames];

/**
 * Rules that a profile may do without: what a template or an operator wants, whose disregard harms nobody else. All others
 * protect what runs, or keep away what the node would refuse.
 */
export const optionalFilters: ReadonlySet<string> = new Set([
  "node-selector",
  "node-affinity",
  "taints-and-tolerations",
  "topology-spread",
]);

const protectedBecause: Readonly<Record<string, string>> = {
  "node-ready": "a node without a session gets no assignment",
  "node-unschedulable": "what is drained would come back at once",
  "node-pressure": "the node would evict what it gets",
  "no-execute-taints": "what is placed there would be stopped at once, and made anew, for ever",
  "host-ports": "the port is held by another instance, and the commit would refuse it",
  "host-grants": "the node would refuse it",
  "resources-fit": "nodes would be promised to more instances than they hold, and the commit would refuse it",
  "runtime-available": "the node could not run it",
  "isolation-available": "the node could not run it as it asks to be",
  "instance-affinity": "instances of others may have been promised to be apart from it",
};

/** Why a profile may not do without a filter. */
export function protectionOf(filter: string): string {
  return protectedBecause[filter] ?? "it protects other instances, or keeps away what the node would refuse";
}
