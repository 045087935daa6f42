import type { Clock, Timer } from "../../../kit/clock.ts";
import type { Tidiness } from "./messages.ts";

/** Between two rounds of letting old events go; so much longer than its age may an event be kept. */
const pauseMsMin = 10_000;

/** Sees to it that the past goes when it is old, also when nothing is written. Sleeps until there is something to do. */
export class TidyTimer implements Disposable {
  readonly #clock: Clock;
  readonly #ageMsMax: number;
  readonly #tidy: () => Promise<Tidiness>;
  #timer: Timer | undefined;
  #isTidying = false;
  #isDisposed = false;

  /** `tidy`: one bounded step. */
  constructor(clock: Clock, ageMsMax: number, tidy: () => Promise<Tidiness>) {
    this.#clock = clock;
    this.#ageMsMax = ageMsMax;
    this.#tidy = tidy;
  }

  /** Must be told after everything that writes. */
  note({ oldestAtMs, isUntidy }: Tidiness): void {
    if (this.#isDisposed || this.#isTidying) return;
    if (isUntidy) void this.#run();
    else if (oldestAtMs !== undefined && !this.#timer) {
      const dueMs = oldestAtMs + this.#ageMsMax - this.#clock.now();
      this.#setTimer(Math.max(dueMs + 1, pauseMsMin));
    }
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#timer?.cancel();
  }

  #setTimer(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isTidying = true;
    let tidiness: Tidiness | undefined;
    try {
      do {
        // Each step waits its turn among the commits.
        tidiness = await this.#tidy();
      } while (!this.#isDisposed && (tidiness.isUntidy || this.#isExpired(tidiness)));
    } catch {
      // The disk is full or fails: whoever writes is told so. Tried again later.
      tidiness = undefined;
    }
    this.#isTidying = false;
    if (this.#isDisposed) return;
    if (tidiness) this.note(tidiness);
    else if (!this.#timer) this.#setTimer(pauseMsMin);
  }

  #isExpired({ oldestAtMs }: Tidiness): boolean {
    return oldestAtMs !== undefined && oldestAtMs + this.#ageMsMax < this.#clock.now();
  }
}
