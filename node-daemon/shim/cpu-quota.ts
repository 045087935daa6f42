import { quotaLimits } from "./limits.ts";

/**
 * What a CPU limit lets one instance use: so much in each period, which is the same for all. What was used beyond it is taken
 * from the next periods, so that the limit holds over any second; what was left over is kept for one period. Pure: times
 * are of a monotonic clock.
 */
export class CpuQuota {
  readonly #perPeriodMs: number;
  /** The period that `#leftMs` is of. */
  #period: number;
  #leftMs: number;

  constructor(limitMillis: number, nowMs: number) {
    this.#perPeriodMs = (limitMillis / 1000) * quotaLimits.periodMs;
    this.#period = periodAt(nowMs);
    this.#leftMs = this.#perPeriodMs;
  }

  /** Less than nothing gives back. */
  spend(ms: number): void {
    this.#leftMs = Math.max(this.#leftMs - ms, -this.#perPeriodMs * quotaLimits.periodsOwed);
  }

  /** Zero or less: it has to wait. */
  leftMs(nowMs: number): number {
    const period = periodAt(nowMs);
    if (period > this.#period) {
      const granted = this.#leftMs + (period - this.#period) * this.#perPeriodMs;
      this.#leftMs = Math.min(granted, this.#perPeriodMs * (1 + quotaLimits.periodsKept));
      this.#period = period;
    }
    return this.#leftMs;
  }

  /** The period in which there is something left again, if nothing else is spent. */
  releasePeriod(nowMs: number): number {
    const leftMs = this.leftMs(nowMs);
    return leftMs > 0 ? this.#period : this.#period + Math.floor(-leftMs / this.#perPeriodMs) + 1;
  }
}

/** How one of those that have a quota is kept by it from running. Two may share a quota, and each is held for itself. */
export class Hold {
  #until: number | undefined;
  #sinceMs = 0;
  #heldMs = 0;

  /** The period until which it may not run, though it could. */
  get until(): number | undefined {
    return this.#until;
  }

  begin(period: number, nowMs: number): void {
    this.#until = period;
    this.#sinceMs = nowMs;
  }

  end(nowMs: number): void {
    this.#heldMs = this.heldMs(nowMs);
    this.#until = undefined;
  }

  /** In all. */
  heldMs(nowMs: number): number {
    return this.#heldMs + (this.#until === undefined ? 0 : Math.max(0, nowMs - this.#sinceMs));
  }
}

export function periodAt(nowMs: number): number {
  return Math.floor(nowMs / quotaLimits.periodMs);
}

export function periodBeginMs(period: number): number {
  return period * quotaLimits.periodMs;
}
