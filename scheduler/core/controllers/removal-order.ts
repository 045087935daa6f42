import type { Instance } from "../model.ts";
import { atOnce, isAvailable, type NotYet } from "./availability.ts";

export function isLive(instance: Instance): boolean {
  return instance.state.kind === "pending" || instance.state.kind === "bound";
}

/**
 * Live instances of one owner in the order in which they should go, as a ReplicaSet's: without a node first, then not
 * running, not ready, not available yet; before others that are as far, who should go anyway; from the node with most of them, more often restarted,
 * younger. Where several leave one node, each counts only those that would still be there, so that what remains is spread.
 */
export function inRemovalOrder(instances: readonly Instance[], notYet: NotYet = atOnce): readonly Instance[] {
  const progress = (instance: Instance) => progressOf(instance, notYet);
  const crowding = crowdingOf(instances, progress);
  const crowdingOn = (instance: Instance) => crowding.get(instance) ?? 0;
  return instances.toSorted(
    (a, b) =>
      progress(a) - progress(b) ||
      stays(a) - stays(b) ||
      crowdingOn(b) - crowdingOn(a) ||
      restarts(b) - restarts(a) ||
      byAge(a, b),
  );
}

/** The first `count` to go; none if it is negative. */
export function firstToGo(
  instances: readonly Instance[],
  count: number,
  notYet: NotYet = atOnce,
): readonly Instance[] {
  if (count <= 0) return [];
  return count >= instances.length ? instances : inRemovalOrder(instances, notYet).slice(0, count);
}

/** 0: no node yet, 1: bound, 2: running, 3: ready, 4: available. */
function progressOf(instance: Instance, notYet: NotYet): number {
  const { state } = instance;
  if (state.kind !== "bound") return 0;
  if (state.observed?.phase !== "Running") return 1;
  if (!state.observed.ready) return 2;
  return isAvailable(instance, notYet) ? 4 : 3;
}

function stays({ leaving }: Instance): number {
  return leaving === undefined ? 1 : 0;
}

/** Of each bound instance, how many of its owner's its node would hold were all younger ones there gone. */
function crowdingOf(
  instances: readonly Instance[],
  progress: (instance: Instance) => number,
): ReadonlyMap<Instance, number> {
  const onNode = new Map<string, Instance[]>();
  for (const instance of instances) {
    if (instance.state.kind !== "bound") continue;
    const group = onNode.get(instance.state.nodeName);
    if (group === undefined) onNode.set(instance.state.nodeName, [instance]);
    else group.push(instance);
  }
  const crowding = new Map<Instance, number>();
  for (const group of onNode.values()) {
    group.sort((a, b) => progress(b) - progress(a) || restarts(a) - restarts(b) || byAge(b, a));
    for (const [older, instance] of group.entries()) crowding.set(instance, older + 1);
  }
  return crowding;
}

function restarts({ state }: Instance): number {
  return state.kind === "bound" ? (state.observed?.restarts ?? 0) : 0;
}

/** Younger first; the uid decides between equals, so that the order never depends on how they were listed. */
function byAge(a: Instance, b: Instance): number {
  return b.createdMs - a.createdMs || (a.uid < b.uid ? 1 : a.uid > b.uid ? -1 : 0);
}
