import * as fc from "fast-check";
import { expect, test } from "vitest";
import { IndexRanges } from "./index-ranges.ts";

test.each([
  { name: "empty", text: "", size: 0, written: "" },
  { name: "single and range", text: "0-3,7", size: 5, written: "0-3,7" },
  { name: "out of order and overlapping", text: "5-9,0-2,3,8-11", size: 11, written: "0-3,5-11" },
  { name: "what is no range is left out", text: "x,3-1,-4,2", size: 1, written: "2" },
])("IndexRanges: reads and writes $name", ({ text, size, written }) => {
  const ranges = IndexRanges.parse(text);
  expect(ranges.size).toBe(size);
  expect(ranges.toString()).toBe(written);
});

test("IndexRanges: agrees with a plain set", () => {
  const plain = new Set([0, 1, 2, 9, 10, 17]);
  const ranges = IndexRanges.parse("0-2").with([10, 9, 17]);
  const indexes = Array.from({ length: 20 }, (_, i) => i);
  expect(indexes.filter((index) => ranges.has(index))).toEqual([...plain]);
  expect([...ranges.missingBelow(12)]).toEqual([3, 4, 5, 6, 7, 8, 11]);
  expect(ranges.countBelow(10)).toBe(4);
});

test("IndexRanges: common indexes and unions agree with plain sets", () => {
  const index = fc.integer({ min: 0, max: 60 });
  fc.assert(
    fc.property(fc.uniqueArray(index), fc.uniqueArray(index), (left, right) => {
      const [a, b] = [IndexRanges.of(left), IndexRanges.of(right)];
      const union = a.union(b);
      expect([...union]).toEqual([...new Set([...left, ...right])].sort((x, y) => x - y));
      expect(a.countCommon(b)).toBe(left.filter((one) => right.includes(one)).length);
      expect(IndexRanges.parse(union.toString()).size).toBe(union.size);
    }),
  );
});
