/** A share of the one thread, for work that whoever may ask for it could ask for without end. Full: refused, nothing waits. */
export class TimeBudget {
  readonly #msMax: number;
  readonly #perMs: number;
  readonly #now: () => number;
  #startMs = Number.NEGATIVE_INFINITY;
  #spentMs = 0;

  /** `msMax` in each `perMs`; `now` never goes back. */
  constructor(msMax: number, perMs: number, now: () => number) {
    this.#msMax = msMax;
    this.#perMs = perMs;
    this.#now = now;
  }

  /** Whether there is time left. The last one may take longer than what is left; then the next ones wait for it. */
  get hasTime(): boolean {
    const now = this.#now();
    const passed = Math.floor((now - this.#startMs) / this.#perMs);
    if (passed > 0) {
      this.#startMs = now;
      this.#spentMs = Math.max(0, this.#spentMs - passed * this.#msMax);
    }
    return this.#spentMs < this.#msMax;
  }

  spend<T>(work: () => T): T {
    const begunMs = this.#now();
    try {
      return work();
    } finally {
      this.#spentMs += this.#now() - begunMs;
    }
  }
}
