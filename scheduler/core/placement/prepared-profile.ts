import type { PlacementRequirements } from "../model.ts";
import type { Neighbours } from "./neighbours.ts";
import type { PreparedTopology } from "./topology/topology.ts";
import type { FilterPlugin, NodeFilter, NodeScore, NodeView, Profile } from "./framework.ts";

interface PreparedFilter {
  readonly plugin: FilterPlugin;
  readonly filter: NodeFilter;
}

interface PreparedScore {
  readonly name: string;
  readonly weight: number;
  readonly score: NodeScore;
}

/** A profile's plugins that have something to say of one request, ready to judge nodes. */
export interface PreparedProfile {
  /** In the profile's order. */
  readonly filters: readonly PreparedFilter[];
  readonly nodeFilters: readonly NodeFilter[];
  readonly allocationFilters: readonly NodeFilter[];
  readonly scores: readonly PreparedScore[];
  readonly topology: readonly PreparedTopology[];
}

export function prepareProfile(
  profile: Profile,
  requirements: PlacementRequirements,
  neighbours: Neighbours,
): PreparedProfile {
  const filters: PreparedFilter[] = [];
  for (const plugin of profile.filters) {
    const filter = plugin.prepare(requirements);
    if (filter !== undefined) filters.push({ plugin, filter });
  }
  const scores: PreparedScore[] = [];
  for (const { plugin, weight } of profile.scores) {
    const score = plugin.prepare(requirements, neighbours);
    if (score !== undefined) scores.push({ name: plugin.name, weight, score });
  }
  const reading = (what: FilterPlugin["reads"]) =>
    filters.filter(({ plugin }) => plugin.reads === what).map(({ filter }) => filter);
  const topology: PreparedTopology[] = [];
  for (const { plugin, weight } of profile.topology) {
    const rules = plugin.prepare(requirements, neighbours);
    if (rules !== undefined) topology.push({ name: plugin.name, weight, rules });
  }
  return {
    filters,
    nodeFilters: reading("node"),
    allocationFilters: reading("allocation"),
    scores,
    topology,
  };
}

export function passes(filters: readonly NodeFilter[], view: NodeView): boolean {
  for (const filter of filters) if (filter(view).kind !== "success") return false;
  return true;
}

/** The weighted sum; a score that is no number counts nothing. */
export function totalScore({ scores }: PreparedProfile, view: NodeView): number {
  let total = 0;
  for (const { weight, score } of scores) total += weight * score(view);
  return Number.isFinite(total) ? total : 0;
}
