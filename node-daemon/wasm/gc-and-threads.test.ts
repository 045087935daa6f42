/** Modules that need a process of their own, rewritten. */
import { describe, expect, test } from "vitest";
import { waitPieceNs } from "./atomic-wait.ts";
import { op } from "./opcodes.ts";
import { rewriteModule } from "./rewrite.ts";
import { RewrittenGuest } from "./rewritten-guest.ts";
import type { Bytes, ModuleParts } from "./wasm-builder.ts";
import {
  buildModule,
  custom,
  exportItem,
  functionType,
  kind,
  lines,
  name,
  sized,
  type,
  u32,
} from "./wasm-builder.ts";

const { i32, i64, funcref, externref } = type;
const none = functionType([], []);
const struct: Bytes = [0x5f, 2, i32, 1, 0x63, 0, 1];
const exnref = 0x69;
const many = functionType(Array<number>(17).fill(i64), []);

function featuresOf(parts: ModuleParts): readonly string[] {
  const result = rewriteModule(buildModule(parts));
  if (result.kind === "rejected") throw new Error(result.message);
  return result.facts.features;
}

const featureRows: readonly { name: string; parts: ModuleParts; features: readonly string[] }[] = [
  { name: "a struct", parts: { types: [struct] }, features: ["gc", "typed-function-references"] },
  { name: "an array", parts: { types: [[0x5e, 0x77, 0]] }, features: ["gc"] },
  { name: "anyref", parts: { types: [functionType([0x6e], [])] }, features: ["gc"] },
  { name: "a nullable i31", parts: { types: [functionType([0x6c], [])] }, features: ["gc"] },
  {
    name: "a local struct",
    parts: { types: [none], functions: [{ type: 0, locals: [0x6b], code: [] }] },
    features: ["gc"],
  },
  {
    name: "an initializer",
    parts: { globals: [[0x6c, 0, op.i32Const, 1, 0xfb, 0x1c, op.end]] },
    features: ["gc"],
  },
  {
    name: "ref.eq",
    parts: { types: [none], functions: [{ type: 0, code: [op.unreachable, op.refEq, 0x1a] }] },
    features: ["gc"],
  },
  {
    name: "a heap type in two bytes",
    parts: { types: [none], functions: [{ type: 0, code: [op.refNull, 0xf0, 0x7f, 0x1a] }] },
    features: ["reference-types"],
  },
  {
    name: "recursive function types",
    parts: { types: [[0x4e, 2, 0x60, 1, 0x63, 1, 0, 0x50, 0, 0x60, 0, 0]] },
    features: ["typed-function-references"],
  },
  { name: "a shared memory", parts: { memories: [[3, 1, 2]] }, features: ["threads"] },
  { name: "a shared 64-bit memory", parts: { memories: [[7, 1, 2]] }, features: ["memory64", "threads"] },
  {
    name: "an atomic instruction",
    parts: { types: [none], functions: [{ type: 0, code: [op.prefixThreads, 3, 0] }] },
    features: ["threads"],
  },
  {
    name: "a table of exceptions",
    parts: { tables: [[exnref, 0, 1]] },
    features: ["exceptions", "stored-exceptions"],
  },
  {
    name: "a global of a null exception",
    parts: { globals: [[0x74, 1, op.refNull, 0x74, op.end]] },
    features: ["exceptions", "reference-types", "stored-exceptions"],
  },
  {
    name: "a local exception",
    parts: { types: [none], functions: [{ type: 0, locals: [exnref], code: [] }] },
    features: ["exceptions"],
  },
  {
    name: "a tag of 17 values",
    parts: { types: [many], tags: [[0, 0]] },
    features: ["exceptions", "large-exceptions"],
  },
  {
    name: "a tag of 16 values",
    parts: { types: [functionType(Array<number>(16).fill(i64), [])], tags: [[0, 0]] },
    features: ["exceptions"],
  },
];

describe("features", () => {
  test.each(featureRows)("rewriteModule: $name is noted", ({ parts, features }) => {
    expect(featuresOf(parts)).toEqual(features);
  });
});

/** Types 0 to 2 are one group; what rewriting adds has to come after all three. */
const group: Bytes = [0x4e, 3, ...struct, 0x5e, 0x63, 0, 1, 0x50, 0, 0x60, 1, i32, 1, 0x63, 0];

function listGuest(): RewrittenGuest {
  const make = lines([op.localGet, 0, op.refNull, 0, op.prefixGc, 0, 0]);
  const cast = lines([op.localGet, 0, op.prefixGc, 0x1c, op.prefixGc, 0x16, 0, 0x1a]);
  const names = sized([2, 0, ...name("make"), 1, ...name("wrongly cast")]);
  return new RewrittenGuest(
    buildModule({
      types: [group, functionType([i32], []), functionType([i32], [i32])],
      memories: [[0, 1]],
      functions: [
        { type: 2, code: make },
        { type: 3, code: cast },
        { type: 4, code: [op.localGet, 0, op.call, 0, op.prefixGc, 2, 0, 0] },
        { type: 4, code: [op.localGet, 0, op.memoryGrow, 0] },
      ],
      exports: [
        exportItem("cast", kind.function, 1),
        exportItem("value", kind.function, 2),
        exportItem("grow", kind.function, 3),
      ],
      customs: [custom("name", [1, ...names])],
    }),
  );
}

describe("garbage-collected types", () => {
  test("rewriteModule: types of a recursion group keep their indices", () => {
    const guest = listGuest();
    expect(guest.call("value", 7)).toBe(7);
    expect(guest.call("grow", 1)).toBe(1);
  });

  test("rewriteModule: the stack of a failed cast keeps the guest's names", () => {
    const guest = listGuest();
    let stack = "";
    try {
      guest.call("cast", 1);
    } catch (thrown) {
      stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
    }
    expect(stack).toMatch(/illegal cast[^]*wrongly cast/);
  });

  /** Types 0 to 4 are the arrays; each function is `(length) -> ()`. */
  const arrays: readonly { name: string; array: Bytes; code: Bytes; units: number }[] = [
    { name: "bytes by default", array: [0x5e, 0x78, 1], code: [op.prefixGc, 7, 0, 0x1a], units: 1 / 2 },
    { name: "32-bit numbers by default", array: [0x5e, i32, 1], code: [op.prefixGc, 7, 0, 0x1a], units: 2 },
    { name: "64-bit numbers by default", array: [0x5e, i64, 1], code: [op.prefixGc, 7, 0, 0x1a], units: 4 },
    { name: "references by default", array: [0x5e, externref, 1], code: [op.prefixGc, 7, 0, 0x1a], units: 8 },
  ];
  test.each(arrays)("rewriteModule: an array of $name is paid by its length", ({ array, code, units }) => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [array, functionType([i32], [])],
        functions: [{ type: 1, code: [op.localGet, 0, ...code] }],
        exports: [exportItem("run", kind.function, 0)],
      }),
    );
    const paid = (length: number) => {
      guest.fuel = 1_000_000;
      guest.call("run", length);
      return 1_000_000 - guest.fuel;
    };
    expect(paid(10_064) - paid(64)).toBe(10_000 * units);
  });

  test("rewriteModule: an array too long to make is paid without overflow, and traps as before", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [[0x5e, i64, 1], functionType([i32], [])],
        functions: [{ type: 1, code: [op.localGet, 0, op.prefixGc, 7, 0, 0x1a] }],
        exports: [exportItem("run", kind.function, 0)],
      }),
    );
    expect(() => guest.call("run", -1)).toThrow("requested new array is too large");
    expect(guest.yields).toBe(1);
  });

  test("rewriteModule: a loop that makes garbage yields", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [[0x5f, 1, i32, 1], functionType([i32], [])],
        functions: [
          {
            type: 1,
            code: lines(
              [op.loop, 0x40, op.prefixGc, 1, 0, 0x1a],
              [op.localGet, 0, op.i32Const, 1, op.i32Sub, op.localTee, 0, op.brIf, 0, op.end],
            ),
          },
        ],
        exports: [exportItem("run", kind.function, 0)],
      }),
    );
    guest.slice = 10_000;
    guest.fuel = 10_000;
    guest.call("run", 10_000);
    // Each pass allocates, which is some 40 units.
    expect(guest.yields).toBeGreaterThan(40);
  });

  test("rewriteModule: what casts branch to is paid, and a call through a reference too", () => {
    const body = lines(
      [op.block, 0x6e, op.localGet, 0, op.prefixGc, 0x1c],
      [op.prefixGc, 0x18, 0, 0, 0x6c, 0x6c, op.end, 0x1a],
      [op.refFunc, 0, op.callRef, 0],
    );
    const guest = new RewrittenGuest(
      buildModule({
        types: [none, functionType([i32], [])],
        functions: [
          { type: 0, code: [] },
          { type: 1, code: body },
        ],
        elements: [[3, 0, 1, 0]],
        exports: [exportItem("run", kind.function, 1)],
      }),
    );
    guest.call("run", 5);
    expect(guest.fuel).toBeLessThan(1_000_000);
  });
});

function sharedGuest(options: { readonly suspending?: boolean } = {}): RewrittenGuest {
  const atomic = (code: number, params: number, alignment: number): Bytes =>
    lines(...Array.from({ length: params }, (_, index) => [op.localGet, index]), [
      op.prefixThreads,
      code,
      alignment,
      0,
    ]);
  return new RewrittenGuest(
    buildModule({
      types: [
        functionType([i32], [i32]),
        functionType([i32, i32], [i32]),
        functionType([i32, i32, i32], [i32]),
        functionType([i32, i32, i64], [i32]),
      ],
      memories: [[3, 1, 10]],
      functions: [
        { type: 0, code: [op.localGet, 0, op.memoryGrow, 0] },
        { type: 1, code: atomic(0x1e, 2, 2) },
        { type: 2, code: atomic(0x48, 3, 2) },
        { type: 3, code: atomic(0x01, 3, 2) },
        { type: 1, code: atomic(0x00, 2, 2) },
      ],
      exports: ["grow", "add", "exchange", "wait", "notify"].map((title, index) =>
        exportItem(title, kind.function, index),
      ),
    }),
    options,
  );
}

describe("shared memories", () => {
  test("rewriteModule: they grow under the cap, and the host sees how large they are", () => {
    const guest = sharedGuest();
    expect(guest.facts.memories).toEqual([
      { minPages: 1, maxPages: 10, imported: false, memory64: false, shared: true },
    ]);
    guest.memoryCap = 4;
    const size = () =>
      (guest.item(guest.facts.hooks.memories[0] ?? "") as unknown as { readonly buffer: SharedArrayBuffer })
        .buffer.byteLength / 65_536;
    expect(guest.call("grow", 4)).toBe(-1);
    expect(size()).toBe(1);
    expect(guest.call("grow", 3)).toBe(1);
    expect(size()).toBe(4);
    expect(guest.call("grow", 1)).toBe(-1);
  });

  test("rewriteModule: atomic instructions do what they did, and are paid", () => {
    const guest = sharedGuest();
    expect(guest.call("add", 16, 5)).toBe(0);
    expect(guest.call("add", 16, 5)).toBe(5);
    expect(guest.call("exchange", 16, 10, 99)).toBe(10);
    expect(guest.call("exchange", 16, 10, 7)).toBe(99);
    expect(guest.call("wait", 16, 1, 0n), "another value is there").toBe(1);
    expect(guest.call("wait", 16, 99, 0n), "the time is over").toBe(2);
    expect(guest.call("notify", 16, 1)).toBe(0);
    expect(guest.fuel).toBeLessThan(1_000_000 - 1_500);
  });

  test("rewriteModule: a wait for ever yields, and can be killed", async () => {
    const guest = sharedGuest({ suspending: true });
    const killedAt = 3;
    guest.onYield = () => {
      if (guest.yields === killedAt) guest.kill = 1;
    };
    await expect(guest.callSuspending("wait", 16, 0, -1n)).rejects.toThrow("unreachable");
    expect(guest.yields).toBe(killedAt);
  });

  test("rewriteModule: a long wait ends when it should, and traps as before", () => {
    const guest = sharedGuest();
    expect(guest.call("wait", 16, 0, BigInt(2 * waitPieceNs + 1))).toBe(2);
    expect(guest.yields).toBe(2);
    expect(guest.call("wait", 16, 1, BigInt(2 * waitPieceNs))).toBe(1);
    expect(() => guest.call("wait", 17, 0, -1n)).toThrow("operation does not support unaligned accesses");
    expect(() => guest.call("wait", 65_536, 0, -1n)).toThrow("memory access out of bounds");
  });

  test("rewriteModule: waits at more places than are split stay what they are", () => {
    const places = Array.from({ length: 150 }, (_, place) =>
      lines(
        [op.i32Const, 0, op.i32Const, 1, op.i64Const, 0, op.prefixThreads, 1, 2, ...u32(4 * place)],
        [0x1a],
      ),
    );
    const guest = new RewrittenGuest(
      buildModule({
        types: [none],
        memories: [[3, 1, 1]],
        functions: [{ type: 0, code: lines(...places) }],
        exports: [exportItem("run", kind.function, 0)],
      }),
    );
    guest.call("run");
    const added = Buffer.from(guest.bytes)
      .toString("latin1")
      .match(/wherry\.wait\d+/g);
    expect(added).toHaveLength(100);
  });
});

describe("stored exceptions", () => {
  test("rewriteModule: a global keeps one, and it can be thrown again", () => {
    const caught = lines(
      [op.block, exnref, op.tryTable, 0x40, 1, 3, 0, op.call, 0, op.end, op.unreachable, op.end],
      [op.globalSet, 0],
    );
    const again = lines(
      [op.block, i32, op.tryTable, 0x40, 1, 0, 0, 0, op.globalGet, 0, op.throwRef, op.end],
      [op.unreachable, op.end],
    );
    const guest = new RewrittenGuest(
      buildModule({
        types: [none, functionType([i32], []), functionType([], [i32])],
        tags: [[0, 1]],
        globals: [[exnref, 1, op.refNull, exnref, op.end]],
        functions: [
          { type: 0, code: [op.i32Const, 33, op.throw, 0] },
          { type: 0, code: caught },
          { type: 2, code: again },
        ],
        exports: [exportItem("catch", kind.function, 1), exportItem("again", kind.function, 2)],
      }),
    );
    guest.call("catch");
    expect(guest.call("again")).toBe(33);
  });

  test("rewriteModule: tables of them grow under the cap", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [functionType([i32], [i32])],
        tables: [
          [exnref, 0, 1],
          [funcref, 0, 1],
        ],
        functions: [{ type: 0, code: [op.refNull, exnref, op.localGet, 0, op.prefixMisc, 15, 0] }],
        exports: [exportItem("grow", kind.function, 0)],
      }),
    );
    guest.tableCap = 10;
    expect(guest.call("grow", 9)).toBe(-1);
    expect(guest.call("grow", 8)).toBe(1);
  });
});
