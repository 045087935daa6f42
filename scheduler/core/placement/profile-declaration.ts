import type { BackoffLimits } from "../../../kit/backoff.ts";
import { noOvercommit, type Overcommit } from "../model.ts";
import { profilesOf, type FilterPlugin, type Profile, type Profiles } from "./framework.ts";
import { usageLimit, type UsageLimit } from "./plugins/usage-limit/usage-limit.ts";
import { filterPlugins, scorePlugins, scoresOf, type Strategy, topologyPlugins } from "./strategies.ts";

/** A profile as people declare it: a strategy, and what is different. */
export interface ProfileDeclaration {
  readonly name: string;
  readonly strategy: Strategy;
  readonly disabledFilters: ReadonlySet<string>;
  /** In place of those of the strategy; 0: not asked. */
  readonly weights: ReadonlyMap<string, number>;
  readonly usageLimit: UsageLimit | undefined;
}

/** How a cluster chooses nodes. */
export interface PlacementConfiguration {
  /** The first one decides for templates that name none. Not empty. */
  readonly profiles: readonly ProfileDeclaration[];
  /** Of nodes that say nothing of it themselves. */
  readonly overcommit: Overcommit;
  /** How long instances without a place rest at least, once an event woke them. */
  readonly backoff: BackoffLimits;
}

const plain = {
  disabledFilters: new Set<string>(),
  weights: new Map<string, number>(),
  usageLimit: undefined,
};

export const defaultConfiguration: PlacementConfiguration = {
  profiles: [
    { ...plain, name: "default", strategy: "spread" },
    { ...plain, name: "pack", strategy: "pack" },
  ],
  overcommit: noOvercommit,
  // A first wait that nobody notices; a last one that a cluster of full nodes can bear for all that wait.
  backoff: { initialMs: 100, factor: 2, maxMs: 10_000 },
};

/** Its names are known: the configuration is checked where it is read. */
export function toProfile({
  name,
  strategy,
  disabledFilters,
  weights,
  usageLimit: limit,
}: ProfileDeclaration): Profile {
  const filters: FilterPlugin[] = filterPlugins.filter((plugin) => !disabledFilters.has(plugin.name));
  if (limit !== undefined) filters.push(usageLimit(limit));
  const base = new Map(scoresOf(strategy).map(({ plugin, weight }) => [plugin.name, weight]));
  const scores = scorePlugins.flatMap((plugin) => {
    const weight = weights.get(plugin.name) ?? base.get(plugin.name) ?? 0;
    return weight > 0 ? [{ plugin, weight }] : [];
  });
  // Without weight its filter stays.
  const topology = topologyPlugins.flatMap(({ plugin, weight }) =>
    disabledFilters.has(plugin.name) ? [] : [{ plugin, weight: weights.get(plugin.name) ?? weight }],
  );
  return { name, filters, scores, topology };
}

export function toProfiles({ profiles }: Pick<PlacementConfiguration, "profiles">): Profiles {
  const [first, ...others] = profiles.map(toProfile);
  return profilesOf(first ?? toProfile({ ...plain, name: "default", strategy: "spread" }), ...others);
}

/** Whether what nodes use decides more than an order, so that a fall of it can let instances in. */
export function limitsUsage({ profiles }: Pick<PlacementConfiguration, "profiles">): boolean {
  return profiles.some(({ usageLimit }) => usageLimit !== undefined);
}
