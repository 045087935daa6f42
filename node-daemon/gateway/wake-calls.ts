import type { Clock, Timer } from "../../kit/clock.ts";
import { gatewayLimits } from "./limits.ts";

/** Workloads that somebody waits for and that have nobody: told at once, and then again and again as long as it is so. */
export class WakeCalls {
  readonly #clock: Clock;
  readonly #tell: (workloads: readonly string[]) => void;
  /** With the time since which it is so. */
  readonly #since = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock, tell: (workloads: readonly string[]) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  add(uid: string): void {
    if (this.#since.has(uid)) return;
    this.#since.set(uid, this.#clock.monotonic());
    this.#tell([uid]);
    this.#timer ??= this.#repeatLater();
  }

  /** Since when it was called; undefined if it was not. */
  remove(uid: string): number | undefined {
    const sinceMs = this.#since.get(uid);
    this.#since.delete(uid);
    return sinceMs;
  }

  close(): void {
    this.#timer?.cancel();
    this.#since.clear();
  }

  #repeatLater(): Timer {
    return this.#clock.setTimer(gatewayLimits.wakeRepeatMs, () => {
      this.#timer = undefined;
      if (this.#since.size === 0) return;
      this.#tell([...this.#since.keys()]);
      this.#timer = this.#repeatLater();
    });
  }
}
