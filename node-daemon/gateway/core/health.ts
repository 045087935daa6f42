import { backoffMs } from "../../../kit/backoff.ts";

/** How an instance or a node has answered lately, for passive ejection. */
export interface Health {
  /** In a row. */
  failures: number;
  /** How often it was set aside lately: each time is longer. */
  setAside: number;
  /** When it came back last. */
  backMs: number;
}

export function newHealth(): Health {
  return { failures: 0, setAside: 0, backMs: 0 };
}

/** As Envoy's outlier detection has it: what fails five times in a row is not just one bad request. */
const failuresMax = 5;

const setAsideMs = { initialMs: 1_000, factor: 2, maxMs: 30_000 };
/** What refuses has lost nothing, and may be back in a moment: a shim that is being started again, say. */
const refusedMs = { initialMs: 50, factor: 2, maxMs: 2_000 };
/** What has done well for so long begins anew. */
const forgetMs = 60_000;

export function noteSuccess(health: Health): void {
  health.failures = 0;
}

/** Whether it should be set aside now. */
export function noteFailure(health: Health): boolean {
  health.failures++;
  return health.failures >= failuresMax;
}

/** For how long it is to be set aside, which is counted. */
export function nextAsideMs(health: Health, cause: "failed" | "refused", nowMs: number): number {
  if (nowMs - health.backMs > forgetMs) health.setAside = 0;
  const ms = backoffMs(health.setAside, cause === "failed" ? setAsideMs : refusedMs);
  health.setAside++;
  health.failures = 0;
  health.backMs = nowMs + ms;
  return ms;
}
