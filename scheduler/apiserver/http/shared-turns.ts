import { type Flow, TurnQueue } from "./turn-queue.ts";

/**
 * Long work in short pieces: one piece in each turn of the event loop, whoever's, users taking turns. However many long
 * answers are being made at once, everything else waits for one piece only.
 */
export class SharedTurns {
  readonly #waiting = new TurnQueue<() => void>();
  #isScheduled = false;

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when the flow may do its next piece. Bounded by the answers that are being made. */
  next(flow: Flow): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(flow, resolve);
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#waiting.shift()?.();
      // The piece is done before the event loop goes on, and this comes in its next turn.
      if (this.#waiting.size > 0) this.#schedule();
    });
  }
}
