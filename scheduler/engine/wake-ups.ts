import type { Clock, Timer } from "../../kit/clock.ts";

/** Due times by key, behind one timer. Setting a key again replaces its time. */
export class WakeUps {
  readonly #clock: Clock;
  readonly #due: (keys: readonly string[]) => void;
  readonly #times = new Map<string, number>();
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;

  /** Times are of the wall clock, as deadlines of declared objects are. */
  constructor(clock: Clock, due: (keys: readonly string[]) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  set(key: string, atMs: number | undefined): void {
    if (atMs === undefined) {
      this.#times.delete(key);
      return;
    }
    this.#times.set(key, atMs);
    this.#arm(atMs);
  }

  close(): void {
    this.#timer?.timer.cancel();
    this.#times.clear();
  }

  #arm(atMs: number): void {
    if (this.#timer && this.#timer.atMs <= atMs) return;
    this.#timer?.timer.cancel();
    const timer = this.#clock.setTimer(atMs - this.#clock.now(), () => this.#fire());
    this.#timer = { atMs, timer };
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    const due: string[] = [];
    let next = Infinity;
    for (const [key, atMs] of this.#times) {
      if (atMs <= now) due.push(key);
      else next = Math.min(next, atMs);
    }
    for (const key of due) this.#times.delete(key);
    if (next !== Infinity) this.#arm(next);
    if (due.length > 0) this.#due(due);
  }
}
