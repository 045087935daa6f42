/**
 * Whether a resource is short, from what is available of it now and what was so before.
 *
 *                 below soft                          below soft for `softGraceMs`, or below hard
 *   plenty ─────────────────▶ pressure (evict: no) ──────────────────────▶ pressure (evict: yes)
 *      ▲                          │
 *      └── above soft and the hysteresis, `pressureMsMin` after it was last below soft
 */
import { pressureLimits } from "./limits.ts";

export interface Reading {
  readonly available: number;
  /** The machine suffers, whatever is available. */
  readonly stalled: boolean;
}

export interface Thresholds {
  readonly hard: number;
  readonly soft: number;
}

/** Times are monotonic. */
export interface Pressure {
  readonly pressured: boolean;
  /** Since when it has been short without a break; undefined: it is not now. */
  readonly shortSinceMs: number | undefined;
  /** When it was last short. */
  readonly lastShortMs: number;
}

export interface Verdict {
  readonly pressure: Pressure;
  /** What should become available before anybody is left alone; 0: nobody is evicted. */
  readonly wanted: number;
}

export const noPressure: Pressure = {
  pressured: false,
  shortSinceMs: undefined,
  lastShortMs: Number.NEGATIVE_INFINITY,
};

export function judgePressure(
  before: Pressure,
  reading: Reading,
  thresholds: Thresholds,
  nowMs: number,
): Verdict {
  const { available, stalled } = reading;
  const { hard, soft } = thresholds;
  const enough = soft * (1 + pressureLimits.hysteresis);
  if (available < soft || stalled) {
    const shortSinceMs = before.shortSinceMs ?? nowMs;
    const evicts = available < hard || nowMs - shortSinceMs >= pressureLimits.softGraceMs;
    return {
      pressure: { pressured: true, shortSinceMs, lastShortMs: nowMs },
      // Of a machine that only stalls it is not known how much would help.
      wanted: evicts ? Math.max(enough - available, 1) : 0,
    };
  }
  const settled = available >= enough && nowMs - before.lastShortMs >= pressureLimits.pressureMsMin;
  return {
    pressure: {
      pressured: before.pressured && !settled,
      shortSinceMs: undefined,
      lastShortMs: before.lastShortMs,
    },
    wanted: 0,
  };
}
