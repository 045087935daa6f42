import type { Clock, Timer } from "../../kit/clock.ts";
import { TimedHeap } from "../core/placement/timed-heap.ts";

/** Keys by times of the monotonic clock, behind one timer. */
export class MonotonicAlarms {
  readonly #clock: Clock;
  readonly #due: (key: string) => void;
  readonly #heap = new TimedHeap<string>();
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;
  #isClosed = false;

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Replaces the time of the key; undefined: it has none. */
  set(key: string, atMs: number | undefined): void {
    if (atMs === undefined) {
      this.#heap.delete(key);
      return;
    }
    this.#heap.set(key, atMs);
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.timer.cancel();
  }

  #arm(): void {
    const firstMs = this.#heap.firstAtMs();
    if (firstMs === undefined || this.#isClosed) return;
    if (this.#timer && this.#timer.atMs <= firstMs) return;
    this.#timer?.timer.cancel();
    const delayMs = Math.max(0, firstMs - this.#clock.monotonic());
    this.#timer = { atMs: firstMs, timer: this.#clock.setTimer(delayMs, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (let key = this.#heap.popDue(nowMs); key !== undefined; key = this.#heap.popDue(nowMs))
      this.#due(key);
    this.#arm();
  }
}
