import { expect, test } from "vitest";
import { KeptStacks } from "./kept-stacks.ts";
import { servingLimits } from "./limits.ts";
import { MemoryPot } from "./memory-pot.ts";

test("KeptStacks: a few are kept, count as memory that nobody else has, and are used again", () => {
  const pot = new MemoryPot(1_000, 100);
  const stacks = new KeptStacks(pot, 100);
  const taken = Array.from({ length: servingLimits.stacksKeptMax + 1 }, () => stacks.take());
  for (const stack of taken) stacks.giveBack(stack);
  expect(pot.leftBytes).toBe(1_000 - 100 * servingLimits.stacksKeptMax);
  expect(pot.usedBytes).toBe(0);
  expect(taken).toContain(stacks.take());
  stacks.drop();
  expect(pot.leftBytes).toBe(1_000);
  expect(taken).not.toContain(stacks.take());
});

test("KeptStacks: none is kept where there is no memory for it", () => {
  const pot = new MemoryPot(1_000, 100);
  const stacks = new KeptStacks(pot, 1_001);
  const stack = stacks.take();
  stacks.giveBack(stack);
  expect(pot.leftBytes).toBe(1_000);
  expect(stack.resting).toBe(false);
});
