/** What placement sees of the instances that are placed already: counted, by labels and by node. */
import type { AffinityTerm, LabelSelector } from "../../../api/gen/kinds.gen.ts";

import type { Instance, Resources } from "../model.ts";

export type Labels = Readonly<Record<string, string>>;

/** Which instances count: those of these namespaces (named, or selected by the namespaces' labels) that have these labels. */
export interface InstanceSelector {
  readonly namespaces: readonly string[];
  /** Namespaces with these labels, beside those that are named; an empty one selects all. */
  readonly namespaceSelector: LabelSelector | undefined;
  /** undefined selects no instance, an empty one all. */
  readonly selector: LabelSelector | undefined;
}

/** `live`: bound to a node. `present`: bound or stopping, so that it may still run. */
export type Presence = "live" | "present";

/** How many instances of some kind each node has. Live: it changes with the cluster state. */
export interface InstanceCounts {
  on(nodeName: string): number;
  readonly total: number;
  /** Nodes that have any. */
  nodes(): Iterable<string>;
}

/** A count that somebody follows until it is disposed of. */
export interface FollowedCounts extends InstanceCounts, Disposable {}

/** Placed instances of one template, whose own terms concern some request. */
export interface Concern {
  readonly term: AffinityTerm;
  /** `apart`: they allow no such instance in their domains. A number: how much they like (or, below 0, dislike) one there. */
  readonly effect: "apart" | number;
  readonly counts: InstanceCounts;
}

export interface Neighbours {
  /** What all placed instances request together. Live: it changes with the cluster state. */
  readonly requested: Resources;
  /** How many instances of an owner are bound to each node. */
  ownedBy(ownerUid: string): InstanceCounts;
  /** How many instances all of these selectors select, until the counts are disposed of. */
  follow(selectors: readonly InstanceSelector[], presence: Presence): FollowedCounts;
  /** Whether it selects an instance with these labels in this namespace. */
  selects(selector: InstanceSelector, namespace: string, labels: Labels): boolean;
  /** What placed instances ask of an instance with these labels in this namespace. */
  concerns(namespace: string, labels: Labels): readonly Concern[];
  /** Whether a placed instance is of those that a concern counts. */
  isCountedIn(counts: InstanceCounts, instance: Instance): boolean;
  /** Grows when {@link concerns} may answer otherwise than before. */
  readonly concernsVersion: number;
  /** Grows when followed counts have changed although no node has: namespaces are selected otherwise. */
  readonly recountVersion: number;
}

export function selectorOf(term: AffinityTerm): InstanceSelector {
  const { namespaces = [], namespaceSelector, labelSelector: selector } = term;
  return { namespaces, namespaceSelector, selector };
}

const nobody: InstanceCounts = { on: () => 0, total: 0, nodes: () => [] };

/** A cluster without instances. */
export const noNeighbours: Neighbours = {
  requested: { cpuMillis: 0, memoryBytes: 0 },
  ownedBy: () => nobody,
  follow: () => ({ ...nobody, [Symbol.dispose]: () => undefined }),
  selects: () => false,
  concerns: () => [],
  isCountedIn: () => false,
  concernsVersion: 0,
  recountVersion: 0,
};

/** Several counts as one. */
export function sumOf(parts: readonly InstanceCounts[]): InstanceCounts {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const sum = (valueOf: (part: InstanceCounts) => number) => {
    let total = 0;
    for (const part of parts) total += valueOf(part);
    return total;
  };
  return {
    on: (nodeName) => sum((part) => part.on(nodeName)),
    get total() {
      return sum((part) => part.total);
    },
    nodes: () => new Set(parts.flatMap((part) => [...part.nodes()])),
  };
}
