import { burstLimits } from "./limits.ts";

/** Tells when many instances have come, or gone, and no more do. Asked at regular looks. */
export class Burst {
  #before = 0;
  /** When it was last over. */
  #settledAt = 0;

  isOver(count: number): boolean {
    const goesOn = Math.abs(count - this.#before) > burstLimits.stillMax;
    this.#before = count;
    if (goesOn || Math.abs(count - this.#settledAt) < burstLimits.instancesMin) return false;
    this.#settledAt = count;
    return true;
  }
}
