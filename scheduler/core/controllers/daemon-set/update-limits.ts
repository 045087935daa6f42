import type { WasmDaemonSetSpec } from "../../../../api/gen/kinds.gen.ts";
import { amountOf } from "../../number-or-share.ts";

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
  const surge = amountOf(rollingUpdate.maxSurge, nodes);
  const unavailable = amountOf(rollingUpdate.maxUnavailable, nodes);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
