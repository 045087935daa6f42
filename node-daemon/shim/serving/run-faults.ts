/** What a serving run says to those that it does not answer. */
import type { ExchangeFault } from "../../link/exchange.ts";
import { servingLimits } from "./limits.ts";

export const draining: ExchangeFault = {
  kind: "refused",
  reason: "draining",
  message: "the instance is on its way out",
  retryAfterMs: 0,
};
export const full: ExchangeFault = {
  kind: "refused",
  reason: "full",
  message: "as many requests wait as may wait",
  retryAfterMs: servingLimits.retryAfterMs,
};
export const noRoom: ExchangeFault = {
  kind: "refused",
  reason: "full",
  message: "the hosting process has no room for another WebAssembly instance",
  retryAfterMs: servingLimits.retryAfterMs,
};
export const stopped: ExchangeFault = {
  kind: "failed",
  reason: "stopped",
  message: "the instance was stopped before the request was answered",
};
