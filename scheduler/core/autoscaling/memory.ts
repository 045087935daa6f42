/**
 * What one leader knows of an autoscaler beside what is stored. Bounded: nothing in it grows with the time that passes. A new leader begins with
 * {@link emptyAutoscalerMemory}: what there is then counts as what was wanted until then, so that it takes nothing away before a
 * window has passed.
 */
export interface AutoscalerMemory {
  /** What was proposed within the longer window, by the monotonic clock; one entry for each moment at which it can still count. */
  readonly recommendations: readonly { readonly atMs: number; readonly replicas: number }[];
  /** What was added and taken away within the longest period of the policies. */
  readonly changes: readonly { readonly atMs: number; readonly by: number }[];
  /** Since when nothing happens; undefined: something does, or it is not known. */
  readonly idleSinceMs: number | undefined;
  /** By metric: since when it has been known without a gap; undefined: it is not. */
  readonly knownSinceMs: readonly (number | undefined)[];
  /** The number that it was found with last, to notice what others have set. */
  readonly replicas: number | undefined;
}

export const emptyAutoscalerMemory: AutoscalerMemory = {
  recommendations: [],
  changes: [],
  idleSinceMs: undefined,
  knownSinceMs: [],
  replicas: undefined,
};
