import type { Random } from "../../kit/random.ts";

/** What becomes of a pretended run that nobody stops. */
export type Fate =
  | { readonly kind: "stays" }
  | { readonly kind: "ends"; readonly afterMs: number; readonly exitCode: number };

export interface FateOptions {
  /** Of runs that fail, from 0 to 1. */
  readonly failShare: number;
  /** How long a run lasts that is to end: a job's, or one that fails. */
  readonly runMs: number;
}

/** `lasts`: whether the run is to go on until it is stopped, as a deployment's. */
export function decideFate(
  { lasts }: { readonly lasts: boolean },
  options: FateOptions,
  random: Random,
): Fate {
  const { failShare, runMs } = options;
  if (failShare > 0 && random.fraction() < failShare) return { kind: "ends", afterMs: runMs, exitCode: 1 };
  return lasts ? { kind: "stays" } : { kind: "ends", afterMs: runMs, exitCode: 0 };
}
