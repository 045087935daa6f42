import { ReusedStack } from "../reused-stack.ts";
import { servingLimits } from "./limits.ts";
import type { MemoryPot } from "./memory-pot.ts";

/**
 * The stacks of a run's guests, of which a few are kept: most guests are done within a turn, so that the next one can have the same. How much
 * of a stack was ever touched nobody says, so what is kept counts with all that it may be; only where there is that much left.
 */
export class KeptStacks {
  readonly #pot: MemoryPot;
  readonly #stackBytesMax: number;
  readonly #kept: ReusedStack[] = [];

  constructor(pot: MemoryPot, stackBytesMax: number) {
    this.#pot = pot;
    this.#stackBytesMax = stackBytesMax;
  }

  take(): ReusedStack {
    const kept = this.#kept.pop();
    if (!kept) return new ReusedStack();
    this.#pot.unreserve(this.#stackBytesMax);
    return kept;
  }

  /** Nothing of its guest runs any more. */
  giveBack(stack: ReusedStack): void {
    if (!stack.resting) return;
    if (this.#kept.length >= servingLimits.stacksKeptMax || this.#pot.leftBytes < this.#stackBytesMax) {
      stack.leave();
      return;
    }
    this.#kept.push(stack);
    this.#pot.reserve(this.#stackBytesMax);
  }

  /** Keeps none. */
  drop(): void {
    for (const stack of this.#kept) {
      stack.leave();
      this.#pot.unreserve(this.#stackBytesMax);
    }
    this.#kept.length = 0;
  }
}
