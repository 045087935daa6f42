import type { WasiHost } from "./host.ts";
import { limits } from "./limits.ts";

type Clock = "monotonic" | "realtime";

/**
 * Calls `fire` once, when the clock has reached the deadline: before returning if it has already. Arms its timer again
 * until that is really so: timers may fire early, and have a longest delay. Returns how to cancel.
 */
export function onDeadline(
  host: Pick<WasiHost, "clock" | "setTimer">,
  clock: Clock,
  deadlineNs: bigint,
  fire: () => void,
): () => void {
  let cancel = () => {};
  const arm = () => {
    const leftNs = deadlineNs - (clock === "realtime" ? host.clock.realtimeNs() : host.clock.monotonicNs());
    if (leftNs <= 0n) {
      fire();
      return;
    }
    cancel = host.setTimer(Math.min(Number(leftNs) / 1e6, limits.timerDelayMsMax), arm);
  };
  arm();
  return () => cancel();
}
