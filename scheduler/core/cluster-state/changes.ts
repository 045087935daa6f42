import type { ClusterNode, Instance } from "../model.ts";

/** What an operation did to one instance. The engine derives from it which owner and which watchers to serve. */
export interface InstanceChange {
  readonly kind: "added" | "updated" | "removed";
  /** As it is now; the last known value if it was removed. */
  readonly instance: Instance;
  /** As it was; undefined if it was added. */
  readonly before: Instance | undefined;
  /** The node on which capacity became free, for placement's queue. */
  readonly freedOn: string | undefined;
}

export interface NodeChange {
  readonly kind: "added" | "updated" | "removed";
  readonly node: ClusterNode;
  readonly before: ClusterNode | undefined;
}

/** A node's change with what it did to the instances there. */
export interface NodeLoss {
  readonly node: NodeChange;
  readonly instances: readonly InstanceChange[];
}

export type AssumeOutcome =
  | { readonly kind: "assumed"; readonly change: InstanceChange }
  /** The proposal is out of date: the instance is no longer pending. Drop it. */
  | { readonly kind: "gone" }
  /** The node changed since the snapshot. Queue the instance again. */
  | { readonly kind: "rejected"; readonly message: string };

export type ObserveOutcome =
  | { readonly kind: "changed"; readonly change: InstanceChange }
  /** Known already, or older than what is known. Ended instances stay so, whatever is said of them later. */
  | { readonly kind: "stale" }
  /** Not an instance of this state, or not of this node: the node should stop it and forget it. */
  | { readonly kind: "unknown" };

export type AdoptOutcome =
  | { readonly kind: "changed"; readonly change: InstanceChange }
  | { readonly kind: "unchanged" }
  /** It is bound to another node, or its end was declared meanwhile: this copy is the extra one and should stop. */
  | { readonly kind: "refused"; readonly why: "elsewhere" | "ended" };
