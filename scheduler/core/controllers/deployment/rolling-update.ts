/**
 * One look at a rolling update, which goes over any number of old templates; with none left, it keeps what there is as declared.
 *
 * New instances are made as far as the surge allows; old ones are stopped as far as enough others are available, first those
 * that serve nobody. Of the latter as many stay as could become available, should the new ones never do. Old ones that are lost
 * (their node died) are made anew as long as they are still wanted, of the template that works best (`fallback`): a broken new
 * template must not eat up the old one as nodes come and go. That comes before new ones are made.
 *
 * Invariants: what is made never lifts the total over replicas + maxSurge; what is stopped never takes availability below
 * replicas - maxUnavailable, unless replicas itself shrank. What is made in one look is never stopped in the next one unless
 * something has changed: old ones are made only below a number that is never below the number down to which they are stopped.
 */
import type { Instance } from "../../model.ts";
import { firstToGo, inRemovalOrder, isAvailable } from "../removal-order.ts";
import type { Step } from "../step.ts";
import { releaseLeaving } from "./leaving.ts";
import { isIdle, isStaying, make, scaledDown, stop, type Plan, type Situation } from "./situation.ts";

const replaced = "an instance of the new template takes its place";

export function planRollingUpdate(situation: Situation): Plan {
  const { spec, target, limits, total, old, fallback, held, canMake } = situation;
  const oldWanted = wantedOld(situation);
  const sound = soundOld(situation);
  const room = Math.max(0, limits.totalMax - total);
  // Room for them is not given away while their places stay empty.
  const oldMissing = fallback === undefined ? 0 : Math.min(room, Math.max(0, oldWanted - sound));
  const oldMade = fallback === undefined ? 0 : Math.max(0, oldMissing - held(fallback));
  const missing = spec.replicas - (target.live.length - target.leaving);
  const targetMissing = Math.min(missing, room - oldMissing) - held(target.templateHash);
  const targetMade = canMake(target.templateHash) ? Math.max(0, targetMissing) : 0;

  const surplus = surplusOf(situation, missing);
  const targetCount = target.live.length + targetMade - surplus.length;
  const targetAvailable = Math.min(target.available, targetCount);
  const retired = old.length === 0 ? [] : retireOld(situation, { sound, oldMade, targetAvailable });
  const release = releaseLeaving(situation, oldMade + targetMade, [...surplus, ...retired]);
  const oldLeft = situation.oldLive + oldMade - retired.length;
  return {
    steps: [
      ...(fallback === undefined ? [] : make(situation, fallback, oldMade)),
      ...make(situation, target.templateHash, targetMade),
      ...stop(surplus, scaledDown(spec)),
      ...stop(retired, replaced),
      ...release.steps,
    ],
    updatedReplicas: Math.min(spec.replicas, Math.max(situation.rollout?.updatedReplicas ?? 0, targetCount)),
    // What is lost is still wanted; a status that is not stored yet only makes this too large.
    oldReplicas: Math.min(situation.rollout?.oldReplicas ?? 0, Math.max(oldLeft, oldWanted)),
    wakeAtMs: release.wakeAtMs,
  };
}

/** As many as are needed beside the new ones, and never more than there were in this update. */
function wantedOld({ spec, limits, target, rollout }: Situation): number {
  if (rollout === undefined || spec.strategy.type === "Recreate") return 0;
  return Math.min(rollout.oldReplicas, Math.max(0, limits.availableMin - target.available));
}

/** Old ones that can be counted on: all of the fallback, and the available ones of others, as long as they need not go. */
function soundOld({ old, fallback }: Situation): number {
  let sound = 0;
  for (const { templateHash, live, leaving, available, leavingAvailable } of old)
    sound += templateHash === fallback ? live.length - leaving : available - leavingAvailable;
  return sound;
}

/** New ones above what is declared: of those that stay, and of those that should go when even the surge has no room for them. */
function surplusOf(situation: Situation, missing: number): readonly Instance[] {
  const { target, total, limits, census } = situation;
  const many = Math.max(0, -missing);
  const staying = many === 0 ? [] : firstToGo(target.live.filter(isStaying), many, census.notYet);
  const over = Math.min(target.leaving, total - many - limits.totalMax);
  if (over <= 0) return staying;
  const serves = (instance: Instance) => isAvailable(instance, census.notYet);
  let spare = situation.available - staying.filter(serves).length - limits.availableMin;
  const leaving = target.live.filter((instance) => !isStaying(instance));
  const going = firstToGo(leaving, over, census.notYet).filter((one) => !serves(one) || spare-- > 0);
  return [...staying, ...going];
}

interface Retirement {
  readonly sound: number;
  readonly oldMade: number;
  /** How many new ones are available after this look. */
  readonly targetAvailable: number;
}

function retireOld(situation: Situation, retirement: Retirement): readonly Instance[] {
  const { limits, old, oldLive, oldAvailable } = situation;
  const { targetAvailable } = retirement;
  const serving = Math.min(oldAvailable, Math.max(0, targetAvailable + oldAvailable - limits.availableMin));
  const idle = countIdle(situation, retirement);
  const all = old.flatMap(({ live }) => live);
  if (idle.unsound + idle.sound + serving >= oldLive) return all;
  const homeless = all.filter((instance) => isHomeless(situation, instance));
  if (idle.unsound + idle.sound + serving === 0) return homeless;
  const ordered = inRemovalOrder(all, situation.census.notYet);
  const gone = new Set(homeless);
  const take = (count: number, isMeant: (instance: Instance) => boolean) => {
    for (const instance of ordered) {
      if (count <= 0) return;
      if (!isMeant(instance)) continue;
      // Who has to go anyway is one of them.
      gone.add(instance);
      count--;
    }
  };
  take(serving, (instance) => isAvailable(instance, situation.census.notYet));
  take(idle.unsound, (instance) => isIdle(situation, instance) && !isSound(situation, instance));
  take(idle.sound, (instance) => isIdle(situation, instance) && isSound(situation, instance));
  return [...gone];
}

/** How many that serve nobody may go, of those that can be counted on and of the others. */
function countIdle(
  { limits, old, oldLive, oldAvailable, fallback }: Situation,
  { sound, oldMade, targetAvailable }: Retirement,
): { readonly sound: number; readonly unsound: number } {
  const needed = Math.max(0, limits.availableMin - targetAvailable);
  const idle = oldLive - oldAvailable;
  if (fallback === undefined) return { sound: 0, unsound: Math.min(idle, Math.max(0, oldLive - needed)) };
  const best = old.find(({ templateHash }) => templateHash === fallback);
  const idleSound =
    best === undefined ? 0 : best.live.length - best.leaving - (best.available - best.leavingAvailable);
  const idleUnsound = idle - idleSound;
  const spare = Math.max(0, idleUnsound + sound + oldMade - needed);
  return {
    sound: Math.min(idleSound, Math.max(0, sound - needed)),
    unsound: Math.min(idleUnsound, spare),
  };
}

function isSound({ fallback }: Situation, instance: Instance): boolean {
  return instance.templateHash === fallback && isStaying(instance);
}

/** It never gets a node: its template is not kept. */
function isHomeless({ canMake, fallback }: Situation, { state, templateHash }: Instance): boolean {
  return state.kind === "pending" && templateHash !== fallback && !canMake(templateHash);
}

export function planRecreate(situation: Situation): Plan {
  const { rollout, old, oldStopping } = situation;
  if (old.length === 0 && oldStopping === 0) return planRollingUpdate(situation);
  const why = "the template changed; all are replaced at once";
  const steps: Step[] = old.flatMap(({ live }) => stop(live, why));
  // Those that are on their way out are waited for; whatever there is of the new ones may only shrink meanwhile.
  const waiting = planRollingUpdate({
    ...situation,
    old: [],
    oldLive: 0,
    oldAvailable: 0,
    total: situation.target.live.length,
    fallback: undefined,
    canMake: () => false,
  });
  return {
    ...waiting,
    steps: [...steps, ...waiting.steps],
    updatedReplicas: rollout?.updatedReplicas ?? 0,
    oldReplicas: 0,
  };
}
