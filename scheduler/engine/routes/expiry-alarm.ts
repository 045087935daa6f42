import type { Clock, Timer } from "../../../kit/clock.ts";

/** Clocks of machines are set now and then. */
const lookMsMax = 3_600_000;

/** Says when something is due by the time of the day, with one timer for all: it looks through them when the first may be due. */
export class ExpiryAlarm {
  readonly #clock: Clock;
  readonly #due: (key: string) => void;
  readonly #dueMs = new Map<string, number>();
  #timer: { readonly timer: Timer; readonly atMs: number } | undefined;

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** In place of when it was due before; undefined: not any more. */
  set(key: string, atMs: number | undefined): void {
    if (atMs === undefined) this.#dueMs.delete(key);
    else {
      this.#dueMs.set(key, atMs);
      if (this.#timer === undefined || atMs < this.#timer.atMs) this.#arm(atMs);
    }
  }

  close(): void {
    this.#timer?.timer.cancel();
    this.#dueMs.clear();
  }

  #arm(atMs: number): void {
    this.#timer?.timer.cancel();
    const delayMs = Math.min(lookMsMax, Math.max(0, atMs - this.#clock.now()));
    this.#timer = { atMs, timer: this.#clock.setTimer(delayMs, () => this.#look()) };
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    let firstMs = Number.POSITIVE_INFINITY;
    for (const [key, atMs] of this.#dueMs) {
      if (atMs > nowMs) firstMs = Math.min(firstMs, atMs);
      else {
        this.#dueMs.delete(key);
        this.#due(key);
      }
    }
    if (Number.isFinite(firstMs)) this.#arm(firstMs);
  }
}
