import type { Clock, Timer } from "../../../kit/clock.ts";

export interface RefusalLimits {
  /** How many refusals are told in each interval. */
  readonly refusals: number;
  readonly refusalIntervalMs: number;
  /** Refusals that wait to be told. Beyond, they are told at once. */
  readonly refusalsWaiting: number;
}

interface Waiting {
  readonly tell: () => void;
  readonly signal: AbortSignal;
}

/**
 * Tells clients of refusals no faster than a pace. Whoever asks again as soon as it is refused, on thousands of connections,
 * would otherwise have the server do nothing but refuse. A client that is refused now and then is told at once.
 *
 *   refused ─▶ waiting (bounded) ─▶ some are told in each interval, the oldest first
 */
export class RefusalPace {
  readonly #limits: RefusalLimits;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  /** How many more may be told in this interval. */
  #left = 0;
  #interval: Timer | undefined;

  constructor(limits: RefusalLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Resolves when the client may be told. `signal`: of a client that is gone, which takes nobody's turn. */
  turn(signal: AbortSignal): Promise<void> {
    if (!this.#interval) this.#begin(this.#limits.refusals);
    if (this.#waiting.length >= this.#limits.refusalsWaiting) return Promise.resolve();
    if (this.#waiting.length > 0 || this.#left === 0)
      return new Promise((tell) => void this.#waiting.push({ tell, signal }));
    this.#left--;
    return Promise.resolve();
  }

  /** Tells all that wait: the server is about to stop. */
  flush(): void {
    for (const { tell } of this.#waiting) tell();
    this.#waiting = [];
  }

  #begin(left: number): void {
    this.#left = left;
    this.#interval = this.#clock.setTimer(this.#limits.refusalIntervalMs, () => this.#next());
  }

  #next(): void {
    this.#interval = undefined;
    if (this.#waiting.length === 0) return;
    let left = this.#limits.refusals;
    let count = 0;
    for (const { signal } of this.#waiting) {
      if (left === 0) break;
      if (!signal.aborted) left--;
      count++;
    }
    const told = this.#waiting.splice(0, count);
    this.#begin(left);
    for (const { tell } of told) tell();
  }
}
