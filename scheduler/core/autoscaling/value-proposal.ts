/** How many instances a value of the whole workload asks for. */
import { enoughInstances, isWithin, type Tolerance } from "./ratio.ts";

/** `average` for each instance. */
export function proposeByAverage(
  value: number,
  average: number,
  current: number,
  tolerance: Tolerance,
): number {
  if (current > 0 && isWithin(tolerance, value / (average * current))) return current;
  return enoughInstances(value / average);
}

/** The value as it is, assumed to fall as instances are added. The ready ones have made it what it is. */
export function proposeByValue(
  value: number,
  wanted: number,
  { current, ready }: { readonly current: number; readonly ready: number },
  tolerance: Tolerance,
): number {
  const ratio = value / wanted;
  if (current === 0) return enoughInstances(ratio);
  if (ready === 0 || isWithin(tolerance, ratio)) return current;
  const proposed = enoughInstances(ratio * ready);
  return ratio > 1 ? Math.max(current, proposed) : Math.min(current, proposed);
}
