import { describe, expect, test } from "vitest";
import { type Bytes, buildModule, u32 } from "../wasm/wasm-builder.ts";
import { parseModule } from "../wasm/section-parser.ts";
import { defaultLimits } from "../wasm/module-facts.ts";
import { withMemoryMax } from "./translator.ts";

describe("withMemoryMax", () => {
  const table: readonly {
    readonly name: string;
    readonly memories: readonly Bytes[];
    readonly max: unknown;
  }[] = [
    { name: "a memory without a maximum gets one", memories: [[0, ...u32(300)]], max: [16_384] },
    { name: "a memory with a maximum keeps it", memories: [[1, ...u32(2), ...u32(500)]], max: [500] },
    { name: "a module without memory stays", memories: [], max: [] },
  ];

  test.each(table)("$name", ({ memories, max }) => {
    const bounded = withMemoryMax(buildModule(memories.length > 0 ? { memories } : {}), 16_384);
    const model = parseModule(bounded, defaultLimits);
    expect(model.memories.map(({ maxPages }) => maxPages)).toEqual(max);
  });
});
