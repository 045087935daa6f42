import { Bug } from "../../../kit/errors.ts";
import type { CalleeExchange, ExchangeUsage, HeaderList, ResponseHead } from "../../link/exchange.ts";
import type { Answer } from "./handler.ts";

/** What one write gives to the link at most. */
const writeBytesMax = 64 * 1024;

/** The answer to one request, on its way to the caller. Once it is closed everything is taken and dropped. */
export class OutgoingAnswer implements Answer {
  readonly #exchange: Pick<CalleeExchange, "respond" | "write" | "end">;
  readonly #usage: () => ExchangeUsage;
  readonly #active: () => void;
  #began = false;
  #ended = false;
  #closed = false;
  #full = false;
  #waiting: Set<() => void> | undefined;

  /** `active`: something of it has gone out. */
  constructor(
    exchange: Pick<CalleeExchange, "respond" | "write" | "end">,
    usage: () => ExchangeUsage,
    active: () => void,
  ) {
    this.#exchange = exchange;
    this.#active = active;
    this.#usage = usage;
  }

  get began(): boolean {
    return this.#began;
  }

  get ended(): boolean {
    return this.#ended;
  }

  respond(head: ResponseHead): void {
    if (this.#began) throw new Bug("a request was answered twice");
    this.#began = true;
    if (this.#closed) return;
    this.#active();
    this.#exchange.respond(head);
  }

  write(bytes: Uint8Array): number {
    if (this.#closed) return bytes.byteLength;
    if (!this.#began || this.#ended) throw new Bug("an answer was written before its head, or after its end");
    if (this.#full || bytes.byteLength === 0) return 0;
    this.#active();
    const taken = Math.min(bytes.byteLength, writeBytesMax);
    // The link copies them: they are in the guest's memory.
    this.#full = !this.#exchange.write(taken === bytes.byteLength ? bytes : bytes.subarray(0, taken));
    return taken;
  }

  onWritable(wake: () => void): () => void {
    if (!this.#full) {
      wake();
      return () => {};
    }
    const waiting = (this.#waiting ??= new Set());
    waiting.add(wake);
    return () => void waiting.delete(wake);
  }

  end(trailers: HeaderList): void {
    if (this.#closed) return;
    if (!this.#began || this.#ended) throw new Bug("an answer was ended before its head, or twice");
    this.#ended = true;
    this.#active();
    this.#exchange.end({ trailers, usage: this.#usage() });
  }

  // As its request sees it.

  drained(): void {
    this.#full = false;
    this.#wake();
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.drained();
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    for (const wake of waiting) wake();
  }
}
