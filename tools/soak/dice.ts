import { type Random, seededRandom } from "../../kit/random.ts";

/** What a generator asks of chance. */
export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** Each module of a soak has dice of its own, so that it can be made again alone. */
  static of(seed: number, index: number): Dice {
    return new Dice((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0);
  }

  /** At least 0, less than `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit);
  }

  chance(probability: number): boolean {
    return this.#random.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** From 1 to `most`, each order of magnitude as likely as the others. */
  size(most: number): number {
    return Math.max(1, Math.min(most, Math.floor(Math.exp(this.#random.fraction() * Math.log(most + 1)))));
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      [shuffled[i], shuffled[other]] = [shuffled[other] as T, shuffled[i] as T];
    }
    return shuffled;
  }
}
