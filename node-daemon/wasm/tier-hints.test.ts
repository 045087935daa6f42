import { expect, test } from "vitest";
import { BinaryReader } from "./binary-reader.ts";
import { tierHintsSection } from "./module-facts.ts";
import { section } from "./module-model.ts";
import { op } from "./opcodes.ts";
import { rewriteModule } from "./rewrite.ts";
import { hintLimits } from "./tier-hints.ts";
import { largeFunctionBytes } from "./value-types.ts";
import { type Bytes, buildModule, exportItem, functionType, importItem, kind, u32 } from "./wasm-builder.ts";

/** Which functions it calls outside loops, and which within a loop of its own. */
interface Sketch {
  readonly calls?: readonly number[];
  readonly loops?: readonly number[];
  /** Loops that are open at once. */
  readonly depth?: number;
  /** Instructions that do nothing. */
  readonly padding?: number;
}

interface Module {
  readonly functions: readonly Sketch[];
  readonly exported?: readonly number[];
  readonly inTable?: readonly number[];
  readonly start?: number;
}

/** One function is imported: what a sketch calls 0 is the first that is defined. */
function moduleOf({ functions, exported = [0], inTable = [], start }: Module): Uint8Array {
  return buildModule({
    types: [functionType([], [])],
    imports: [importItem("wasi_snapshot_preview1", "proc_exit", kind.function, [0])],
    functions: functions.map((sketch) => ({ type: 0, code: codeOf(sketch) })),
    tables: [[0x70, 0, ...u32(inTable.length)]],
    elements: [[0, op.i32Const, 0, op.end, ...u32(inTable.length), ...inTable.flatMap((i) => u32(i + 1))]],
    exports: exported.map((i) => exportItem(`f${i}`, kind.function, i + 1)),
    ...(start === undefined ? {} : { start: start + 1 }),
  });
}

function codeOf({ calls = [], loops, depth = loops === undefined ? 0 : 1, padding = 0 }: Sketch): Bytes {
  const called = (indices: readonly number[]) => indices.flatMap((i) => [op.call, ...u32(i + 1)]);
  const repeat = (times: number, bytes: Bytes) => Array.from({ length: times }, () => bytes).flat();
  return [
    ...called(calls),
    ...repeat(depth, [op.loop, 0x40]),
    ...called(loops ?? []),
    ...repeat(depth, [op.end]),
    ...repeat(padding, [0x01]),
  ];
}

/** The functions that the engine is told to optimize, in the words of the sketch. */
function hinted(module: Module): number[] {
  const rewritten = rewriteModule(moduleOf(module));
  if (rewritten.kind === "rejected") throw new Error(rewritten.message);
  const found: number[] = [];
  const reader = new BinaryReader(rewritten.bytes, 8, rewritten.bytes.length);
  while (reader.pos < rewritten.bytes.length) {
    const id = reader.u8();
    const contents = reader.slice(reader.u32(), "a section");
    if (id !== section.custom || contents.name() !== tierHintsSection) continue;
    for (let left = contents.u32(); left > 0; left--) {
      // The imported one and the hook for fuel are before it.
      found.push(contents.u32() - 2);
      expect([contents.u8(), contents.u8(), contents.u8(), contents.u8()]).toEqual([0, 2, 0, 0]);
    }
    expect(contents.pos).toBe(contents.end);
  }
  expect(rewritten.facts.hintedBytes > 0).toBe(found.length > 0);
  return found;
}

const loop: Sketch = { loops: [] };

test.each<[string, Module, number[]]>([
  ["a loop in what is exported", { functions: [loop] }, [0]],
  ["nothing without a loop", { functions: [{ calls: [1] }, {}] }, []],
  ["a loop below calls", { functions: [{ calls: [1] }, { calls: [2] }, loop] }, [2]],
  ["not what a loop calls, as it is entered again", { functions: [{ loops: [1] }, loop] }, [0]],
  ["nor what that calls", { functions: [{ loops: [1] }, { calls: [2] }, loop] }, [0]],
  [
    "nor what another loop calls as well, wherever it is",
    { functions: [{ calls: [1] }, loop, { loops: [1] }] },
    [],
  ],
  ["not what calls itself", { functions: [{ calls: [1] }, { calls: [1], depth: 1 }] }, []],
  [
    "nor what others call round about",
    { functions: [{ calls: [1] }, { calls: [2], depth: 1 }, { calls: [1] }] },
    [],
  ],
  ["not what nobody calls", { functions: [{}, loop] }, []],
  ["what the start section leads to", { functions: [{}, { calls: [2] }, loop], start: 1 }, [2]],
  [
    "what a table leads to, if it is not tiny",
    {
      functions: [{}, { calls: [2, 3] }, { ...loop, padding: hintLimits.otherBytesMin }, loop],
      inTable: [1],
    },
    [2],
  ],
  [
    "in two ways, if it is not large",
    { functions: [{ calls: [1, 1, 2, 2] }, loop, { ...loop, padding: hintLimits.functionBytesMax / 4 }] },
    [1],
  ],
  [
    "not in many ways, along any of which it may have been optimized",
    {
      functions: [
        { calls: [1, 1, 1, 1, 1, 1, 1, 1] },
        { calls: [2, 2, 2, 2, 2, 2, 2, 2] },
        { ...loop, padding: 300 },
      ],
    },
    [],
  ],
  [
    "not what is too large",
    { functions: [{ calls: [1] }, { ...loop, padding: hintLimits.functionBytesMax }] },
    [],
  ],
  [
    "of many large ones the deepest",
    {
      functions: [
        { calls: [1, 2, 3] },
        { depth: 1, padding: 12_000 },
        { depth: 3, padding: 12_000 },
        { depth: 2, padding: 12_000 },
      ],
    },
    [2, 3],
  ],
])("rewriteModule: hints, %s", (_name, module, expected) => {
  expect(hinted(module)).toEqual(expected);
});

test("rewriteModule: of 100,000 functions that all want to be optimized, few are", () => {
  const functions: Sketch[] = Array.from({ length: 100_000 }, () => loop);
  const all = Array.from(functions.keys());
  const larger = functions.map((sketch) => ({
    ...sketch,
    depth: 9,
    padding: Math.ceil(hintLimits.otherBytesMin / 9),
  }));
  expect(hinted({ functions: larger, inTable: all, exported: [] }).length).toBe(hintLimits.functionsMax);
  expect(hinted({ functions: [{ calls: all.map((i) => i + 1) }, ...functions] }).length).toBe(
    hintLimits.functionsMax,
  );
});

test("rewriteModule: the ways to a function are counted without following each", () => {
  // Two to the power of 5,000.
  const functions: Sketch[] = Array.from({ length: 5_000 }, (_, i) => ({ calls: [i + 1, i + 1] }));
  expect(hinted({ functions: [...functions, loop] })).toEqual([]);
});

test("rewriteModule: a guest's own hints are dropped", () => {
  const own = [...new TextEncoder().encode(tierHintsSection)];
  const binary = buildModule({
    types: [functionType([], [])],
    functions: [{ type: 0, code: [] }],
    exports: [exportItem("f", kind.function, 0)],
    customsFirst: [[own.length, ...own, 1, 0, 0, 2, 0, 0]],
  });
  const rewritten = rewriteModule(binary);
  if (rewritten.kind === "rejected") throw new Error(rewritten.message);
  expect(Buffer.from(rewritten.bytes).includes(tierHintsSection)).toBe(false);
});

test.each([
  ["at the limit", largeFunctionBytes - 100, []],
  ["beyond it", largeFunctionBytes + 100, ["large-functions"]],
])(
  "rewriteModule: a function that takes long to optimize is told as a feature, %s",
  (_name, bytes, expected) => {
    const rewritten = rewriteModule(moduleOf({ functions: [{ ...loop, padding: bytes }] }));
    expect(rewritten.kind === "rewritten" && rewritten.facts.features).toEqual(expected);
  },
);
