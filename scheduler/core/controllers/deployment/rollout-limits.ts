import type { WasmDeploymentSpec } from "../../../../api/gen/kinds.gen.ts";

export interface RolloutLimits {
  /** How many instances may exist at once. */
  readonly totalMax: number;
  /** How many must stay available. */
  readonly availableMin: number;
}

/** The bounds of a rolling update. Where both round to nothing one instance may be unavailable, or none would move. */
export function rolloutLimits({ replicas, strategy }: WasmDeploymentSpec): RolloutLimits {
  if (strategy.type === "Recreate") return { totalMax: replicas, availableMin: replicas };
  const surge = resolve(strategy.rollingUpdate.maxSurge, replicas, Math.ceil);
  const unavailable = resolve(strategy.rollingUpdate.maxUnavailable, replicas, Math.floor);
  const unavailableMax = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { totalMax: replicas + surge, availableMin: Math.max(0, replicas - unavailableMax) };
}

function resolve(amount: number | string, replicas: number, round: (share: number) => number): number {
  if (typeof amount === "number") return amount;
  const value = Number.parseInt(amount, 10);
  if (!Number.isFinite(value)) return 0;
  return amount.endsWith("%") ? round((value * replicas) / 100) : value;
}
