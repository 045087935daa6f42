/** A part of `npm run soak`, always the same. */
import { describe, expect, test } from "vitest";
import { buildModule, exportItem, functionType, kind, type } from "../../node-daemon/wasm/wasm-builder.ts";
import { compareModule } from "./compare.ts";
import { compareMany } from "./compare-many.ts";
import { format } from "./format.ts";

const modules = 24;
const seed = 20_261_126;

describe("compareModule", () => {
  test(`compareModule: ${modules} generated modules do the same before and after rewriting`, async () => {
    const summary = await compareMany({ from: seed, to: seed + modules, threads: 2, hangMs: 120_000 });
    expect(summary.broken).toEqual([]);
    expect(summary.same).toBe(modules);
    expect(summary.calls).toBeGreaterThan(20 * modules);
    const expected = ["exceptions", "gc", "memory64", "simd", "stored-exceptions", "tail-call", "threads"];
    expect([...summary.features]).toEqual(expect.arrayContaining(expected));
  }, 300_000);

  test("compareModule: a difference is told with where it is", () => {
    // More than the cap of pages that only the rewritten form has.
    const grow = buildModule({
      types: [functionType([], [type.i64])],
      memories: [[4, 0]],
      functions: [{ type: 0, code: [0x42, 0x81, 0x80, 0x04, 0x40, 0] }],
      exports: [exportItem("grow", kind.function, 0)],
    });
    const comparison = compareModule(new Uint8Array(grow), 1);
    expect(comparison).toMatchObject({ kind: "different" });
    expect(comparison).toHaveProperty(
      "what",
      expect.stringMatching(/^step 1: answers i64 0.* became answers i64 f/),
    );
  });

  test("compareModule: what the engine refuses is not run", () => {
    expect(compareModule(Uint8Array.of(1, 2, 3), 1)).toEqual({ kind: "refused" });
  });

  test("format: values of two instances look alike", () => {
    const values = [null, -0, 7n, () => 0, Object.create(null) as object, Number.NaN];
    expect(values.map(format)).toEqual(["null", "-0", "7", "function", "aggregate", "NaN"]);
  });
});
