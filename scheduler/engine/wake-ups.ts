import type { Clock, Timer } from "../../kit/clock.ts";

interface Due {
  readonly atMs: number;
  /** The same when it was set, by the monotonic clock. */
  readonly monotonicMs: number;
}

/**
 * Due times by key, behind one timer. Setting a key again replaces its time. A key is due by either clock: whoever looks too early,
 * because the wall clock has been set back since, finds that out and sets it again.
 */
export class WakeUps {
  readonly #clock: Clock;
  readonly #due: (keys: readonly string[]) => void;
  readonly #times = new Map<string, Due>();
  #timer: { readonly monotonicMs: number; readonly timer: Timer } | undefined;

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
    const due = { atMs, monotonicMs: this.#clock.monotonic() + atMs - this.#clock.now() };
    this.#times.set(key, due);
    this.#arm(due);
  }

  close(): void {
    this.#timer?.timer.cancel();
    this.#times.clear();
  }

  #arm(due: Due): void {
    if (this.#timer && this.#timer.monotonicMs <= due.monotonicMs) return;
    this.#timer?.timer.cancel();
    const timer = this.#clock.setTimer(due.monotonicMs - this.#clock.monotonic(), () => this.#fire());
    this.#timer = { monotonicMs: due.monotonicMs, timer };
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    const due: string[] = [];
    let next: Due | undefined;
    for (const [key, time] of this.#times) {
      if (time.atMs <= now || time.monotonicMs <= monotonic) due.push(key);
      else if (next === undefined || time.monotonicMs < next.monotonicMs) next = time;
    }
    for (const key of due) this.#times.delete(key);
    if (next !== undefined) this.#arm(next);
    if (due.length > 0) this.#due(due);
  }
}
