import { describe, expect, test } from "vitest";
import { randomSuffix, systemRandom } from "./random.ts";

describe("systemRandom", () => {
  test("fraction: uniform over many more than are fetched at once", () => {
    const counts = Array.from({ length: 10 }, () => 0);
    const drawn = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      const fraction = systemRandom.fraction();
      drawn.add(fraction);
      counts[Math.floor(fraction * 10)]!++;
    }
    // 2,000 each are expected, with a deviation of 42; two alike among 20,000 of 2^48 would be a wonder.
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(300);
    expect(drawn.size).toBe(20_000);
  });

  test("randomSuffix: of the alphabet, and as long as asked for", () => {
    expect(randomSuffix(systemRandom)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(randomSuffix(systemRandom, 12)).toHaveLength(12);
  });
});
