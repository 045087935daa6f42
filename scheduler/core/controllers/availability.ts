import type { Instance } from "../model.ts";

export function isReady({ state }: Instance): boolean {
  return state.kind === "bound" && state.observed?.ready === true;
}

/** When it will have been ready for so long; undefined: it is not ready. In the past or now: it is available. */
export function availableAtMs({ state }: Instance, minReadySeconds: number): number | undefined {
  if (state.kind !== "bound" || state.observed?.ready !== true) return undefined;
  // Of what says that it is ready and not since when, the beginning of time is as good as any.
  return (state.observed.readySinceMs ?? 0) + minReadySeconds * 1_000;
}
