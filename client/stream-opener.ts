/**
 * Gets a stream of calls: a ticket, then each gateway that it names in turn, those last that did not answer before.
 *
 *   round: ticket ─▶ gateway, gateway, … ─▶ open
 *     └─ none: a pause and the next round, with more patience ─▶ after some time in all an error
 *
 * It ends in its time also where neither the API server nor a gateway says anything, and sooner where all of them say no.
 */
import type { CallEndpoint, CallTicket } from "../api/call-ticket.ts";
import { type Clock, sleep } from "../kit/clock.ts";
import { errorMessage } from "../kit/errors.ts";
import { FunctionCallError } from "./errors.ts";
import type { CallStreamTarget } from "./gateway-stream.ts";
import { clientLimits } from "./limits.ts";
import { isTicket, refusedReason } from "./tickets.ts";

export interface StreamOpenerOptions {
  readonly ticket: (signal: AbortSignal) => Promise<CallTicket["status"]>;
  readonly clock: Clock;
}

/** To one gateway. Rejects within its time, and at once when the signal is aborted. */
export type Attempt<T> = (target: CallStreamTarget, connectMs: number, signal: AbortSignal) => Promise<T>;

export interface Opened<T> {
  readonly stream: T;
  readonly ticket: CallTicket["status"];
}

export class StreamOpener {
  readonly #options: StreamOpenerOptions;
  /** When gateways were last found not to answer, by their addresses. */
  readonly #failures = new Map<string, number>();

  constructor(options: StreamOpenerOptions) {
    this.#options = options;
  }

  /** Others are tried before this one for a while. */
  failed(address: string): void {
    this.#failures.set(address, this.#options.clock.monotonic());
  }

  /** Rejects with what callers are to be told, or with the reason of the signal. */
  async open<T>(attempt: Attempt<T>, signal: AbortSignal): Promise<Opened<T>> {
    const { openMs, connectMs, pauseMs, pauseMsMax } = clientLimits;
    const { clock } = this.#options;
    const late = new AbortController();
    using _timer = clock.setTimer(openMs, () => late.abort());
    const either = AbortSignal.any([signal, late.signal]);
    let why: unknown;
    try {
      for (let round = 0, refusals = 0; !isFinal(why, refusals); round++) {
        if (round > 0) await sleep(clock, Math.min(pauseMsMax, pauseMs * 2 ** round), either);
        try {
          return await this.#round(attempt, Math.min(openMs, connectMs * 2 ** round), either);
        } catch (thrown) {
          either.throwIfAborted();
          why = thrown;
          if (hasReason(why, unauthenticatedReason)) refusals++;
        }
      }
    } catch (thrown) {
      signal.throwIfAborted();
      if (!late.signal.aborted) throw thrown;
      const before = why === undefined ? "" : `: ${errorMessage(why)}`;
      why = new FunctionCallError(
        "Unavailable",
        `no gateway has taken calls in ${openMs / 1_000} s${before}`,
        true,
      );
    }
    throw why;
  }

  async #round<T>(attempt: Attempt<T>, connectMs: number, signal: AbortSignal): Promise<Opened<T>> {
    const ticket = await orAborted(this.#options.ticket(signal), signal);
    if (!isTicket(ticket)) throw new FunctionCallError("NoTicket", "the ticket cannot be read", true);
    const { endpoints, token, caBundle } = ticket;
    let why: unknown = new FunctionCallError("Unavailable", "no gateway takes calls", true);
    for (const endpoint of this.#inTurn(endpoints)) {
      try {
        return { stream: await attempt({ endpoint, token, caBundle }, connectMs, signal), ticket };
      } catch (thrown) {
        signal.throwIfAborted();
        this.failed(endpoint.address);
        why = thrown;
      }
    }
    throw why;
  }

  /** As the ticket has them; after those, what has failed, the one first that failed first. */
  #inTurn(endpoints: readonly CallEndpoint[]): readonly CallEndpoint[] {
    const since = this.#options.clock.monotonic() - clientLimits.shunMs;
    const named = new Set(endpoints.map(({ address }) => address));
    for (const [address, atMs] of this.#failures)
      if (atMs <= since || !named.has(address)) this.#failures.delete(address);
    const failedMs = ({ address }: CallEndpoint) => this.#failures.get(address) ?? Number.NEGATIVE_INFINITY;
    // Where neither has failed, the difference is not a number, which counts as none.
    return endpoints.toSorted((a, b) => failedMs(a) - failedMs(b) || 0);
  }
}

/** Of gateways that do not take the ticket, or not yet: keys come to a gateway a moment after its start. */
const unauthenticatedReason = "Unauthenticated";

/** Another attempt would be answered the same. */
function isFinal(why: unknown, refusals: number): boolean {
  return hasReason(why, refusedReason) || refusals >= clientLimits.refusals;
}

function hasReason(why: unknown, reason: string): boolean {
  return why instanceof FunctionCallError && why.reason === reason;
}

/** For whoever does not look at the signal. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
