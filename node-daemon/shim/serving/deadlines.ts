import type { Clock, Timer } from "../../../kit/clock.ts";
import { IndexedHeap, type Placed } from "../indexed-heap.ts";

export interface Due extends Placed {
  /** Monotonic. Whoever changes it says so with `moved`, or adds it again. */
  readonly deadlineMs: number;
}

/**
 * Deadlines with one timer for all: it is moved only for one that is earlier than all others, and looks, when it fires, what
 * there is left to wait for. So a request that is answered in time costs no timer.
 */
export class Deadlines<T extends Due> {
  readonly #clock: Clock;
  readonly #passed: (item: T) => void;
  readonly #heap = new IndexedHeap<T>((a, b) => a.deadlineMs < b.deadlineMs);
  #armed: { readonly timer: Timer; readonly atMs: number } | undefined;

  constructor(clock: Clock, passed: (item: T) => void) {
    this.#clock = clock;
    this.#passed = passed;
  }

  add(item: T): void {
    this.#heap.add(item);
    if (this.#armed === undefined || item.deadlineMs < this.#armed.atMs) this.#arm(item.deadlineMs);
  }

  remove(item: T): void {
    this.#heap.remove(item);
  }

  /** Its deadline is another; nothing happens for one that is not waited for. */
  moved(item: T): void {
    this.#heap.moved(item);
    if (item.place >= 0 && this.#armed !== undefined && item.deadlineMs < this.#armed.atMs)
      this.#arm(item.deadlineMs);
  }

  close(): void {
    this.#armed?.timer.cancel();
    this.#armed = undefined;
  }

  #arm(atMs: number): void {
    this.#armed?.timer.cancel();
    const delayMs = Math.max(0, Math.ceil(atMs - this.#clock.monotonic()));
    this.#armed = { atMs, timer: this.#clock.setTimer(delayMs, () => this.#fire()) };
  }

  #fire(): void {
    this.#armed = undefined;
    const now = this.#clock.monotonic();
    for (let first = this.#heap.first; first && first.deadlineMs <= now; first = this.#heap.first) {
      this.#heap.remove(first);
      this.#passed(first);
    }
    const { first } = this.#heap;
    if (first) this.#arm(first.deadlineMs);
  }
}
