import { stringify } from "yaml";
import {
  type PlacementConfiguration,
  type ProfileDeclaration,
  toProfile,
} from "../core/placement/profile-declaration.ts";
import { durationText } from "./fields.ts";
import { configApiVersion, configKind } from "./parse.ts";

/** The file that says in full what holds: with every weight, and every default. */
export function printPlacementConfig({ profiles, overcommit, backoff }: PlacementConfiguration): string {
  return stringify({
    apiVersion: configApiVersion,
    kind: configKind,
    profiles: profiles.map(printProfile),
    overcommit,
    backoff: { initial: durationText(backoff.initialMs), max: durationText(backoff.maxMs) },
  });
}

function printProfile(declaration: ProfileDeclaration): unknown {
  const { name, strategy, disabledFilters, weights, usageLimit } = declaration;
  const { scores, topology } = toProfile(declaration);
  const effective = [...scores, ...topology].map(({ plugin, weight }) => ({ name: plugin.name, weight }));
  const shown = new Set(effective.map((score) => score.name));
  const unused = [...weights.keys()].filter((score) => !shown.has(score));
  const percents = Object.entries(usageLimit ?? {}).filter(([, percent]) => Number.isFinite(percent));
  return {
    name,
    strategy,
    ...(disabledFilters.size === 0 ? {} : { filters: { disabled: [...disabledFilters] } }),
    scores: [...effective, ...unused.map((score) => ({ name: score, weight: 0 }))],
    ...(percents.length === 0 ? {} : { usageLimit: Object.fromEntries(percents) }),
  };
}
