/** Since when an instance is available: the one answer for controllers, disruption budgets and the order of removal. */
import type { Instance } from "../model.ts";

/** Who has become ready within it is not available yet. */
export interface NotYet {
  /** Exclusive: now less minReadySeconds. */
  readonly sinceMs: number;
  /** Inclusive: now. */
  readonly nowMs: number;
}

/** With minReadySeconds 0: what is ready is available. */
export const atOnce: NotYet = { sinceMs: 0, nowMs: 0 };

export function notYetAvailable(minReadySeconds: number, nowMs: number): NotYet {
  return { sinceMs: nowMs - minReadySeconds * 1000, nowMs };
}

export function isReady({ state }: Instance): boolean {
  return state.kind === "bound" && state.observed?.ready === true;
}

/** Ready, and for long enough. */
export function isAvailable(instance: Instance, notYet: NotYet = atOnce): boolean {
  const sinceMs = readySinceMs(instance, notYet.nowMs);
  return sinceMs !== undefined && sinceMs <= notYet.sinceMs;
}

/** When it will have been ready for so long; undefined: it is not ready. In the past or now: it is available. */
export function availableAtMs(instance: Instance, minReadyMs: number, nowMs: number): number | undefined {
  const sinceMs = readySinceMs(instance, nowMs);
  return sinceMs === undefined ? undefined : sinceMs + minReadyMs;
}

/** A time that is still to come is from before the clock was set back: it says as little as none. */
function readySinceMs({ state }: Instance, nowMs: number): number | undefined {
  if (state.kind !== "bound" || state.observed?.ready !== true) return undefined;
  const known = state.observed.readySinceMs;
  return known === undefined || known > nowMs ? Number.NEGATIVE_INFINITY : known;
}
