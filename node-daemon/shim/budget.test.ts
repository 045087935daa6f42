import { expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { guestDescriptorsMax, ShimBudget } from "./budget.ts";
import { defaultShimLimits } from "./limits.ts";

test("ShimBudget.reserve: refuses what would not fit into the heap, until another instance is gone", async () => {
  const budget = new ShimBudget(defaultShimLimits, { mappingsMax: 65_530, heapBytesMax: 1_000 }, systemClock);
  const first = await budget.reserve({ memories: 1, heapBytes: 600 });
  expect(await budget.reserve({ memories: 1, heapBytes: 401 })).toBeUndefined();
  const second = await budget.reserve({ memories: 1, heapBytes: 400 });
  expect(second).toBeDefined();
  first?.close();
  expect(await budget.reserve({ memories: 1, heapBytes: 600 })).toBeDefined();
  expect(await budget.reserve({ memories: 1, heapBytes: 1 })).toBeUndefined();
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
