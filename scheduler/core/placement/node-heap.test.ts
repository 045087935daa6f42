import { expect, test } from "vitest";
import { seededRandom } from "../../../kit/random.ts";
import { NodeHeap, NodeHeaps } from "./node-heap.ts";
import { TimedHeap } from "./timed-heap.ts";

test.each([1, 2, 3])("NodeHeap: agrees with a sorted list, seed %i", (seed) => {
  const random = seededRandom(seed);
  const pick = (n: number) => Math.floor(random.fraction() * n);
  const shared = new NodeHeaps(4);
  const heap = new NodeHeap(shared);
  const plain = new Map<number, { score: number; order: number }>();
  for (let order = 0; order < 2_000; order++) {
    const position = pick(50);
    shared.grow(50);
    if (pick(4) === 0) {
      heap.remove(position);
      plain.delete(position);
    } else {
      const score = pick(10);
      heap.put(position, score, order);
      plain.set(position, { score, order });
    }
    const [best] = [...plain].sort(([, a], [, b]) => b.score - a.score || a.order - b.order);
    expect(heap.top(), `seed ${seed}, step ${order}`).toBe(best?.[0] ?? -1);
    expect(heap.length).toBe(plain.size);
  }
});

test.each([1, 2, 3])("TimedHeap: gives each item at its time, seed %i", (seed) => {
  const random = seededRandom(seed);
  const pick = (n: number) => Math.floor(random.fraction() * n);
  const heap = new TimedHeap<string>();
  const plain = new Map<string, number>();
  for (let nowMs = 0; nowMs < 2_000; nowMs++) {
    const item = `i${pick(20)}`;
    if (pick(3) === 0) {
      heap.delete(item);
      plain.delete(item);
    } else {
      const atMs = nowMs + pick(50);
      heap.set(item, atMs);
      plain.set(item, atMs);
    }
    for (let due = heap.popDue(nowMs); due !== undefined; due = heap.popDue(nowMs)) {
      expect(plain.get(due)).toBeLessThanOrEqual(nowMs);
      plain.delete(due);
    }
    expect(heap.firstAtMs() ?? Infinity, `seed ${seed}`).toBe(Math.min(...plain.values()));
  }
});
