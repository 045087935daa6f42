import type { WasmDaemonSetSpec } from "../../../../api/gen/kinds.gen.ts";

export interface UpdateLimits {
  /** On how many nodes a second instance may be made during an update; 0: the old one goes first. */
  readonly surge: number;
  /** On how many nodes there may be no available instance because of an update. */
  readonly unavailable: number;
}

/** The bounds of a rolling update over so many nodes. Shares are rounded up; where both are nothing, one node goes at a time. */
export function updateLimits(
  { updateStrategy: { rollingUpdate } }: WasmDaemonSetSpec,
  nodes: number,
): UpdateLimits {
  const surge = resolved(rollingUpdate.maxSurge, nodes);
  const unavailable = resolved(rollingUpdate.maxUnavailable, nodes);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

function resolved(amount: number | string, nodes: number): number {
  if (typeof amount === "number") return amount;
  const value = Number.parseInt(amount, 10);
  if (!Number.isFinite(value)) return 0;
  return amount.endsWith("%") ? Math.ceil((value * nodes) / 100) : value;
}
