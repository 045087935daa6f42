import type { Clock, Timer } from "../kit/clock.ts";
import { DueQueue } from "./core/due-queue.ts";

/** Any number of waits on one timer. */
export class WakeTimer<T> {
  readonly #clock: Clock;
  readonly #wake: (value: T) => void;
  readonly #due = new DueQueue<T>();
  #armed: { readonly timer: Timer; readonly atMs: number } | undefined;

  constructor(clock: Clock, wake: (value: T) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  after(delayMs: number, value: T): void {
    this.#due.push(this.#clock.monotonic() + delayMs, value);
    this.#arm();
  }

  close(): void {
    this.#armed?.timer.cancel();
  }

  #arm(): void {
    const nextMs = this.#due.nextMs;
    if (nextMs === undefined || (this.#armed && this.#armed.atMs <= nextMs)) return;
    this.#armed?.timer.cancel();
    const timer = this.#clock.setTimer(nextMs - this.#clock.monotonic(), () => this.#wakeDue());
    this.#armed = { timer, atMs: nextMs };
  }

  #wakeDue(): void {
    this.#armed = undefined;
    // Node's timers may fire a fraction of a millisecond early by this clock.
    const nowMs = this.#clock.monotonic() + 1;
    for (let due = this.#due.takeDue(nowMs); due !== undefined; due = this.#due.takeDue(nowMs))
      this.#wake(due);
    this.#arm();
  }
}
