/**
 * How fast something may go over time: what is spent is paid for at a steady rate, and up to `burstMs` of it may be owed.
 * Pure; times are of a monotonic clock.
 */
export class Pace {
  readonly #bytesPerSecond: number;
  readonly #burstMs: number;
  /** When everything spent so far will have been paid for. */
  #paidAtMs = 0;

  constructor(bytesPerSecond: number, burstMs: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#burstMs = burstMs;
  }

  spend(bytes: number, nowMs: number): void {
    this.#paidAtMs = Math.max(this.#paidAtMs, nowMs) + (bytes * 1000) / this.#bytesPerSecond;
  }

  /** How long to wait before spending more, 0 for not at all. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#paidAtMs - this.#burstMs - nowMs);
  }
}
