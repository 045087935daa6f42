/**
 * What was proposed within the stabilization windows: up, the lowest of it counts; down, the highest.
 *
 * A recommendation holds until the next one, however long nobody looked. So each entry says until when it held, and the latest one is
 * there by itself: at each look it is entered again, as of now.
 *
 * Bounded: an entry goes when a later one is at least as extreme (a monotonic queue: the first is the most extreme), and when it is older
 * than the window. If there are too many even so, those of the same sixty-fourth of the window become one, with the most extreme number and
 * the latest time: that keeps a number for a sixty-fourth of the window longer, never shorter.
 */

export interface Recommendation {
  readonly untilMs: number;
  readonly replicas: number;
}

export interface Recommendations {
  /** undefined: there was none yet. */
  readonly latest: number | undefined;
  /** Lowest first, all within the window of scaling up. */
  readonly lowest: readonly Recommendation[];
  /** Highest first, all within the window of scaling down. */
  readonly highest: readonly Recommendation[];
}

export const noRecommendations: Recommendations = { latest: undefined, lowest: [], highest: [] };

const partsOfWindow = 64;

/** Milliseconds. */
export interface Windows {
  readonly upMs: number;
  readonly downMs: number;
}

/** What was recommended until now, as far as it still counts. The first time, what there is: `current`. */
export function recallRecommendations(
  { latest, lowest, highest }: Recommendations,
  current: number,
  { upMs, downMs }: Windows,
  nowMs: number,
): Recommendations {
  const entry = { untilMs: nowMs, replicas: latest ?? current };
  return {
    latest: entry.replicas,
    lowest: entered(lowest, entry, upMs, (a, b) => a <= b),
    highest: entered(highest, entry, downMs, (a, b) => a >= b),
  };
}

/**
 * What there should be, by what was recommended until now and `wanted` now: as near to `current` as the windows keep it.
 */
export function stabilized({ lowest, highest }: Recommendations, wanted: number, current: number): number {
  const most = Math.max(wanted, highest[0]?.replicas ?? wanted);
  const least = Math.min(wanted, lowest[0]?.replicas ?? wanted);
  return Math.min(most, Math.max(least, current));
}

/** When the entry that keeps it from going on leaves its window; undefined: none does. */
export function windowEnd(
  { lowest, highest }: Recommendations,
  wanted: number,
  current: number,
  { upMs, downMs }: Windows,
): number | undefined {
  const [low] = lowest;
  const [high] = highest;
  if (wanted > current && low !== undefined && low.replicas < wanted) return low.untilMs + upMs;
  if (wanted < current && high !== undefined && high.replicas > wanted) return high.untilMs + downMs;
  return undefined;
}

function entered(
  entries: readonly Recommendation[],
  entry: Recommendation,
  windowMs: number,
  isAtLeastAsExtreme: (a: number, b: number) => boolean,
): readonly Recommendation[] {
  if (windowMs === 0) return [];
  const kept = entries.filter(
    ({ untilMs, replicas }) =>
      untilMs + windowMs > entry.untilMs && !isAtLeastAsExtreme(entry.replicas, replicas),
  );
  kept.push(entry);
  return kept.length > 2 * partsOfWindow ? compacted(kept, windowMs / partsOfWindow) : kept;
}

function compacted(entries: readonly Recommendation[], partMs: number): readonly Recommendation[] {
  const result: Recommendation[] = [];
  for (const entry of entries) {
    const last = result.at(-1);
    if (last === undefined || Math.floor(last.untilMs / partMs) !== Math.floor(entry.untilMs / partMs))
      result.push(entry);
    else result[result.length - 1] = { untilMs: entry.untilMs, replicas: last.replicas };
  }
  return result;
}
