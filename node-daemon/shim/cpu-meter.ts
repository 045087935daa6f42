/**
 * CPU time out of time on the wall. What runs on the thread is measured by the wall clock, which is cheap, and charged so at
 * once; every millisecond or so the thread's own CPU clock says how much of it was really the thread's, and all that ran
 * since are set right in proportion. So a machine that runs something else meanwhile costs an instance nothing.
 */
export class CpuMeter<T> {
  readonly #cpuMs: () => number;
  readonly #correct: (who: T, ms: number) => void;
  readonly #who: T[] = [];
  readonly #wallMs: number[] = [];
  #sumMs = 0;
  #lastCpuMs: number;
  /** Charged by the wall clock for good. */
  #unsettledCpuMs = 0;

  /** `cpuMs`: of this thread, exact when asked. */
  constructor(cpuMs: () => number, correct: (who: T, ms: number) => void) {
    this.#cpuMs = cpuMs;
    this.#correct = correct;
    this.#lastCpuMs = cpuMs();
  }

  /** By the wall clock, since the last settlement. */
  get unsettledMs(): number {
    return this.#sumMs;
  }

  /** Has been charged `wallMs`. */
  add(who: T, wallMs: number): void {
    this.#sumMs += wallMs;
    const last = this.#who.length - 1;
    if (this.#who[last] === who) this.#wallMs[last] = (this.#wallMs[last] ?? 0) + wallMs;
    else {
      this.#who.push(who);
      this.#wallMs.push(wallMs);
    }
  }

  /** Has run for nobody. */
  addUnowned(wallMs: number): void {
    this.#sumMs += wallMs;
  }

  /** Unless so little has run that the clock on the wall is good enough: each settlement costs a microsecond or two. */
  settleIfWorth(leastMs: number): void {
    if (this.#sumMs >= leastMs) {
      this.settle();
      return;
    }
    this.#unsettledCpuMs += this.#sumMs;
    this.#forget();
  }

  settle(): void {
    const factor = this.#sumMs > 0 ? this.sinceLast() / this.#sumMs - 1 : 0;
    for (const [index, who] of this.#who.entries()) this.#correct(who, (this.#wallMs[index] ?? 0) * factor);
    this.#forget();
  }

  #forget(): void {
    this.#who.length = 0;
    this.#wallMs.length = 0;
    this.#sumMs = 0;
  }

  /** CPU time since this or `settle` was called last, without what has been charged already. */
  sinceLast(): number {
    const cpuMs = this.#cpuMs();
    const sinceMs = cpuMs - this.#lastCpuMs - this.#unsettledCpuMs;
    this.#lastCpuMs = cpuMs;
    this.#unsettledCpuMs = 0;
    return Math.max(0, sinceMs);
  }
}
