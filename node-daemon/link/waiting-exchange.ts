import type { AnswerListener, CallerExchange, ExchangeFault, HeaderList, RequestHead } from "./exchange.ts";

/** Where an exchange is sent to once there is a connection. */
type Open = (head: RequestHead, listener: AnswerListener) => CallerExchange;

/** An exchange that waits for its connection; afterwards it only passes on. Keeps what was written meanwhile: one piece, mostly. */
export class WaitingExchange implements CallerExchange {
  readonly #head: RequestHead;
  readonly #listener: AnswerListener;
  #real: CallerExchange | undefined;
  #pieces: Buffer[] = [];
  #trailers: HeaderList | undefined;
  #over = false;

  constructor(head: RequestHead, listener: AnswerListener) {
    this.#head = head;
    this.#listener = listener;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#real) return this.#real.write(bytes);
    if (this.#over) return true;
    this.#pieces.push(Buffer.from(bytes));
    return false;
  }

  end(trailers: HeaderList): void {
    if (this.#real) this.#real.end(trailers);
    else this.#trailers = trailers;
  }

  consumed(bytes: number): void {
    this.#real?.consumed(bytes);
  }

  cancel(): void {
    this.#over = true;
    this.#pieces = [];
    this.#real?.cancel();
  }

  connect(open: Open): void {
    if (this.#over) return;
    const real = open(this.#head, this.#listener);
    this.#real = real;
    const pieces = this.#pieces;
    this.#pieces = [];
    let all = true;
    for (const piece of pieces) all = real.write(piece);
    if (this.#trailers) real.end(this.#trailers);
    // What does not fit says so itself, later.
    else if (pieces.length > 0 && all) this.#listener.drain();
  }

  fault(fault: ExchangeFault): void {
    if (this.#over) return;
    this.#over = true;
    this.#pieces = [];
    this.#listener.fault(fault);
  }
}

/** What is refused at once. Its listener hears of it when whoever has opened it knows it. */
export function refusedExchange(listener: AnswerListener, fault: ExchangeFault): CallerExchange {
  let cancelled = false;
  queueMicrotask(() => {
    if (!cancelled) listener.fault(fault);
  });
  return {
    write: () => true,
    end() {},
    consumed() {},
    cancel() {
      cancelled = true;
    },
  };
}
