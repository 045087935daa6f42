import { expect, test } from "vitest";
import { Burst } from "./burst.ts";

test.each([
  { name: "nothing happens", counts: [0, 0, 0], over: [] },
  { name: "a few come", counts: [0, 1_500, 1_500, 1_500], over: [] },
  { name: "many come", counts: [0, 4_000, 9_000, 10_000, 10_000, 10_000], over: [4] },
  { name: "many were there at the start", counts: [10_000, 10_000, 10_000], over: [1] },
  { name: "many come, and some still do", counts: [0, 9_000, 9_100, 9_200, 9_300], over: [2] },
  { name: "many come little by little", counts: Array.from({ length: 45 }, (_, i) => i * 50), over: [40] },
  { name: "many come and go", counts: [0, 5_000, 5_000, 0, 0, 0], over: [2, 4] },
])("Burst.isOver: $name", ({ counts, over }) => {
  const burst = new Burst();
  expect(counts.flatMap((count, look) => (burst.isOver(count) ? [look] : []))).toEqual(over);
});
