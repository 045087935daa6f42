import type { Clock, Timer } from "../../../kit/clock.ts";
import { servingLimits } from "./limits.ts";
import type { Seat } from "./seat.ts";

/**
 * Seats that nobody needs now. The one used last is used next. Those that were not needed for a while are closed, and the last one rests.
 */
export class IdleSeats {
  readonly #clock: Clock;
  readonly #closeSeat: (seat: Seat) => void;
  readonly #seats: Seat[] = [];
  /** The fewest there were since the timer was set: so many were not needed. */
  #fewest = 0;
  #used = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, closeSeat: (seat: Seat) => void) {
    this.#clock = clock;
    this.#closeSeat = closeSeat;
  }

  get size(): number {
    return this.#seats.length;
  }

  add(seat: Seat): void {
    this.#seats.push(seat);
    this.#used = true;
    if (!this.#timer) this.#arm();
  }

  take(): Seat | undefined {
    const seat = this.#seats.pop();
    this.#fewest = Math.min(this.#fewest, this.#seats.length);
    return seat;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#fewest = this.#seats.length;
    this.#used = false;
    this.#timer = this.#clock.setTimer(servingLimits.idleMs, () => {
      this.#timer = undefined;
      const unneeded = Math.min(this.#fewest, this.#seats.length - 1);
      for (const seat of this.#seats.splice(0, Math.max(0, unneeded))) this.#closeSeat(seat);
      if (this.#used || this.#seats.length > 1) this.#arm();
      else this.#seats[0]?.rest();
    });
  }
}
