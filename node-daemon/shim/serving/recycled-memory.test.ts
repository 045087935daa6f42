import { describe, expect, test } from "vitest";
import { engine, type WasmMemory } from "../engine.ts";
import { discardPages } from "./discard-pages.ts";
import { RecycledMemory, type RecyclingOptions } from "./recycled-memory.ts";

const page = 65_536;

function recycledOf(options: Partial<RecyclingOptions> = {}): RecycledMemory {
  return new RecycledMemory({
    memory: { minPages: 2, maxPages: undefined },
    mayHaveGrown: true,
    keepBytesMax: 20 * page,
    ...options,
  });
}

/** As its instance leaves it. */
function used(memory: WasmMemory, growBy = 0): WasmMemory {
  if (growBy > 0) (memory as unknown as { grow(pages: number): number }).grow(growBy);
  new Uint8Array(memory.buffer).fill(7);
  return memory;
}

const isZero = (memory: WasmMemory) => new Uint8Array(memory.buffer).every((byte) => byte === 0);

describe("RecycledMemory", () => {
  test.each([
    ["a small one", 2, 0],
    ["one that is given back to the kernel", 40, 0],
    ["one that has grown", 2, 3],
    ["a large one that has grown", 2, 80],
  ])("%s is kept, with nothing in it", (_name, minPages, growBy) => {
    const recycled = recycledOf({ memory: { minPages, maxPages: undefined }, keepBytesMax: 100 * page });
    const memory = used(recycled.take(), growBy);
    recycled.giveBack(memory);
    expect(recycled.bytes).toBe((minPages + growBy) * page);
    const again = recycled.take();
    expect(again).toBe(memory);
    expect(isZero(again)).toBe(true);
    expect(recycled.bytes).toBe(0);
  });

  test.each([
    ["has grown, and its module would see that", { mayHaveGrown: false }, 1],
    ["has grown to more than it may keep", { keepBytesMax: 4 * page }, 3],
  ])("one that %s is not kept", (_name, options, growBy) => {
    const recycled = recycledOf(options);
    const memory = used(recycled.take(), growBy);
    recycled.giveBack(memory);
    expect(recycled.bytes).toBe(0);
    expect(recycled.take()).not.toBe(memory);
  });

  test("one that has not grown is kept, however little may be kept", () => {
    const recycled = recycledOf({ keepBytesMax: 0 });
    recycled.giveBack(used(recycled.take()));
    expect(recycled.bytes).toBe(2 * page);
  });
});

test("discardPages: the pages of a memory are zeros again", () => {
  const bytes = new Uint8Array(new engine.Memory({ initial: 3 }).buffer).fill(1);
  expect(discardPages(bytes)).toBe(true);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
});
