/**
 * What a placement plugin is, in the phases of kube-scheduler's framework:
 *
 *   PreFilter, PreScore   `prepare`, once per request: reads it and returns a function, or undefined where it has nothing to say (Skip)
 *   Filter, Score         that function, of one node (FilterPlugin, ScorePlugin) or of its domains (TopologyPlugin)
 *   PostFilter            preemption/, where no node passes
 *   Reserve, Unreserve    ClusterState.assume and forget: the one writer commits a proposal or rejects it
 *   Permit                gangs, which are committed whole or not at all
 *   Bind                  the assignment over the node's session
 *
 * Functions of one node depend on nothing but that node, and functions of domains on nothing but the counts in them. That is the rule
 * which makes placement fast: when one node changes, one node is judged again, and nodes of the same domains are judged
 * together. Plugins must not keep state and must not throw.
 */
import type { InstanceAffinity, PlacementRequirements } from "../model.ts";
import type { InstanceCounts, InstanceSelector, Labels, Neighbours, Presence } from "./neighbours.ts";
import type { NodeSnapshot } from "./snapshot.ts";

/** One node as plugins see it. */
export interface NodeView extends NodeSnapshot {
  /** How many instances of the request's owner are bound to it. */
  readonly ownerInstances: number;
}

export interface Reason {
  /** Counted over all nodes, so without figures: "insufficient memory". */
  readonly summary: string;
  /** The same for one node, with figures. */
  readonly detail: string;
  /** What would end this refusal, for people who want the instance on this very node. */
  readonly remedy?: string;
  /** How far the node is from it, from 0 (nearly fits) to 1: of what is wanted, the share that is missing. */
  readonly distance?: number;
}

export type Verdict =
  | { readonly kind: "success" }
  /** Does not fit now; removing instances from the node could help. The queue waits for an event that helps. */
  | { readonly kind: "unschedulable"; readonly reasons: readonly Reason[] }
  /** Does not fit whatever is removed from the node; the queue waits for a change of the node, or another node. */
  | { readonly kind: "unresolvable"; readonly reasons: readonly Reason[] };

export const success: Verdict = { kind: "success" };

export function unresolvable(summary: string, detail = summary, remedy?: string): Verdict {
  return {
    kind: "unresolvable",
    reasons: [{ summary, detail, ...(remedy === undefined ? {} : { remedy }) }],
  };
}

/** Something that happened to a node and may let waiting instances through. */
export interface NodeEvent {
  readonly kind: "nodeAdded" | "nodeUpdated" | "capacityFreed";
  readonly view: NodeSnapshot;
}

export type NodeFilter = (view: NodeView) => Verdict;

/** From 0 to 100; more is better. */
export type NodeScore = (view: NodeView) => number;

/** What rules about nodes alone may look at: templates that are alike in it share their verdicts. */
export type NodeRequirements = Omit<
  PlacementRequirements,
  "labels" | "requests" | "spread" | "image" | "claims"
>;

/** Judges only `view.node`, so its verdict holds until the node itself changes, for all templates that are alike. */
export interface NodeFilterPlugin extends AnyFilterPlugin {
  readonly reads: "node";
  prepare(requirements: NodeRequirements): NodeFilter | undefined;
}

export interface AllocationFilterPlugin extends AnyFilterPlugin {
  readonly reads: "allocation";
  prepare(requirements: PlacementRequirements): NodeFilter | undefined;
}

export type FilterPlugin = NodeFilterPlugin | AllocationFilterPlugin;

interface AnyFilterPlugin {
  readonly name: string;
  /**
   * The queueing hint: whether the event may end this plugin's rejection. Absent: whether its filter now passes the
   * node, which is exact for every rule about one node.
   */
  mayHelp?(event: NodeEvent, requirements: PlacementRequirements): boolean;
}

/** Placed instances, counted per domain: the nodes that have the same value of a label. */
export interface CountedTerm {
  readonly topologyKey: string;
  /** Which instances: those that all of these select, or the sum of counts that somebody keeps already. */
  readonly counted:
    | {
        readonly kind: "selected";
        readonly by: readonly InstanceSelector[];
        readonly presence: Presence;
      }
    | { readonly kind: "kept"; readonly counts: readonly InstanceCounts[] };
  /** Whether an instance of the request, once placed, is counted itself. */
  readonly countsItself: boolean;
  /** Other topology keys of which a node must have all to be counted. */
  readonly alongWith: readonly string[];
  /** By what the node itself is: whether it is left out of account, whatever is on it; undefined: none is. */
  readonly leavesOut: ((view: NodeView) => boolean) | undefined;
}

/** What the terms of a plugin have counted for the domains of one node. Valid only during the call. */
export interface DomainView {
  /** In the node's domain; -1 if the node is in none. */
  count(term: number): number;
  /** What one more instance of the request adds to it: 1 if it is counted itself, else 0. */
  itself(term: number): number;
  /** In the domain that has fewest; 0 without domains. */
  min(term: number): number;
  /** How many domains there are. */
  domains(term: number): number;
  /** In all domains together. */
  total(term: number): number;
  /** The node's domain, as its label has it. */
  domain(term: number): string;
  /** A domain with fewest. */
  emptiest(term: number): string;
}

/**
 * A rule about where other instances are. It sees nothing of a node but the counts of its domains: so all nodes of the same
 * domains are judged once, and placing an instance costs the judging of domains, not of nodes.
 */
export interface TopologyRules {
  readonly terms: readonly CountedTerm[];
  /** Whether {@link verdict} is success; apart from it so that the way to a decision builds no texts. */
  passes?(view: DomainView): boolean;
  verdict?(view: DomainView): Verdict;
  /** `share`: from 0 to 100. `relative`: any number, brought to 0 to 100 between the least and the greatest of the nodes that pass. */
  readonly scoring: "none" | "share" | "relative";
  score?(view: DomainView): number;
}

export interface TopologyPlugin {
  readonly name: string;
  prepare(requirements: PlacementRequirements, neighbours: Neighbours): TopologyRules | undefined;
  /** The queueing hint for instances that came to a node or went from it: whether its rejection may end by that. */
  mayHelp(event: InstanceEvent, requirements: PlacementRequirements, neighbours: Neighbours): boolean;
}

/** Instances of one template were bound to nodes, or are gone from there. */
export interface InstanceEvent {
  readonly kind: "instancesBound" | "instancesGone";
  readonly namespace: string;
  readonly labels: Labels;
  readonly affinity: InstanceAffinity;
}

export interface ScorePlugin {
  readonly name: string;
  /**
   * Of `neighbours` it may read sums over the cluster: they move little between two nodes that are judged, and an order is all that
   * scores make.
   */
  prepare(requirements: PlacementRequirements, neighbours: Neighbours): NodeScore | undefined;
}

/** How nodes are chosen: which rules hold, and what is preferred. */
export interface Profile {
  readonly name: string;
  /** In order; the first that rejects a node is the one whose hint decides when to try again. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly { readonly plugin: ScorePlugin; readonly weight: number }[];
  /** Each filters, scores or both. Its filter comes after those of nodes. */
  readonly topology: readonly { readonly plugin: TopologyPlugin; readonly weight: number }[];
}

/** The profiles of a scheduler. Templates name one; the first decides for those that name none. */
export interface Profiles {
  /** Empty: the first. undefined: there is none of this name. */
  named(name: string): Profile | undefined;
  readonly names: readonly string[];
}

export function profilesOf(first: Profile, ...others: readonly Profile[]): Profiles {
  const byName = new Map([first, ...others].map((profile) => [profile.name, profile]));
  return { named: (name) => (name === "" ? first : byName.get(name)), names: [...byName.keys()] };
}

/** A wish to place instances that differ in nothing that placement looks at. */
export interface PlacementRequest {
  /** Same key, same requirements and owner: such as owner uid and template hash. */
  readonly key: string;
  readonly requirements: PlacementRequirements;
  /** As they are when the snapshot is taken that goes with the request. */
  readonly neighbours: Neighbours;
  /** The only node that will do; absent: any. Not part of the key. */
  readonly targetNode?: string | undefined;
}

export function viewOf(snapshot: NodeSnapshot, ownerInstances: number): NodeView {
  return { ...snapshot, ownerInstances };
}
