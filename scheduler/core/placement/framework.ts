/**
 * What a placement plugin is.
 *
 * A plugin is prepared once per request, which is what kube-scheduler calls PreFilter and PreScore: it reads the
 * request and returns a function of one node, or undefined where it has nothing to say (the Skip of kube-scheduler).
 * These functions depend on nothing but the node given to them. That is the rule which makes placement fast: when one
 * node changes, one node is judged again. Plugins must not keep state and must not throw.
 */
import type { PlacementRequirements } from "../model.ts";
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
  /** What would end this refusal, for people who want the instance on this very node. Empty: nothing is known to. */
  readonly remedy: string;
  /** How far the node is from it, from 0 (nearly fits) to 1: of what is wanted, the share that is missing. */
  readonly distance: number;
}

export type Verdict =
  | { readonly kind: "success" }
  /** Does not fit now; removing instances from the node could help. The queue waits for an event that helps. */
  | { readonly kind: "unschedulable"; readonly reasons: readonly Reason[] }
  /** Does not fit whatever is removed from the node; the queue waits for a change of the node, or another node. */
  | { readonly kind: "unresolvable"; readonly reasons: readonly Reason[] };

export const success: Verdict = { kind: "success" };

export function unresolvable(summary: string, detail = summary, remedy = ""): Verdict {
  return { kind: "unresolvable", reasons: [{ summary, detail, remedy, distance: 1 }] };
}

/** Something that happened to a node and may let waiting instances through. */
export interface NodeEvent {
  readonly kind: "nodeAdded" | "nodeUpdated" | "capacityFreed";
  readonly view: NodeSnapshot;
}

export type NodeFilter = (view: NodeView) => Verdict;

/** From 0 to 100; more is better. */
export type NodeScore = (view: NodeView) => number;

export interface FilterPlugin {
  readonly name: string;
  /** `node`: judges only `view.node`, so its verdict holds until the node itself changes. */
  readonly reads: "node" | "allocation";
  prepare(requirements: PlacementRequirements): NodeFilter | undefined;
  /**
   * The queueing hint: whether the event may end this plugin's rejection. Absent: whether its filter now passes the
   * node, which is exact for every rule about one node.
   */
  mayHelp?(event: NodeEvent, requirements: PlacementRequirements): boolean;
}

export interface ScorePlugin {
  readonly name: string;
  prepare(requirements: PlacementRequirements): NodeScore | undefined;
}

/** How nodes are chosen: which rules hold, and what is preferred. */
export interface Profile {
  readonly name: string;
  /** In order; the first that rejects a node is the one whose hint decides when to try again. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly { readonly plugin: ScorePlugin; readonly weight: number }[];
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
  /** How many instances of the owner are bound to a node now. */
  ownerInstancesOn(nodeName: string): number;
}

export function viewOf(snapshot: NodeSnapshot, ownerInstances: number): NodeView {
  return { ...snapshot, ownerInstances };
}
