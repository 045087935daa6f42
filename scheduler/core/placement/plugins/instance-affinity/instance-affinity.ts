import type { AffinityTerm } from "../../../../../api/gen/kinds.gen.ts";
import type { PlacementRequirements } from "../../../model.ts";
import {
  type CountedTerm,
  type DomainView,
  success,
  type TopologyPlugin,
  type TopologyRules,
  type Verdict,
} from "../../framework.ts";
import { type Concern, type InstanceCounts, type Neighbours, selectorOf } from "../../neighbours.ts";

/**
 * Near and apart from other instances, and what those ask of their neighbours.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
export const instanceAffinity: TopologyPlugin = {
  name: "instance-affinity",
  prepare(requirements, neighbours) {
    const { namespace, labels, claims } = requirements;
    const { near, apart, preferred } = claims.affinity;
    const concerns = neighbours.concerns(namespace, labels);
    if (near.length + apart.length + preferred.length + concerns.length === 0) return undefined;
    const terms = new Terms();
    const nearPlaces = nearTerms(near, requirements, neighbours).map((term) => terms.add(term));
    const apartPlaces = apart.map((term) => terms.add(selectedTerm(term, requirements, neighbours)));
    const repelling = groupsOf(concerns.filter(({ effect }) => effect === "apart"));
    const repellingPlaces = repelling.map((group) => terms.add(keptTerm(group)));
    const weighted = [
      ...preferred.map(({ weight, term }) => ({
        weight,
        place: terms.add(selectedTerm(term, requirements, neighbours)),
      })),
      ...groupsOf(concerns).flatMap((group) =>
        group.effect === "apart" ? [] : [{ weight: group.effect, place: terms.add(keptTerm(group)) }],
      ),
    ];
    // As in Kubernetes, the first of those that want to be near each other may go anywhere.
    const mayBeFirst = near.length > 0 && nearPlaces.every((place) => terms.countsItself(place));
    const rules: Required<Pick<TopologyRules, "passes">> & TopologyRules = {
      terms: terms.all,
      passes: (view) =>
        repellingPlaces.every((place) => view.count(place) <= 0) &&
        apartPlaces.every((place) => view.count(place) <= 0) &&
        isNear(nearPlaces, mayBeFirst, view),
      verdict(view) {
        if (rules.passes(view)) return success;
        const repelled = repellingPlaces.findIndex((place) => view.count(place) > 0);
        if (repelled >= 0)
          return repelledVerdict(
            repelling[repelled]?.topologyKey ?? "",
            view.domain(repellingPlaces[repelled] ?? 0),
          );
        const close = apartPlaces.findIndex((place) => view.count(place) > 0);
        if (close >= 0) return tooCloseVerdict(apart[close], apartPlaces[close] ?? 0, view);
        const far = nearPlaces.findIndex((place) => view.count(place) <= 0);
        return tooFarVerdict(near[far], nearPlaces[far] ?? 0, view);
      },
      scoring: weighted.length === 0 ? "none" : "relative",
      score(view) {
        let sum = 0;
        for (const { weight, place } of weighted) sum += weight * Math.max(0, view.count(place));
        return sum;
      },
    };
    return rules;
  },
  mayHelp({ kind, namespace, labels, affinity }, requirements, neighbours) {
    const { near, apart } = requirements.claims.affinity;
    const concernsIt = (terms: readonly AffinityTerm[]) =>
      terms.some((term) => neighbours.selects(selectorOf(term), namespace, labels));
    if (kind === "instancesBound") return concernsIt(near);
    return (
      concernsIt(apart) ||
      affinity.apart.some((term) =>
        neighbours.selects(selectorOf(term), requirements.namespace, requirements.labels),
      )
    );
  },
};

/** What is counted, each with its place. */
class Terms {
  readonly all: CountedTerm[] = [];

  add(term: CountedTerm): number {
    return this.all.push(term) - 1;
  }

  countsItself(place: number): boolean {
    return this.all[place]?.countsItself === true;
  }
}

/** Only instances that all of the terms select count, as in Kubernetes. */
function nearTerms(
  near: readonly AffinityTerm[],
  { namespace, labels }: PlacementRequirements,
  neighbours: Neighbours,
): readonly CountedTerm[] {
  const by = near.map(selectorOf);
  const countsItself = by.every((selector) => neighbours.selects(selector, namespace, labels));
  return near.map(({ topologyKey }) => ({
    topologyKey,
    counted: { kind: "selected", by, presence: "present" },
    countsItself,
    alongWith: [],
    leavesOut: undefined,
  }));
}

function selectedTerm(
  term: AffinityTerm,
  { namespace, labels }: PlacementRequirements,
  neighbours: Neighbours,
): CountedTerm {
  const selector = selectorOf(term);
  return {
    topologyKey: term.topologyKey,
    counted: { kind: "selected", by: [selector], presence: "present" },
    countsItself: neighbours.selects(selector, namespace, labels),
    alongWith: [],
    leavesOut: undefined,
  };
}

/** Concerns that mean the same: one term for all of them, however many templates have them. */
interface ConcernGroup {
  readonly topologyKey: string;
  readonly effect: Concern["effect"];
  readonly counts: InstanceCounts[];
}

function groupsOf(concerns: readonly Concern[]): readonly ConcernGroup[] {
  const groups = new Map<string, ConcernGroup>();
  for (const { term, effect, counts } of concerns) {
    const { topologyKey } = term;
    const key = `${effect}/${topologyKey}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { topologyKey, effect, counts: [counts] });
    else group.counts.push(counts);
  }
  return [...groups.values()];
}

function keptTerm({ topologyKey, counts }: ConcernGroup): CountedTerm {
  return {
    topologyKey,
    counted: { kind: "kept", counts },
    countsItself: false,
    alongWith: [],
    leavesOut: undefined,
  };
}

function isNear(places: readonly number[], mayBeFirst: boolean, view: DomainView): boolean {
  if (places.every((place) => view.count(place) > 0)) return true;
  return mayBeFirst && places.every((place) => view.count(place) >= 0 && view.total(place) === 0);
}

function repelledVerdict(topologyKey: string, domain: string): Verdict {
  const summary = "node(s) didn't satisfy existing instances' anti-affinity rules";
  const detail = `instances in ${topologyKey}=${domain} are to be apart from this one (their anti-affinity)`;
  const remedy = `frees up when those in ${domain} end; or give this one labels that they do not mind`;
  return { kind: "unschedulable", reasons: [{ summary, detail, remedy }] };
}

function tooCloseVerdict(term: AffinityTerm | undefined, place: number, view: DomainView): Verdict {
  const summary = "node(s) didn't match instance anti-affinity rules";
  const detail = `anti-affinity over ${term?.topologyKey}: ${view.domain(place)} has ${view.count(place)} of those it is to be apart from`;
  const remedy = `frees up when those in ${view.domain(place)} end; or prefer to be apart instead of requiring it`;
  return { kind: "unschedulable", reasons: [{ summary, detail, remedy }] };
}

/** Taking instances away brings none near: nothing that preemption could help. */
function tooFarVerdict(term: AffinityTerm | undefined, place: number, view: DomainView): Verdict {
  const summary = "node(s) didn't match instance affinity rules";
  const key = term?.topologyKey ?? "";
  const detail =
    view.count(place) < 0
      ? `affinity over ${key}: the node has no such label`
      : `affinity over ${key}: ${view.domain(place)} has none of those it is to be near`;
  const remedy =
    view.count(place) < 0
      ? `label the node with ${key}`
      : `place one of those it is to be near in ${view.domain(place)}; or prefer to be near instead of requiring it`;
  return { kind: "unresolvable", reasons: [{ summary, detail, remedy }] };
}
