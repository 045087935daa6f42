import { expect, test } from "vitest";
import { PlainHistogram } from "./plain-histogram.ts";

test.each([
  { name: "below the first bound", value: 0.5, bucket: 0 },
  { name: "at a bound, which is within its bucket", value: 1, bucket: 0 },
  { name: "just above a bound", value: 1.001, bucket: 1 },
  { name: "at the last bound", value: 10, bucket: 2 },
  { name: "above the last bound", value: 11, bucket: 3 },
  { name: "infinite", value: Number.POSITIVE_INFINITY, bucket: 3 },
  { name: "0", value: 0, bucket: 0 },
  { name: "negative, as 0", value: -5, bucket: 0 },
  { name: "no number, as 0", value: Number.NaN, bucket: 0 },
])("PlainHistogram.observe: $name", ({ value, bucket }) => {
  const histogram = new PlainHistogram([1, 5, 10]);
  histogram.observe(value);
  const expected = [0, 0, 0, 0];
  expected[bucket] = 1;
  expect([...histogram.counts]).toEqual(expected);
  expect(histogram.sum).toBe(value > 0 ? value : 0);
});

test("PlainHistogram.observe: many of one value at once", () => {
  const histogram = new PlainHistogram([1]);
  histogram.observe(0.25, 4);
  histogram.observe(3, 2);
  expect([...histogram.counts]).toEqual([4, 2]);
  expect(histogram.sum).toBe(7);
});
