import type { PlacementRequirements, SpreadConstraint } from "../../../model.ts";
import {
  type CountedTerm,
  type DomainView,
  type Reason,
  success,
  type TopologyPlugin,
  type Verdict,
} from "../../framework.ts";
import type { InstanceSelector, Neighbours } from "../../neighbours.ts";
import { nodeAffinity } from "../node-affinity/node-affinity.ts";
import { nodeSelector } from "../node-selector/node-selector.ts";
import { noExecuteTaints, taintsAndTolerations } from "../taints-and-tolerations/taints-and-tolerations.ts";

/**
 * The instances that a constraint selects are to be spread evenly over the domains of a topology key.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
export const topologySpread: TopologyPlugin = {
  name: "topology-spread",
  prepare(requirements, neighbours) {
    const { spread } = requirements;
    if (spread.length === 0) return undefined;
    const required = [...spread.keys()].filter((place) => spread[place]?.isRequired === true);
    const preferred = [...spread.keys()].filter((place) => spread[place]?.isRequired === false);
    const verdictOf = (place: number, view: DomainView) => judge(spread[place], place, view);
    return {
      terms: spread.map((constraint) => termOf(constraint, requirements, neighbours)),
      scoring: preferred.length === 0 ? "none" : "share",
      passes: (view) => required.every((place) => isWithin(spread[place], place, view)),
      verdict(view) {
        for (const place of required) {
          const verdict = verdictOf(place, view);
          if (verdict.kind !== "success") return verdict;
        }
        return success;
      },
      score(view) {
        let sum = 0;
        for (const place of preferred) sum += evenness(place, view);
        return sum / preferred.length;
      },
    };
  },
  mayHelp({ namespace, labels }, requirements, neighbours) {
    return requirements.spread.some(
      (constraint) =>
        constraint.isRequired && neighbours.selects(selectorOf(constraint, requirements), namespace, labels),
    );
  },
};

function termOf(
  constraint: SpreadConstraint,
  requirements: PlacementRequirements,
  neighbours: Neighbours,
): CountedTerm {
  const selector = selectorOf(constraint, requirements);
  return {
    topologyKey: constraint.topologyKey,
    // Those that stop already make room, as in Kubernetes.
    counted: { kind: "selected", by: [selector], presence: "live" },
    countsItself: neighbours.selects(selector, requirements.namespace, requirements.labels),
    // Nodes without all of the keys that are required are no domain of any, as in Kubernetes.
    alongWith: requirements.spread
      .filter((one) => one.isRequired === constraint.isRequired)
      .map(({ topologyKey }) => topologyKey),
    leavesOut: exclusionOf(constraint, requirements),
  };
}

function selectorOf({ selector }: SpreadConstraint, { namespace }: PlacementRequirements): InstanceSelector {
  return { namespaces: [namespace], namespaceSelector: undefined, selector };
}

function exclusionOf(
  { honorsNodeAffinity, honorsTaints }: SpreadConstraint,
  requirements: PlacementRequirements,
): CountedTerm["leavesOut"] {
  const filters = [
    ...(honorsNodeAffinity ? [nodeSelector, nodeAffinity] : []),
    ...(honorsTaints ? [taintsAndTolerations, noExecuteTaints] : []),
  ].flatMap((plugin) => plugin.prepare(requirements) ?? []);
  return filters.length === 0
    ? undefined
    : (view) => filters.some((filter) => filter(view).kind !== "success");
}

function isWithin(constraint: SpreadConstraint | undefined, place: number, view: DomainView): boolean {
  if (constraint === undefined) return true;
  const count = view.count(place);
  return count >= 0 && skewAt(constraint, place, view) <= constraint.maxSkew;
}

/** What the skew would be with one more instance here. */
function skewAt({ minDomains }: SpreadConstraint, place: number, view: DomainView): number {
  const least = view.domains(place) < minDomains ? 0 : view.min(place);
  return view.count(place) + view.itself(place) - least;
}

function judge(constraint: SpreadConstraint | undefined, place: number, view: DomainView): Verdict {
  if (constraint === undefined) return success;
  const { topologyKey, maxSkew, minDomains } = constraint;
  const count = view.count(place);
  if (count < 0)
    return {
      kind: "unresolvable",
      reasons: [
        {
          summary: "node(s) didn't match instance topology spread constraints (missing required label)",
          detail: `topology spread over ${topologyKey}: the node has no such label`,
          remedy: `label the node with ${topologyKey}`,
        },
      ],
    };
  const skew = skewAt(constraint, place, view);
  if (skew <= maxSkew) return success;
  const domains = view.domains(place);
  const least =
    domains < minDomains
      ? `there are ${domains} of at least ${minDomains} domains, so the emptiest counts as 0`
      : `the emptiest, ${view.emptiest(place)}, has ${view.min(place)}`;
  const reason: Reason = {
    summary: "node(s) didn't match instance topology spread constraints",
    detail: `topology spread over ${topologyKey}: ${view.domain(place)} has ${count} matching, ${least}; one more makes a skew of ${skew}, above ${maxSkew}`,
    remedy:
      domains < minDomains
        ? `add a node with another ${topologyKey}, or lower minDomains to ${domains}`
        : `frees up when ${view.emptiest(place)} takes more; or allow a maxSkew of ${skew}, or only prefer it (ScheduleAnyway)`,
  };
  return { kind: "unschedulable", reasons: [reason] };
}

/** 100 in the emptiest domain, and less the more instances there are above that. */
function evenness(place: number, view: DomainView): number {
  const count = view.count(place);
  return count < 0 ? 0 : 100 / (1 + count - view.min(place));
}
