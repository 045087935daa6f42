import type { Clock } from "../../kit/clock.ts";
import { type Deadline, DeadlineWheel } from "./core/deadline-wheel.ts";
import { gatewayLimits } from "./limits.ts";

/** All deadlines of a gateway, with one timer that runs as long as any is set. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #wheel: DeadlineWheel;
  #isTicking = false;
  #tickedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tickedMs = clock.monotonic();
    this.#wheel = new DeadlineWheel(gatewayLimits.tickMs, this.#tickedMs);
  }

  /** What the time is, at a tick or two, as long as any deadline is set: costs nothing. */
  get tickedMs(): number {
    return this.#tickedMs;
  }

  /** `dueMs` by the monotonic clock. */
  set(deadline: Deadline, dueMs: number): void {
    this.#wheel.set(deadline, dueMs);
    if (!this.#isTicking) this.#tickLater();
  }

  clear(deadline: Deadline): void {
    this.#wheel.clear(deadline);
  }

  #tickLater(): void {
    this.#isTicking = true;
    this.#tickedMs = this.#clock.monotonic();
    this.#clock.setTimer(gatewayLimits.tickMs, () => {
      this.#isTicking = false;
      this.#tickedMs = this.#clock.monotonic();
      this.#wheel.advance(this.#tickedMs);
      if (this.#wheel.size > 0) this.#tickLater();
    });
  }
}
