/**
 * The timers of all guests, on one of the system's: ten thousand that sleep are ten thousand entries of a heap.
 *
 *   set ─▶ heap ─▶ due: a bounded number at once ─▶ the event loop ─▶ the next ones
 *              └─▶ cancelled: leaves the heap at once
 *
 * Invariants:
 * - While there is an entry, the system's timer is armed for the earliest one, or earlier, or a step is scheduled.
 * - However many fall due together, the event loop and the run queue come in between every few of them.
 * - The run queue asks between two slices as well, so a wake-up need not wait for the event loop.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import { IndexedHeap } from "./indexed-heap.ts";
import { timersPerStep } from "./limits.ts";

export interface GuestTimersOptions {
  readonly clock: Pick<Clock, "monotonic" | "setTimer">;
  /** Calls it in the next turn of the event loop, after I/O. */
  readonly schedule: (step: () => void) => void;
  /** What a timer threw, which never should: the others, and the run queue, go on. */
  readonly onBug: (thrown: unknown) => void;
}

export class GuestTimers {
  readonly #clock: GuestTimersOptions["clock"];
  readonly #schedule: GuestTimersOptions["schedule"];
  readonly #onBug: GuestTimersOptions["onBug"];
  readonly #heap = new IndexedHeap<GuestTimer>((a, b) => a.dueMs < b.dueMs);
  #armed: { readonly timer: Timer; readonly atMs: number } | undefined;
  #scheduled = false;

  constructor({ clock, schedule, onBug }: GuestTimersOptions) {
    this.#clock = clock;
    this.#schedule = schedule;
    this.#onBug = onBug;
  }

  get size(): number {
    return this.#heap.size;
  }

  /** Calls `fire` once, not before `delayMs` have passed. A fraction of a millisecond counts. */
  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = new GuestTimer(this.#heap, this.#clock.monotonic() + delayMs, fire);
    this.#heap.add(timer);
    if (this.#heap.first === timer) this.#arm();
    return timer;
  }

  isDue(nowMs: number): boolean {
    const { first } = this.#heap;
    return first !== undefined && first.dueMs <= nowMs;
  }

  /** Fires some of what is due; whether any was. */
  fireDue(nowMs: number): boolean {
    let fired = 0;
    for (; fired < timersPerStep; fired++) {
      const { first } = this.#heap;
      if (!first || first.dueMs > nowMs) break;
      this.#heap.remove(first);
      try {
        first.fire();
      } catch (thrown) {
        this.#onBug(thrown);
      }
    }
    return fired > 0;
  }

  /** The system's timers count in milliseconds and round down. */
  #arm(): void {
    const { first } = this.#heap;
    if (!first || this.#scheduled || (this.#armed && this.#armed.atMs <= first.dueMs)) return;
    this.#armed?.timer.cancel();
    const delayMs = Math.ceil(Math.max(0, first.dueMs - this.#clock.monotonic()));
    this.#armed = { timer: this.#clock.setTimer(delayMs, this.#onTime), atMs: first.dueMs };
  }

  readonly #onTime = (): void => {
    this.#armed?.timer.cancel();
    this.#armed = undefined;
    this.#scheduled = false;
    const nowMs = this.#clock.monotonic();
    this.fireDue(nowMs);
    if (this.isDue(nowMs)) {
      this.#scheduled = true;
      this.#schedule(this.#onTime);
    } else this.#arm();
  };
}

class GuestTimer implements Timer {
  readonly dueMs: number;
  readonly fire: () => void;
  readonly #heap: IndexedHeap<GuestTimer>;
  place = -1;

  constructor(heap: IndexedHeap<GuestTimer>, dueMs: number, fire: () => void) {
    this.#heap = heap;
    this.dueMs = dueMs;
    this.fire = fire;
  }

  cancel(): void {
    this.#heap.remove(this);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }
}
