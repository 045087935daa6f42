/**
 * How soon a workload is looked at again. A look takes time in proportion to its instances, and of a hundred thousand some
 * change all the time: without a pace, the scheduler would do nothing but count them. The rest is in the same
 * proportion, so looking takes a small share of the time, however many there are; small workloads rest not at all.
 */
import type { Clock, Timer } from "../../kit/clock.ts";

/** A look took 0.13 µs for each instance on a busy machine (memory is what is slow): a fifteenth of the time. */
const restMsPerInstance = 0.002;
/** What all together is not worth a timer. */
const instancesMin = 1_000;

export class WorkloadPace {
  readonly #clock: Clock;
  readonly #again: (uid: string) => void;
  /** Monotonic; only of workloads that are large. */
  readonly #restsUntil = new Map<string, number>();
  readonly #waiting = new Map<string, Timer>();

  /** `again`: the workload has rested, and somebody wanted to look at it meanwhile. */
  constructor(clock: Clock, again: (uid: string) => void) {
    this.#clock = clock;
    this.#again = again;
  }

  /** It is looked at now. */
  note(uid: string, instanceCount: number): void {
    if (instanceCount < instancesMin) this.#restsUntil.delete(uid);
    else this.#restsUntil.set(uid, this.#clock.monotonic() + instanceCount * restMsPerInstance);
  }

  /** Whether it must not be looked at yet. Then `again` is called when it may. */
  rests(uid: string): boolean {
    const until = this.#restsUntil.get(uid);
    if (until === undefined) return false;
    const restMs = until - this.#clock.monotonic();
    if (restMs <= 0) return false;
    if (this.#waiting.has(uid)) return true;
    const timer = this.#clock.setTimer(restMs, () => {
      this.#waiting.delete(uid);
      this.#restsUntil.delete(uid);
      this.#again(uid);
    });
    this.#waiting.set(uid, timer);
    return true;
  }

  /** Something is wanted of it that must not wait. */
  wake(uid: string): void {
    this.#restsUntil.delete(uid);
    this.#waiting.get(uid)?.cancel();
    this.#waiting.delete(uid);
  }

  close(): void {
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }
}
