import { describe, expect, test } from "vitest";
import { GuestTrap } from "../wasi/component-resources.ts";
import { heap, scriptLimits } from "./limits.ts";
import { countingDecoder, ScriptLimits } from "./script-limits.ts";

function limitsWith(options: { readonly grants?: number } = {}): {
  readonly limits: ScriptLimits;
  readonly granted: number[];
} {
  const granted: number[] = [];
  const limits = new ScriptLimits(65_536, {
    needHeap: (bytes) => granted.push(bytes) <= (options.grants ?? Number.POSITIVE_INFINITY),
    broken: () => {},
    hostDone: () => {},
  });
  return { limits, granted };
}

const until = (call: () => void): number => {
  for (let count = 0; count < 1_000_000; count++) {
    try {
      call();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(GuestTrap);
      return count;
    }
  }
  throw new Error("without end");
};

describe("ScriptLimits", () => {
  test("handles: asks the process in steps beyond what each component has, and ends at its own bound", () => {
    const { limits, granted } = limitsWith();
    const handles = until(() => limits.tableSlot());
    expect(handles).toBe(Math.floor(scriptLimits.keptBytesMax / scriptLimits.bytesPerHandle));
    const steps = (scriptLimits.keptBytesMax - heap.componentKeeps) / scriptLimits.keptBytesStep;
    expect(granted).toHaveLength(Math.ceil(steps));
  });

  test("handles: a process without room ends it sooner", () => {
    const { limits } = limitsWith({ grants: 1 });
    const kept = heap.componentKeeps + scriptLimits.keptBytesStep;
    expect(until(() => limits.objectSlot())).toBe(Math.floor(kept / scriptLimits.bytesPerObject));
  });

  test("lists: counted together from one entry to the next, and a negative length is a large one", () => {
    const { limits } = limitsWith();
    limits.elements(scriptLimits.elementsMax);
    expect(() => limits.elements(1)).toThrow(GuestTrap);
    limits.begin();
    limits.elements(scriptLimits.elementsMax);
    limits.begin();
    expect(() => limits.elements(-1)).toThrow(GuestTrap);
  });

  test("bytes: as much as the memory holds in one entry, and nothing outside of it", () => {
    const { limits } = limitsWith();
    const memory = new ArrayBuffer(65_536);
    expect(limits.slice(memory, 65_530, 65_536).byteLength).toBe(6);
    for (const [from, to] of [
      [65_530, 65_537],
      [-1, 5],
      [10, 9],
    ] as const) {
      expect(() => limits.slice(memory, from, to)).toThrow(GuestTrap);
    }
    limits.begin();
    const times = until(() => void limits.slice(memory, 0, 65_536));
    expect(times).toBe(1 + scriptLimits.liftedBytesBeyondMemory / 65_536);
  });

  test("strings: counted as bytes, and one that is no UTF-8 is a trap", () => {
    const { limits } = limitsWith();
    const Decoder = countingDecoder(limits);
    const decoder = new Decoder("utf-8", { fatal: true }) as TextDecoder;
    expect(decoder.decode(Buffer.from("grün"))).toBe("grün");
    expect(() => decoder.decode(Uint8Array.of(0xff))).toThrow(GuestTrap);
    expect(until(() => void decoder.decode(new Uint8Array(2 ** 20)))).toBe(1);
  });

  test("an allocator that answers no multiple of the alignment is a trap; addresses are unsigned", () => {
    const { limits } = limitsWith();
    const answer = (at: number) => limits.allocator(() => at)(0, 0, 8, 16);
    expect(answer(1_024)).toBe(1_024);
    expect(answer(-8)).toBe(4_294_967_288);
    expect(() => answer(1_028)).toThrow(GuestTrap);
  });

  test("messages are cut, and hold nothing of what they were cut from", () => {
    const { limits } = limitsWith();
    expect(limits.message("x".repeat(5_000))).toBe("x".repeat(scriptLimits.messageCharsMax));
  });
});
