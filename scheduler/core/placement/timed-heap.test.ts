import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TimedHeap } from "./timed-heap.ts";

const aChange = fc.record({
  item: fc.integer({ min: 0, max: 5 }),
  atMs: fc.option(fc.integer({ min: 0, max: 20 })),
});

test("TimedHeap: whatever was set and deleted, each item comes once, at its last time", () => {
  fc.assert(
    fc.property(fc.array(aChange, { maxLength: 400 }), (changes) => {
      const heap = new TimedHeap<number>();
      const times = new Map<number, number>();
      for (const { item, atMs } of changes) {
        if (atMs === null) {
          heap.delete(item);
          times.delete(item);
        } else {
          heap.set(item, atMs);
          times.set(item, atMs);
        }
      }
      for (let nowMs = 0; nowMs <= 20; nowMs++) {
        const due: number[] = [];
        for (let item = heap.popDue(nowMs); item !== undefined; item = heap.popDue(nowMs)) due.push(item);
        const expected = [...times].flatMap(([item, atMs]) => (atMs === nowMs ? [item] : []));
        expect(new Set(due)).toEqual(new Set(expected));
        expect(due).toHaveLength(expected.length);
      }
      expect(heap.firstAtMs()).toBeUndefined();
    }),
  );
});

test.each([
  { name: "the same time", timeOf: () => 1_000_000 },
  { name: "another time each time", timeOf: (round: number) => 1_000_000 + round },
])("TimedHeap: what is set again and again to $name is not kept as often", ({ timeOf }) => {
  const heap = new TimedHeap<string>();
  for (let round = 0; round < 1_000; round++) {
    heap.set("a", timeOf(round));
    heap.set(`gone ${round}`, 2_000_000);
    heap.delete(`gone ${round}`);
  }
  expect(heap.entryCount).toBeLessThan(100);
});
