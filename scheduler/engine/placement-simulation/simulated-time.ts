import type { Clock, Timer } from "../../../kit/clock.ts";

interface Due {
  readonly atMs: number;
  readonly fire: () => void;
}

/** Time that stands still until there is nothing to do but wait. */
export class SimulatedTime implements Clock {
  readonly #startMs: number;
  readonly #timers = new Set<Due>();
  #elapsedMs = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const due = { atMs: this.#elapsedMs + Math.max(0, delayMs), fire };
    this.#timers.add(due);
    const cancel = () => void this.#timers.delete(due);
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Goes to the next timer and fires it; false if there is none. */
  skip(): boolean {
    let next: Due | undefined;
    for (const due of this.#timers) if (next === undefined || due.atMs < next.atMs) next = due;
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
    next.fire();
    return true;
  }
}
