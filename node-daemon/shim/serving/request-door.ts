/**
 * Where requests come into a shim: one socket for all of its serving runs, opened with the first of them.
 */
import { errorMessage, WherryError } from "../../../kit/errors.ts";
import type { CalleeExchange, ExchangeFault } from "../../link/exchange.ts";

export interface RequestTaker {
  accept(exchange: CalleeExchange): void;
}

/** Listens where gateways look for the shim; `accept` gets each exchange. */
export type Listen = (accept: (exchange: CalleeExchange) => void) => Promise<void>;

const unknown: ExchangeFault = {
  kind: "refused",
  reason: "unknown",
  message: "the instance does not run here",
  retryAfterMs: 0,
};

export class RequestDoor {
  readonly #listen: Listen;
  readonly #takers = new Map<string, RequestTaker>();
  #listening: Promise<void> | undefined;

  constructor(listen: Listen) {
    this.#listen = listen;
  }

  /** Rejects when the socket cannot be had; the next run tries again. */
  async ready(): Promise<void> {
    this.#listening ??= this.#listen((exchange) => this.#accept(exchange));
    try {
      await this.#listening;
    } catch (thrown) {
      this.#listening = undefined;
      throw new WherryError("requests-unavailable", `listen for requests: ${errorMessage(thrown)}`);
    }
  }

  open(uid: string, taker: RequestTaker): void {
    this.#takers.set(uid, taker);
  }

  close(uid: string): void {
    this.#takers.delete(uid);
  }

  #accept(exchange: CalleeExchange): void {
    const { target } = exchange.head;
    const taker = target.kind === "instance" ? this.#takers.get(target.uid) : undefined;
    if (taker) taker.accept(exchange);
    else exchange.fault(unknown);
  }
}
