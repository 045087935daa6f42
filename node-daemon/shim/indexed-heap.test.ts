import { describe, expect, test } from "vitest";
import { IndexedHeap } from "./indexed-heap.ts";

interface Item {
  key: number;
  place: number;
}

/** Numerical Recipes' generator: the same in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

describe("IndexedHeap", () => {
  test("10,000 random steps: the first is always the least of those that are in", () => {
    const random = randomNumbers(20_261_126);
    const heap = new IndexedHeap<Item>((a, b) => a.key < b.key);
    const inside = new Set<Item>();
    const items = Array.from({ length: 200 }, (): Item => ({ key: random(1000), place: -1 }));
    for (let step = 0; step < 10_000; step++) {
      const item = items[random(items.length)];
      if (!item) continue;
      if (!inside.has(item)) {
        heap.add(item);
        inside.add(item);
      } else if (random(2) === 0) {
        heap.remove(item);
        inside.delete(item);
      } else {
        item.key = random(1000);
        heap.moved(item);
      }
      const keys = [...inside].map(({ key }) => key);
      expect(heap.size).toBe(inside.size);
      expect(heap.first?.key).toBe(keys.length > 0 ? Math.min(...keys) : undefined);
    }
  });

  test("remove, moved: nothing happens to what is not in", () => {
    const heap = new IndexedHeap<Item>((a, b) => a.key < b.key);
    const item = { key: 1, place: -1 };
    heap.remove(item);
    heap.moved(item);
    expect(heap.size).toBe(0);
  });
});
