import { assertNever } from "../../../kit/errors.ts";

export type RefusalReason = "unknown" | "draining" | "full" | "broken" | "unsupported";

/** Whether it is about the request, or about how many there are: the place is not to be thought ill, and waiting for it is no use. */
export function isPlaceWell(reason: RefusalReason): boolean {
  return reason === "full" || reason === "unsupported";
}

/** How an attempt ended that has not been answered. */
export type AttemptEnd =
  /** Not begun there: see ExchangeFault. */
  | { readonly kind: "refused"; readonly reason: RefusalReason }
  /** Begun, and the process or the connection is gone. */
  | { readonly kind: "lost" }
  /** Begun and failed in another way, or answered: what the client would get for it. */
  | { readonly kind: "status"; readonly status: number };

export interface RetryFacts {
  readonly method: string;
  /** Whether the whole body that was sent is still here. */
  readonly isReplayable: boolean;
  /** The protocol behind it begins with the request: who has seen it may have begun. */
  readonly isUpgrade: boolean;
  /** So many places have been tried, this one included. */
  readonly tries: number;
  /** So many failures were followed by another attempt. */
  readonly retries: number;
  readonly retry: { readonly attempts: number; readonly codes: readonly number[] };
}

/** A request that five places have refused is held until one comes that has not. */
const triesMax = 5;

/** RFC 9110 9.2.2, but for TRACE, which no gateway forwards. */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * `elsewhere`: at once, and it does not count as a retry. `retry`: the same, but it counts. `hold`: wait for a place to come (back).
 * `give up`: the client gets the failure.
 */
export type NextStep = "elsewhere" | "retry" | "hold" | "give up";

export function nextStep(end: AttemptEnd, facts: RetryFacts): NextStep {
  if (!facts.isReplayable) return "give up";
  switch (end.kind) {
    case "refused":
      if (facts.tries < triesMax) return "elsewhere";
      // A full queue is the answer to more requests than there are places for: they are not to wait twice.
      return isPlaceWell(end.reason) ? "give up" : "hold";
    case "lost":
      return mayRepeat(facts) ? "retry" : "give up";
    case "status":
      return mayRepeat(facts) && facts.retry.codes.includes(end.status) ? "retry" : "give up";
    default:
      return assertNever(end, "end of an attempt");
  }
}

function mayRepeat({ method, isUpgrade, retries, retry }: RetryFacts): boolean {
  return idempotent.has(method) && !isUpgrade && retries < retry.attempts;
}
