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

  /** Fires what is due until then, in order, and stays there. Time never goes back. */
  advanceTo(ms: number): void {
    const end = Math.max(this.#elapsedMs, ms - this.#startMs);
    for (let next = this.#next(); next !== undefined && next.atMs <= end; next = this.#next())
      this.#fire(next);
    this.#elapsedMs = end;
  }

  /** Goes to the next timer and fires it; false if there is none. */
  skip(): boolean {
    const next = this.#next();
    if (next === undefined) return false;
    this.#fire(next);
    return true;
  }

  #next(): Due | undefined {
    let next: Due | undefined;
    for (const due of this.#timers) if (next === undefined || due.atMs < next.atMs) next = due;
    return next;
  }

  #fire(due: Due): void {
    this.#timers.delete(due);
    this.#elapsedMs = Math.max(this.#elapsedMs, due.atMs);
    due.fire();
  }
}
