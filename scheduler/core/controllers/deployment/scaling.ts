/**
 * Changes the number of instances without changing what they are: while paused, and when replicas changes in the middle of a
 * rolling update. Then each template gets its share of what is added or removed, as its part of all; what is left over goes to
 * the largest, of equals to the newest (and is taken from the oldest). So a template that turns out to be broken is not given
 * all of a larger load. Stopping never takes availability below replicas - maxUnavailable as long as others can go instead.
 */
import type { Instance } from "../../model.ts";
import { isAvailable } from "../availability.ts";
import { firstToGo, inRemovalOrder } from "../removal-order.ts";
import { releaseLeaving } from "./leaving.ts";
import { rolloutLimits } from "./rollout-limits.ts";
import { isIdle, isStaying, make, scaledDown, stop, type Plan, type Situation } from "./situation.ts";

/** Whether replicas has changed in the middle of a rolling update. */
export function isScaledInUpdate({ spec, rollout, target, oldLive }: Situation): boolean {
  if (spec.strategy.type === "Recreate" || rollout === undefined || rollout.replicas === spec.replicas)
    return false;
  const isSaturated = target.live.length === spec.replicas && target.available === spec.replicas;
  return target.live.length > 0 && oldLive > 0 && !isSaturated;
}

/** `numberOf`: of kept templates. */
export function planScaling(
  situation: Situation,
  numberOf: (templateHash: string) => number | undefined,
): Plan {
  const { spec, rollout, target, oldLive } = situation;
  const targetSize = Math.max(target.live.length - target.leaving, rollout?.updatedReplicas ?? 0);
  const oldSize = Math.max(oldLive, rollout?.oldReplicas ?? 0);
  const isAlone = oldSize === 0 || targetSize === 0 || spec.strategy.type === "Recreate";
  if (!isAlone && rollout?.replicas !== spec.replicas) return share(situation, numberOf);
  const wanted = isAlone ? alone(situation, oldSize) : { target: targetSize, old: oldSize };
  return fill(situation, wanted.target, wanted.old);
}

/** With one template there is nothing to share. */
function alone({ spec }: Situation, oldSize: number): { readonly target: number; readonly old: number } {
  return oldSize === 0 ? { target: spec.replicas, old: 0 } : { target: 0, old: spec.replicas };
}

/** What is missing is made; only a template that is alone is given less than it has. */
function fill(situation: Situation, targetWanted: number, oldWanted: number): Plan {
  const { spec, limits, target, old, oldLive, total, fallback, held, canMake, census } = situation;
  const room = Math.max(0, limits.totalMax - total);
  const oldMissing = fallback === undefined ? 0 : oldWanted - oldLive - held(fallback);
  const oldMade = Math.min(room, Math.max(0, oldMissing));
  const staying = target.live.length - target.leaving;
  const targetMissing = canMake(target.templateHash) ? targetWanted - staying - held(target.templateHash) : 0;
  const targetMade = Math.min(room - oldMade, Math.max(0, targetMissing));
  const surplus = [
    ...firstToGo(target.live.filter(isStaying), staying - targetWanted, census.notYet),
    ...firstToGo(
      old.flatMap(({ live }) => live),
      oldLive - oldWanted,
      census.notYet,
    ),
  ];
  const release = releaseLeaving(situation, oldMade + targetMade, surplus);
  return {
    steps: [
      ...(fallback === undefined ? [] : make(situation, fallback, oldMade)),
      ...make(situation, target.templateHash, targetMade),
      ...stop(surplus, scaledDown(spec)),
      ...release.steps,
    ],
    updatedReplicas: targetWanted,
    oldReplicas: oldWanted,
    wakeAtMs: release.wakeAtMs,
  };
}

function share(situation: Situation, numberOf: (templateHash: string) => number | undefined): Plan {
  const { spec, rollout, limits, target, old, total, canMake } = situation;
  const before = rolloutLimits({ ...spec, replicas: rollout?.replicas ?? spec.replicas }).totalMax;
  const allowed = spec.replicas === 0 ? 0 : limits.totalMax;
  const counts = [target, ...old].map(({ templateHash, live }) => ({
    templateHash,
    size: live.length,
    number: numberOf(templateHash) ?? 0,
  }));
  const changes = shares(counts, allowed - total, allowed / Math.max(1, before));
  const grown = [...changes].filter(([hash, change]) => change > 0 && canMake(hash));
  const made = grown.reduce((sum, [, change]) => sum + change, 0);
  const stopped = chooseStops(situation, changes);
  const release = releaseLeaving(situation, made, stopped);
  const change = (hash: string) => changes.get(hash) ?? 0;
  return {
    steps: [
      ...grown.flatMap(([hash, count]) => make(situation, hash, count)),
      ...stop(stopped, scaledDown(spec)),
      ...release.steps,
    ],
    updatedReplicas: target.live.length + change(target.templateHash),
    oldReplicas: old.reduce((sum, { templateHash, live }) => sum + live.length + change(templateHash), 0),
    wakeAtMs: release.wakeAtMs,
  };
}

export interface Sized {
  readonly templateHash: string;
  readonly size: number;
  /** Of its revision. */
  readonly number: number;
}

/** By how much each changes, `delta` together: each as `ratio` would have it, and what is left over to the first. */
export function shares(counts: readonly Sized[], delta: number, ratio: number): ReadonlyMap<string, number> {
  const byAge = (a: Sized, b: Sized) => (delta > 0 ? b.number - a.number : a.number - b.number);
  const ordered = counts.toSorted((a, b) => b.size - a.size || byAge(a, b));
  const changes = new Map<string, number>();
  let left = delta;
  for (const { templateHash, size } of ordered) {
    const wanted = Math.round(size * ratio) - size;
    const change =
      delta > 0 ? Math.max(0, Math.min(wanted, left)) : Math.min(0, Math.max(wanted, left, -size));
    changes.set(templateHash, change);
    left -= change;
  }
  for (const { templateHash, size } of ordered) {
    const known = changes.get(templateHash) ?? 0;
    const change = Math.max(-size, known + left);
    changes.set(templateHash, change);
    left -= change - known;
  }
  return changes;
}

/** Each template's share in removal order; where that would take too many available ones, others go in their place. */
function chooseStops(situation: Situation, changes: ReadonlyMap<string, number>): readonly Instance[] {
  const { target, old, available, limits, census } = situation;
  const all = [target, ...old].flatMap(({ live }) => live);
  const chosen = [target, ...old].flatMap(({ templateHash, live }) => {
    const change = changes.get(templateHash) ?? 0;
    return change < 0 ? inRemovalOrder(live, census.notYet).slice(0, -change) : [];
  });
  const serving = chosen.filter((instance) => isAvailable(instance, census.notYet));
  const excess = serving.length - Math.max(0, available - limits.availableMin);
  if (excess <= 0) return chosen;
  const kept = new Set(serving.slice(-excess));
  const taken = new Set(chosen);
  const others = all.filter((instance) => isIdle(situation, instance) && !taken.has(instance));
  return [...chosen.filter((instance) => !kept.has(instance)), ...firstToGo(others, excess, census.notYet)];
}
