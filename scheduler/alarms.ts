import type { Clock, Timer } from "../kit/clock.ts";
import { TimedHeap } from "./core/placement/timed-heap.ts";

/**
 * A timer counts the time that this process has been awake for. A laptop that slept, or a clock that was set, makes times
 * of the wall clock come sooner than that: so it is looked at now and then, once for all.
 */
const lookAgainMs = 20_000;

/** Keys by times, behind one timer. Ten thousand cost no more to wait for than one. */
abstract class Alarms {
  readonly #clock: Clock;
  readonly #due: (key: string) => void;
  readonly #heap = new TimedHeap<string>();
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;
  #isClosed = false;

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  protected abstract nowMs(clock: Clock): number;
  protected abstract readonly delayMsMax: number;

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
    const delayMs = Math.min(Math.max(0, firstMs - this.nowMs(this.#clock)), this.delayMsMax);
    this.#timer = { atMs: firstMs, timer: this.#clock.setTimer(delayMs, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.nowMs(this.#clock);
    for (let key = this.#heap.popDue(nowMs); key !== undefined; key = this.#heap.popDue(nowMs))
      this.#due(key);
    this.#arm();
  }
}

/** Times of the clock that nobody sets. */
export class MonotonicAlarms extends Alarms {
  protected override readonly delayMsMax = Number.POSITIVE_INFINITY;

  protected override nowMs(clock: Clock): number {
    return clock.monotonic();
  }
}

/** Times of the wall clock. */
export class WallClockAlarms extends Alarms {
  protected override readonly delayMsMax = lookAgainMs;

  protected override nowMs(clock: Clock): number {
    return clock.now();
  }
}
