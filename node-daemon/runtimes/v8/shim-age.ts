import { driverLimits } from "./limits.ts";
import type { ShimHandle } from "./shim-handle.ts";

export interface Outdating {
  /** For whoever is told to begin anew. */
  readonly why: string;
  /** From now on. What was just taken over is left alone for a moment. */
  readonly afterMs: number;
  /** It takes nothing new, already now. */
  readonly already: boolean;
}

/** `fraction`, of 0 to 1, makes each go at another time. */
export function outdatingOf(
  { identity, startedAtMs }: Pick<ShimHandle, "identity" | "startedAtMs">,
  driver: { readonly buildId: string; readonly shimAgeMsMax: number },
  nowMs: number,
  fraction: number,
): Outdating {
  if (identity.buildId !== driver.buildId) {
    const why = `its process is of build ${identity.buildId}, the node daemon of build ${driver.buildId}`;
    return { why, afterMs: driverLimits.outdatedDelayMs, already: true };
  }
  const ageMs = driver.shimAgeMsMax * (1 - driverLimits.shimAgeJitter * fraction);
  const leftMs = startedAtMs + ageMs - nowMs;
  return {
    why: `its process has reached the age of ${formatAge(ageMs)}`,
    afterMs: Math.max(driverLimits.outdatedDelayMs, leftMs),
    already: leftMs <= 0,
  };
}

function formatAge(ms: number): string {
  const hours = ms / 3_600_000;
  return hours >= 48 ? `${Math.round(hours / 24)} days` : `${Math.max(1, Math.round(hours))} hours`;
}
