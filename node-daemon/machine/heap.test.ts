import { getHeapStatistics } from "node:v8";
import { expect, test } from "vitest";
import { releaseHeap } from "./heap.ts";

test("releaseHeap: what nobody uses is the machine's again", () => {
  const heapBytes = () => getHeapStatistics().total_heap_size;
  let garbage: unknown = Array.from({ length: 500_000 }, (_, index) => ({ index, self: [index] }));
  const full = heapBytes();
  garbage = undefined;
  releaseHeap();
  expect(garbage).toBeUndefined();
  expect(full - heapBytes()).toBeGreaterThan(20 * 2 ** 20);
});
