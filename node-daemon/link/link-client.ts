/**
 * The way to one callee: connections that are opened when they are needed, shared by many exchanges, and closed when nobody
 * needs them.
 *
 *   open ──▶ on a connection that accepts
 *        ──▶ none does, fewer than `connectionsMax`: another is dialled, and the exchange waits for it
 *        ──▶ refused: "full" when all are, "broken" when it could not be reached just now
 *
 * After a dial that failed the next one waits, longer each time, and everything is refused at once meanwhile: whoever asks can go
 * elsewhere. Exchanges wait for the length of one dial at most.
 */
import type { Duplex } from "node:stream";
import { backoffMs, type BackoffLimits, jittered } from "../../kit/backoff.ts";
import type { Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Random } from "../../kit/random.ts";
import type { AnswerListener, CallerExchange, ExchangeFault, RequestHead } from "./exchange.ts";
import { LinkCaller } from "./link-caller.ts";
import type { LinkOptions } from "./link-connection.ts";
import { refusedExchange, WaitingExchange } from "./waiting-exchange.ts";

export interface LinkClientLimits {
  readonly connectionsMax: number;
  /** Exchanges that wait for a connection. */
  readonly waitingMax: number;
  /** A connection without exchanges is closed after this to twice this. */
  readonly idleMs: number;
  readonly backoff: BackoffLimits;
}

export const shimClientLimits: LinkClientLimits = {
  // A second one is for more than a thousand exchanges at once.
  connectionsMax: 4,
  waitingMax: 1_000,
  idleMs: 60_000,
  // The socket is there, or its process is gone.
  backoff: { initialMs: 20, factor: 2, maxMs: 1_000 },
};

export const peerClientLimits: LinkClientLimits = {
  connectionsMax: 4,
  waitingMax: 1_000,
  idleMs: 60_000,
  backoff: { initialMs: 100, factor: 2, maxMs: 5_000 },
};

export interface LinkClientOptions {
  /** A stream that is connected. Rejects with the reason, in a time of its own. */
  readonly dial: (signal: AbortSignal) => Promise<Duplex>;
  readonly limits: LinkClientLimits;
  /** Whether there may be upgrades. No handler of a shim makes any. */
  readonly upgrades: boolean;
  readonly link: LinkOptions;
  readonly random: Random;
  /** It is not used any more. */
  readonly closed?: () => void;
}

/** A dial under way, up to the other end's hello. */
interface Dial {
  readonly waiting: Set<WaitingExchange>;
  readonly abort: AbortController;
  /** Good for those that wait for it, and for nobody else. */
  stale: boolean;
}

export class LinkClient {
  readonly #options: LinkClientOptions;
  /** The one that was used last is asked first. */
  readonly #callers = new Set<LinkCaller>();
  /** Those that have had an exchange since the last look. */
  readonly #used = new WeakSet<LinkCaller>();
  #current: LinkCaller | undefined;
  #dial: Dial | undefined;
  #failures = 0;
  #failedBecause = "";
  #retryAtMs = 0;
  #idleTimer: Timer | undefined;
  #closed = false;

  constructor(options: LinkClientOptions) {
    this.#options = options;
  }

  open(head: RequestHead, listener: AnswerListener): CallerExchange {
    if (head.upgrade !== undefined && !this.#options.upgrades) return refusedExchange(listener, unsupported);
    const caller = this.#accepting();
    if (caller) {
      this.#used.add(caller);
      return this.#openOn(caller, head, listener);
    }
    const refusal = this.#refusal();
    if (refusal) return refusedExchange(listener, refusal);
    const exchange = new WaitingExchange(head, listener);
    this.#dial ??= this.#begin();
    this.#dial.waiting.add(exchange);
    return exchange;
  }

  /** Opens nothing any more. Exchanges under way go on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idleTimer?.cancel();
    this.#dial?.abort.abort();
    for (const caller of this.#callers) caller.close();
    this.#options.closed?.();
  }

  /** From now on other connections than those there are, which end with the exchanges that they have. */
  renew(): void {
    for (const caller of this.#callers) {
      this.#gone(caller);
      caller.close();
    }
    this.#failures = 0;
    this.#retryAtMs = 0;
    if (this.#dial) this.#dial.stale = true;
  }

  #openOn(caller: LinkCaller, head: RequestHead, listener: AnswerListener): CallerExchange {
    if (head.upgrade !== undefined && !caller.carriesUpgrades) return refusedExchange(listener, unsupported);
    return caller.open(head, listener) ?? refusedExchange(listener, headTooLarge);
  }

  #accepting(): LinkCaller | undefined {
    if (this.#current?.accepts && !this.#closed) return this.#current;
    if (this.#closed) return undefined;
    for (const caller of this.#callers) if (caller.accepts) return (this.#current = caller);
    return undefined;
  }

  #refusal(): ExchangeFault | undefined {
    const { clock } = this.#options.link;
    const { connectionsMax, waitingMax } = this.#options.limits;
    if (this.#closed) return broken("it is not used any more", 0);
    if (this.#dial) return this.#dial.waiting.size < waitingMax ? undefined : full;
    const waitMs = this.#retryAtMs - clock.monotonic();
    if (waitMs > 0) return broken(this.#failedBecause, waitMs);
    return this.#callers.size < connectionsMax ? undefined : full;
  }

  #begin(): Dial {
    const dial: Dial = { waiting: new Set(), abort: new AbortController(), stale: false };
    void this.#connect(dial);
    return dial;
  }

  async #connect(dial: Dial): Promise<void> {
    try {
      const duplex = await this.#options.dial(dial.abort.signal);
      if (this.#closed) duplex.destroy();
      else this.#greet(dial, duplex);
    } catch (thrown) {
      this.#failed(dial, errorMessage(thrown));
    }
    if (this.#closed) this.#failed(dial, "it is not used any more");
  }

  #greet(dial: Dial, duplex: Duplex): void {
    const caller = new LinkCaller(
      duplex,
      {
        ready: () => this.#ready(dial, caller),
        leaving: () => this.#gone(caller),
        over: (end) => {
          this.#gone(caller);
          this.#failed(dial, end.message);
        },
      },
      this.#options.link,
    );
    dial.abort.signal.addEventListener("abort", () => {
      if (this.#dial === dial) caller.destroy("it is not used any more");
    });
  }

  #ready(dial: Dial, caller: LinkCaller): void {
    this.#dial = undefined;
    this.#failures = 0;
    this.#callers.add(caller);
    this.#current = caller;
    this.#used.add(caller);
    this.#idleTimer ??= this.#watchIdle();
    for (const exchange of dial.waiting) {
      if (caller.accepts) exchange.connect((head, listener) => this.#openOn(caller, head, listener));
      else exchange.fault(full);
    }
    dial.waiting.clear();
    if (!dial.stale) return;
    this.#gone(caller);
    caller.close();
  }

  #failed(dial: Dial, message: string): void {
    if (this.#dial !== dial) return;
    this.#dial = undefined;
    const { limits, link, random } = this.#options;
    const delayMs = jittered(backoffMs(this.#failures++, limits.backoff), random.fraction());
    this.#failedBecause = message;
    this.#retryAtMs = link.clock.monotonic() + delayMs;
    for (const exchange of dial.waiting) exchange.fault(broken(message, delayMs));
    dial.waiting.clear();
  }

  #gone(caller: LinkCaller): void {
    this.#callers.delete(caller);
    if (this.#current === caller) this.#current = undefined;
  }

  #watchIdle(): Timer {
    return this.#options.link.clock.setTimer(this.#options.limits.idleMs, () => {
      for (const caller of this.#callers) {
        if (caller.count === 0 && !this.#used.has(caller)) {
          this.#gone(caller);
          caller.close();
        }
        this.#used.delete(caller);
      }
      this.#idleTimer = this.#callers.size > 0 ? this.#watchIdle() : undefined;
    });
  }
}

const unsupported: ExchangeFault = {
  kind: "refused",
  reason: "unsupported",
  message: "upgrades of the connection are not supported there",
  retryAfterMs: 0,
};

const headTooLarge: ExchangeFault = {
  kind: "failed",
  reason: "tooLarge",
  message: "the head of the request is larger than what is passed on",
};

const full: ExchangeFault = {
  kind: "refused",
  reason: "full",
  message: "as many requests are under way there as its connections carry",
  retryAfterMs: 1_000,
};

function broken(message: string, retryAfterMs: number): ExchangeFault {
  return { kind: "refused", reason: "broken", message: `it cannot be reached: ${message}`, retryAfterMs };
}
