/** Which nodes get the current template next. Without surge the old instance goes first; with surge the new one comes first. */
import type { ClusterNode, Instance } from "../../model.ts";
import { isReady } from "../availability.ts";
import type { Place } from "./daemon-census.ts";
import type { UpdateLimits } from "./update-limits.ts";

export interface UpdateView {
  /** Without what goes anyhow. */
  readonly places: Iterable<Pick<Place, "node" | "match" | "live">>;
  readonly limits: UpdateLimits;
  readonly isCurrent: (instance: Instance) => boolean;
  readonly isAvailable: (instance: Instance) => boolean;
}

export interface UpdatePlan {
  /** Old ones whose node gets a new one afterwards, or has one. */
  readonly stop: readonly Instance[];
  /** Nodes that get a second instance. */
  readonly surgeOn: readonly ClusterNode[];
}

/**
 * Old ones that are not available are replaced at once, as in Kubernetes. Available ones go as long as no more nodes than
 * `unavailable` are without an available instance. A node that is silent is left alone: it would not hear of it.
 */
export function planReplacements({ places, limits, isCurrent, isAvailable }: UpdateView): UpdatePlan {
  const useless: Instance[] = [];
  const serving: Instance[] = [];
  let unavailable = 0;
  for (const { node, match, live } of places) {
    if (match.kind !== "wanted") continue;
    const isConnected = node.connection.kind === "connected";
    if (!live.some(isAvailable) && (isConnected || live.length > 0)) unavailable++;
    if (!isConnected) continue;
    for (const instance of live) {
      if (isCurrent(instance)) continue;
      (isAvailable(instance) ? serving : useless).push(instance);
    }
  }
  const room = Math.max(0, limits.unavailable - unavailable);
  return { stop: [...useless, ...serving.slice(0, room)], surgeOn: [] };
}

/**
 * As many nodes as `surge` have an old and a new instance until the new one is available. Where the old one serves nobody there is
 * no need for two.
 */
export function planSurge({ places, limits, isCurrent, isAvailable }: UpdateView): UpdatePlan {
  const stop: Instance[] = [];
  const candidates: ClusterNode[] = [];
  let surging = 0;
  for (const { node, match, live } of places) {
    const old = live.find((instance) => !isCurrent(instance));
    if (old === undefined || match.kind !== "wanted") continue;
    const current = live.find(isCurrent);
    const isDone = current !== undefined && isAvailable(current);
    if (current !== undefined && !isDone) surging++;
    if (node.connection.kind !== "connected") continue;
    if (!isReady(old) || isDone) stop.push(old);
    else if (current === undefined) candidates.push(node);
  }
  return { stop, surgeOn: candidates.slice(0, Math.max(0, limits.surge - surging)) };
}
