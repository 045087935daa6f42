import { describe, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { guestDescriptorsMax, ShimBudget } from "./budget.ts";
import { collection, defaultShimLimits } from "./limits.ts";

test("ShimBudget.reserve: refuses what would not fit into the heap, until another instance is gone", async () => {
  const budget = new ShimBudget(defaultShimLimits, { mappingsMax: 65_530, heapBytesMax: 1_000 }, systemClock);
  const first = await budget.reserve({ memories: 1, memories64: 0, heapBytes: 600 });
  expect(await budget.reserve({ memories: 1, memories64: 0, heapBytes: 401 })).toBeUndefined();
  const second = await budget.reserve({ memories: 1, memories64: 0, heapBytes: 400 });
  expect(second).toBeDefined();
  first?.close();
  expect(await budget.reserve({ memories: 1, memories64: 0, heapBytes: 600 })).toBeDefined();
  expect(await budget.reserve({ memories: 1, memories64: 0, heapBytes: 1 })).toBeUndefined();
});

describe("ShimBudget.reserve: how many fit", () => {
  const gibibyte = 2 ** 30;
  test.each([
    {
      name: "with a memory: as many as are allowed",
      needs: { memories: 1, memories64: 0, heapBytes: 0 },
      fit: 8_000,
    },
    { name: "with five: address space", needs: { memories: 5, memories64: 0, heapBytes: 0 }, fit: 2_400 },
    {
      name: "with one of 64 bits: address space",
      needs: { memories: 1, memories64: 1, heapBytes: 0 },
      fit: 6_000,
    },
    {
      name: "without any, in a small table of mappings",
      needs: { memories: 0, memories64: 0, heapBytes: 0 },
      max: 7_500,
      fit: 500,
    },
    {
      name: "with a large part of the heap",
      needs: { memories: 1, memories64: 0, heapBytes: gibibyte / 256 },
      fit: 768,
    },
    {
      name: "with so many mappings that the heap's own count",
      needs: { memories: 1, memories64: 0, heapBytes: 2 ** 20 },
      max: 6_900,
      fit: 100,
    },
  ])("$name", async ({ needs, fit, max = 65_530 }) => {
    const budget = new ShimBudget(
      defaultShimLimits,
      { mappingsMax: max, heapBytesMax: 3 * gibibyte },
      systemClock,
    );
    let count = 0;
    while (await budget.reserve(needs)) count++;
    expect(count).toBe(fit);
  });
});

test("ShimBudget.exhausted: from then on it takes less, until something is collected", async () => {
  const budget = new ShimBudget(defaultShimLimits, { mappingsMax: 65_530, heapBytesMax: 1_000 }, systemClock);
  const needs = { memories: 1, memories64: 0, heapBytes: 0 };
  const all = [];
  for (let i = 0; i < 10; i++) all.push(await budget.reserve(needs));
  budget.exhausted();
  expect(await budget.reserve(needs)).toBeUndefined();
  for (const one of all.slice(0, 2)) one?.close();
  expect(await budget.reserve(needs)).toBeDefined();
  expect(await budget.reserve(needs)).toBeUndefined();
});

test.each([
  { name: "few have ended", alive: 900, ended: 499, flavors: [] },
  { name: "many have, and more are left", alive: 900, ended: 500, flavors: ["regular"] },
  { name: "most have", alive: 400, ended: 500, flavors: ["last-resort"] },
])("ShimBudget: once it is quiet, the dead are collected: $name", async ({ alive, ended, flavors }) => {
  const clock = new FakeClock();
  const flavorsSeen: string[] = [];
  const capacity = { mappingsMax: 65_530, heapBytesMax: 1_000 };
  const budget = new ShimBudget(defaultShimLimits, capacity, clock, (flavor) => flavorsSeen.push(flavor));
  const memories = Array.from({ length: alive + ended }, () => ({}));
  for (const [index, memory] of memories.entries()) {
    const one = await budget.reserve({ memories: 1, memories64: 0, heapBytes: 0 });
    one?.hold(memory);
    if (index >= alive) one?.close();
  }
  clock.advance(collection.quietMs - 1);
  expect(flavorsSeen).toEqual([]);
  clock.advance(1);
  expect(flavorsSeen).toEqual(flavors);
});

const row = (value: string) =>
  `Limit   Soft Limit  Hard Limit  Units\nMax open files   ${value}   ${value}   files\n`;
test.each([
  ["a usual limit", row("20000"), 18_976],
  ["a small one, of which half is kept", row("1024"), 512],
  ["none", row("unlimited"), Number.MAX_SAFE_INTEGER - 1_024],
])("guestDescriptorsMax: %s", (_name, limits, expected) => {
  expect(guestDescriptorsMax(limits)).toBe(expected);
});
