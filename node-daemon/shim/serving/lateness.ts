/**
 * When a request has taken too long: until the head of its answer, as the template says (`timeoutMs`); then when nothing has come or gone for
 * a while (`idleTimeoutMs`), so that an answer may last as long as it says something. The caller's limit is for all of it.
 */
import type { Serving } from "../../runtimes/runtime-driver.ts";
import type { ServedExchange } from "./served-exchange.ts";

type Times = Pick<Serving, "timeoutMs" | "idleTimeoutMs">;

export function dueMsOf(request: ServedExchange, { idleTimeoutMs }: Times): number {
  const { answer, deadlineMs, wholeDueMs, activeMs } = request;
  return answer.began ? Math.min(wholeDueMs, activeMs + idleTimeoutMs) : deadlineMs;
}

/** Of one that is late by now. */
export function whyLate(
  { answer, head, wholeDueMs }: ServedExchange,
  { timeoutMs, idleTimeoutMs }: Times,
  nowMs: number,
  hasWaited: boolean,
): string {
  const left = head.timeoutMs;
  if (answer.began && nowMs < wholeDueMs)
    return `nothing of the request or its answer has come for ${idleTimeoutMs} ms, which is the template's limit`;
  const limit =
    answer.began || (left !== 0 && left < timeoutMs)
      ? `${left} ms, which is what its caller had left`
      : `${timeoutMs} ms, which is the template's limit`;
  return `the request was not answered within ${limit}${hasWaited ? "; it was never begun, as others were served all the time" : ""}`;
}
