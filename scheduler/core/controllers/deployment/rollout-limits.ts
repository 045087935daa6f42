import type { WasmDeploymentSpec } from "../../../../api/gen/kinds.gen.ts";
import { amountOf } from "../../number-or-share.ts";

export interface RolloutLimits {
  /** How many instances may exist at once. */
  readonly totalMax: number;
  /** How many must stay available. */
  readonly availableMin: number;
}

/** The bounds of a rolling update. Where both round to nothing one instance may be unavailable, or none would move. */
export function rolloutLimits({ replicas, strategy }: WasmDeploymentSpec): RolloutLimits {
  if (strategy.type === "Recreate") return { totalMax: replicas, availableMin: replicas };
  const surge = amountOf(strategy.rollingUpdate.maxSurge, replicas, Math.ceil);
  const unavailable = amountOf(strategy.rollingUpdate.maxUnavailable, replicas, Math.floor);
  const unavailableMax = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { totalMax: replicas + surge, availableMin: Math.max(0, replicas - unavailableMax) };
}

/** Whether one more than declared may be there for a moment, so that an instance can be replaced before it goes. */
export function hasSurge(spec: WasmDeploymentSpec): boolean {
  return rolloutLimits(spec).totalMax > spec.replicas;
}
