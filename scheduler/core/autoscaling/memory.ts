import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import { sameOr } from "../controllers/conditions.ts";
import { noRecommendations, type Recommendations } from "./recommendations.ts";
import type { ReplicaChange } from "./replica-changes.ts";

/**
 * What one leader knows of an autoscaler beside what is stored. Bounded: nothing in it grows with the time that passes. A new leader begins with
 * {@link emptyAutoscalerMemory}: what there is then counts as what was wanted until then, so that it takes nothing away before a
 * window has passed.
 */
export interface AutoscalerMemory {
  /** What was proposed within the windows, by the monotonic clock. */
  readonly recommendations: Recommendations;
  /** What was added and taken away within the longest period of the policies. */
  readonly changes: readonly ReplicaChange[];
  /** Since when nothing happens; undefined: something does, or it is not known. */
  readonly idleSinceMs: number | undefined;
  /** By the index in spec.metrics, and after them spec.fallback. */
  readonly known: readonly KnownMetric[];
  /**
   * Since when there has been nothing that keeps it from taking away: data that is missing, nodes that are silent. undefined: there is, and
   * so there is until the next look. At the beginning as well.
   */
  readonly certainSinceMs: number | undefined;
  /** When a metric was last so far above its target that something was added. */
  readonly risenMs: number | undefined;
  /** The number that it was found with last, or was set to: to notice what others have set. */
  readonly replicas: number | undefined;
}

export interface KnownMetric {
  readonly metric: AutoscalerMetric;
  /** Since when it has been known, as a whole and without a gap; undefined: it is not. */
  readonly sinceMs: number | undefined;
  /** The newest sample; undefined: there is none. */
  readonly sample: SeenSample | undefined;
}

export interface SeenSample {
  /** By the wall clock: only whether it is the same matters. */
  readonly atMs: number;
  /** How many were ready when it was first seen, and so have made it what it is. */
  readonly ready: number;
}

/** undefined: there was another metric at this place, or none. */
export function rememberedMetric(
  { known }: AutoscalerMemory,
  metric: AutoscalerMetric,
  at: number,
): KnownMetric | undefined {
  const before = known[at];
  return before !== undefined && sameOr(before.metric, metric) === before.metric ? before : undefined;
}

export const emptyAutoscalerMemory: AutoscalerMemory = {
  recommendations: noRecommendations,
  changes: [],
  idleSinceMs: undefined,
  known: [],
  certainSinceMs: undefined,
  risenMs: undefined,
  replicas: undefined,
};
