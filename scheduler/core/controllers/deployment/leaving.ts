/**
 * Instances that should go (their node is drained, a better one is free), one after another:
 *
 *   it serves nobody                              ──▶ at once
 *   enough others are available without it        ──▶ as many as are to spare
 *   not enough, and one is about to become so     ──▶ waits for it
 *   not enough, and none ever will (there is no   ──▶ a few at a time: its own absence makes room for the next one
 *   room for one, or all that there are fail)
 *
 * In each case the disruption budgets have the last word (`evictInstance`). Others are made for them as if they were not there,
 * as far as the surge allows.
 */
import { earliest } from "../../../../kit/timestamps.ts";
import type { Instance } from "../../model.ts";
import { isAvailable } from "../availability.ts";
import { inRemovalOrder } from "../removal-order.ts";
import type { Step } from "../step.ts";
import { isIdle, isStaying, type Situation } from "./situation.ts";

export interface Release {
  readonly steps: readonly Step[];
  /** When those that are waited for have had their time. */
  readonly wakeAtMs: number | undefined;
}

const none: Release = { steps: [], wakeAtMs: undefined };

/** `made`: how many this look makes; `gone`: those that it stops anyway. */
export function releaseLeaving(situation: Situation, made: number, gone: readonly Instance[]): Release {
  const { target, old, spec, limits, census } = situation;
  if (target.leaving + old.reduce((sum, { leaving }) => sum + leaving, 0) === 0) return none;
  const isGone = new Set(gone);
  const live = [target, ...old].flatMap((count) => count.live).filter((instance) => !isGone.has(instance));
  const leaving = live.filter((instance) => !isStaying(instance));
  const idle = leaving.filter((instance) => isIdle(situation, instance));
  const serving = leaving.filter((instance) => isAvailable(instance, census.notYet));
  const available = live.filter((instance) => isAvailable(instance, census.notYet)).length;
  const floor = old.length > 0 ? limits.availableMin : spec.replicas;
  const spare = Math.max(0, available - floor);
  if (spare > 0 || made > 0)
    return release([...idle, ...inRemovalOrder(serving, census.notYet).slice(0, spare)]);
  const awaited = serving.length === 0 ? undefined : awaitedUntilMs(situation, live);
  if (awaited !== undefined) return { ...release(idle), wakeAtMs: awaited };
  const few = Math.max(1, limits.totalMax - spec.replicas);
  return release([...idle, ...inRemovalOrder(serving, census.notYet).slice(0, few)]);
}

function release(instances: readonly Instance[]): Release {
  const steps = instances.map(({ uid, leaving = "" }): Step => ({
    kind: "evictInstance",
    uid,
    why: leaving,
  }));
  return { steps, wakeAtMs: undefined };
}

/** Until when others are waited for; undefined: there are none that are likely to become available. */
function awaitedUntilMs(situation: Situation, live: readonly Instance[]): number | undefined {
  const { spec, nowMs } = situation;
  let until: number | undefined;
  for (const instance of live) {
    if (!isStaying(instance) || !isIdle(situation, instance) || isFailing(instance)) continue;
    const { state, createdMs } = instance;
    const since = state.kind === "bound" ? (state.observed?.readySinceMs ?? createdMs) : createdMs;
    const endMs = since + spec.progressDeadlineSeconds * 1000;
    if (endMs > nowMs) until = earliest(until, endMs);
  }
  return until;
}

function isFailing({ state }: Instance): boolean {
  if (state.kind === "pending") return state.reason === "Unschedulable";
  return state.kind === "bound" && state.observed?.ready === false && state.observed.restarts > 0;
}
