import { describe, expect, test } from "vitest";
import { op } from "./opcodes.ts";
import { engine, RewrittenGuest } from "./rewritten-guest.ts";
import type { Bytes, ModuleParts } from "./wasm-builder.ts";
import {
  buildModule,
  exportItem,
  functionType,
  importItem,
  kind,
  lines,
  paddedU32,
  s32,
  type,
  u32,
} from "./wasm-builder.ts";

const { i32, i64, funcref } = type;
const none = functionType([], []);
const toI32 = functionType([], [i32]);
const unary = functionType([i32], [i32]);
const i32Eqz = 0x45;
const i32Add = op.i32Add;

/** Sums 1 to n, in local 1, by a loop. */
const sumLoop = lines(
  [op.loop, 0x40, op.localGet, 1, op.localGet, 0, i32Add, op.localSet, 1],
  [op.localGet, 0, op.i32Const, 1, op.i32Sub, op.localTee, 0, op.brIf, 0, op.end, op.localGet, 1],
);

describe("fuel", () => {
  test("rewriteModule: a loop computes the same and pays for each pass", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [unary],
        functions: [{ type: 0, locals: [i32], code: sumLoop }],
        exports: [exportItem("sum", kind.function, 0)],
      }),
    );
    expect(guest.call("sum", 1000)).toBe(500_500);
    const short = guest.slice - guest.fuel;
    guest.fuel = guest.slice;
    expect(guest.call("sum", 2000)).toBe(2_001_000);
    expect(guest.slice - guest.fuel - short).toBe(1000 * 9);
    expect(guest.yields).toBe(0);
  });

  test("rewriteModule: an endless loop yields to others, and is killed", async () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [none],
        functions: [{ type: 0, code: [op.loop, 0x40, op.br, 0, op.end] }],
        exports: [exportItem("spin", kind.function, 0)],
      }),
      { suspending: true },
    );
    let others = 0;
    guest.onYield = async () => {
      await Promise.resolve();
      others++;
      if (guest.yields === 5) guest.kill = 1;
    };
    await expect(guest.callSuspending("spin")).rejects.toThrow("unreachable");
    expect(others).toBe(5);
  });

  test("rewriteModule: recursion pays", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [unary],
        functions: [
          {
            type: 0,
            code: lines(
              [op.localGet, 0, i32Eqz, op.if, i32, op.i32Const, 0, op.else],
              [op.localGet, 0, op.i32Const, 1, op.i32Sub, op.call, 0, op.i32Const, 1, i32Add, op.end],
            ),
          },
        ],
        exports: [exportItem("depth", kind.function, 0)],
      }),
    );
    expect(guest.call("depth", 1000)).toBe(1000);
    expect(guest.slice - guest.fuel).toBeGreaterThan(10_000);
  });

  test("rewriteModule: a loop with parameters keeps its stack", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [unary, functionType([i32, i64], [i32, i64])],
        functions: [
          {
            type: 0,
            code: lines(
              [op.localGet, 0, op.i64Const, 7, op.loop, ...s32(1), op.i64Const, 1, op.i64Add],
              [op.localGet, 0, op.i32Const, 1, op.i32Sub, op.localTee, 0, op.brIf, 0, op.end],
              [op.i32WrapI64, i32Add],
            ),
          },
        ],
        exports: [exportItem("run", kind.function, 0)],
      }),
    );
    guest.fuel = 0;
    guest.slice = 5;
    expect(guest.call("run", 10)).toBe(27);
    expect(guest.yields).toBeGreaterThan(5);
  });

  test("rewriteModule: numbers in their longest form are understood", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [unary],
        functions: [
          { type: 0, code: [op.localGet, ...paddedU32(0), op.call, ...paddedU32(1)] },
          { type: 0, code: [op.localGet, 0, op.i32Const, 0xff, 0xff, 0xff, 0xff, 0x7f, i32Add] },
        ],
        exports: [exportItem("less", kind.function, 0)],
      }),
    );
    expect(guest.call("less", 10)).toBe(9);
  });
});

/** Function 0 is imported; `call` says how the function "run", index 1, comes to call it. */
function importingModule(code: Bytes, more: ModuleParts = {}): Uint8Array {
  return buildModule({
    types: [none],
    imports: [importItem("host", "wait", kind.function, [0])],
    functions: [{ type: 0, code }],
    ...more,
    exports: [exportItem("run", kind.function, 1), ...(more.exports ?? [])],
  });
}

const tableOfWait: ModuleParts = { tables: [[funcref, 0, 1]], elements: [[0, op.i32Const, 0, op.end, 1, 0]] };
/** Ways to call the import, each from "run" unless the row names another entry. */
const killRows: readonly { name: string; module: Uint8Array; entry?: string }[] = [
  { name: "a call", module: importingModule([op.call, 0]) },
  { name: "a tail call", module: importingModule([op.returnCall, 0]) },
  {
    name: "an indirect call",
    module: importingModule([op.i32Const, 0, op.callIndirect, 0, 0], tableOfWait),
  },
  {
    name: "an indirect tail call",
    module: importingModule([op.i32Const, 0, op.returnCallIndirect, 0, 0], tableOfWait),
  },
  {
    name: "a reference",
    module: importingModule([op.refFunc, 0, op.callRef, 0], { elements: [[3, 0, 1, 0]] }),
  },
  {
    name: "a reference in a global",
    module: importingModule(
      [op.i32Const, 0, op.globalGet, 0, 0x26, 0, op.i32Const, 0, op.callIndirect, 0, 0],
      {
        tables: [[funcref, 0, 1]],
        globals: [[funcref, 0, op.refFunc, 0, op.end]],
      },
    ),
  },
  {
    name: "a table with an initial value",
    module: importingModule([op.i32Const, 1, op.callIndirect, 0, 0], {
      tables: [[0x40, 0, funcref, 0, 2, op.refFunc, 0, op.end]],
    }),
  },
  {
    name: "its own export",
    module: importingModule([], { exports: [exportItem("again", kind.function, 0)] }),
    entry: "again",
  },
  { name: "the start section", module: importingModule([], { start: 0 }), entry: "wherry.start" },
  {
    name: "try_table with catch_all",
    module: importingModule(
      lines(
        [op.loop, 0x40, op.block, 0x40, op.tryTable, 0x40, 1, 2, 0],
        [op.call, 0, op.end, op.end, op.br, 0, op.end],
      ),
    ),
  },
  {
    name: "try with catch_all",
    module: importingModule(
      lines([op.loop, 0x40, op.try, 0x40], [op.call, 0, op.catchAll, op.end, op.br, 0, op.end]),
    ),
  },
];

describe("kill", () => {
  test.each(killRows)("rewriteModule: an import reached through $name passes the kill check", async (row) => {
    let calls = 0;
    const wait = new engine.Suspending(async () => {
      await Promise.resolve();
      calls++;
      guest.kill = 1;
    });
    const guest = new RewrittenGuest(row.module, { imports: { host: { wait } }, suspending: true });
    await expect(guest.callSuspending(row.entry ?? "run")).rejects.toThrow("unreachable");
    expect(calls).toBe(1);
  });

  test("rewriteModule: an import keeps its parameters and results", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [functionType([i32, type.f64, i64], [i64, i32])],
        imports: [importItem("host", "swap", kind.function, [0])],
        functions: [{ type: 0, code: [op.localGet, 0, op.localGet, 1, op.localGet, 2, op.call, 0] }],
        exports: [exportItem("run", kind.function, 1)],
      }),
      { imports: { host: { swap: (a: number, b: number, c: bigint) => [c, a + b] } } },
    );
    expect(guest.call("run", 1, 2.5, 9n)).toEqual([9n, 3]);
  });

  test.each([
    { name: "try_table", wrap: [op.loop, 0x40, op.block, 0x40, op.tryTable, 0x40, 1, 2, 0] },
    { name: "try", wrap: [op.loop, 0x40, op.block, 0x40, op.try, 0x40] },
  ])(
    "rewriteModule: a guest that swallows a throwing import in $name dies at its next yield",
    async (row) => {
      const closing = row.name === "try" ? [op.catchAll, op.end] : [op.end];
      const refuse = () => {
        guest.kill = 1;
        guest.fuel = 0;
        throw new Error("refused");
      };
      const guest: RewrittenGuest = new RewrittenGuest(
        importingModule([...row.wrap, op.call, 0, ...closing, op.end, op.br, 0, op.end]),
        { imports: { host: { wait: refuse } }, suspending: true },
      );
      await expect(guest.callSuspending("run")).rejects.toThrow("unreachable");
    },
  );
});

describe("caps", () => {
  const grow: Bytes = [op.localGet, 0, op.memoryGrow, 0];
  test("rewriteModule: memory.grow beyond the cap answers -1", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [unary],
        memories: [[0, 1]],
        functions: [{ type: 0, code: grow }],
        exports: [exportItem("grow", kind.function, 0)],
      }),
    );
    guest.memoryCap = 10;
    const deltas = [0, 3, 6, 1, -1, 0x7fff_ffff];
    expect(deltas.map((delta) => guest.call("grow", delta))).toEqual([1, 1, 4, -1, -1, -1]);
    guest.memoryCap = 5;
    expect([0, 1].map((delta) => guest.call("grow", delta))).toEqual([10, -1]);
    guest.memoryCap = -1;
    expect(guest.call("grow", 1)).toBe(10);
  });

  test("rewriteModule: a 64-bit memory and a second memory count together", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [unary, functionType([i64], [i64])],
        memories: [
          [0, 1],
          [5, 1, 50],
        ],
        functions: [
          { type: 0, code: grow },
          { type: 1, code: [op.localGet, 0, op.memoryGrow, 1] },
        ],
        exports: [exportItem("grow32", kind.function, 0), exportItem("grow64", kind.function, 1)],
      }),
    );
    guest.memoryCap = 10;
    expect(guest.call("grow32", 4)).toBe(1);
    expect([5n, 4n, -1n, 1n].map((delta) => guest.call("grow64", delta))).toEqual([-1n, 1n, -1n, -1n]);
    expect(guest.call("grow32", 1)).toBe(-1);
    expect(guest.facts.features).toEqual(["memory64", "multi-memory"]);
  });

  test("rewriteModule: table.grow beyond the cap answers -1", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [unary],
        tables: [
          [funcref, 0, 1],
          [type.externref, 0, 2],
        ],
        functions: [
          { type: 0, code: [op.refNull, funcref, op.localGet, 0, op.prefixMisc, 15, 0] },
          { type: 0, code: [op.refNull, type.externref, op.localGet, 0, op.prefixMisc, 15, 1] },
        ],
        exports: [exportItem("growFirst", kind.function, 0), exportItem("growSecond", kind.function, 1)],
      }),
    );
    guest.tableCap = 10;
    expect([5, 3, 2, -1].map((delta) => guest.call("growFirst", delta))).toEqual([1, -1, 6, -1]);
    expect([1, 0].map((delta) => guest.call("growSecond", delta))).toEqual([-1, 2]);
  });

  test("rewriteModule: the start section runs when it is called, not at instantiation", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [none],
        globals: [[i32, 1, op.i32Const, 0, op.end]],
        functions: [{ type: 0, code: [op.i32Const, 5, op.globalSet, 0] }],
        exports: [exportItem("state", kind.global, 0), exportItem("wherry.start", kind.global, 0)],
        start: 0,
      }),
    );
    expect(guest.item("state").value).toBe(0);
    expect(guest.facts.hooks.start).toBe("wherry.start.1");
    guest.call("wherry.start.1");
    expect(guest.item("state").value).toBe(5);
  });
});

/** Each mentions function 1, which answers 42. "run" brings it to the table as `fill` says, and calls it there. */
const fromSegment: Bytes = [op.i32Const, 0, op.i32Const, 0, op.i32Const, 1, op.prefixMisc, 12, 0, 0];
const fromReference: Bytes = [op.i32Const, 0, op.refFunc, 1, 0x26, 0];
const elementRows: readonly { form: number; element: Bytes; fill: Bytes }[] = [
  { form: 0, fill: [], element: [0, op.i32Const, 0, op.end, 1, 1] },
  { form: 1, fill: fromSegment, element: [1, 0, 1, 1] },
  { form: 2, fill: [], element: [2, 0, op.i32Const, 0, op.end, 0, 1, 1] },
  { form: 3, fill: fromReference, element: [3, 0, 1, 1] },
  { form: 4, fill: [], element: [4, op.i32Const, 0, op.end, 1, op.refFunc, 1, op.end] },
  {
    form: 5,
    fill: fromSegment,
    element: [5, funcref, 2, op.refFunc, 1, op.end, op.refNull, funcref, op.end],
  },
  { form: 6, fill: [], element: [6, 0, op.i32Const, 0, op.end, funcref, 1, op.refFunc, 1, op.end] },
  { form: 7, fill: fromReference, element: [7, funcref, 1, op.refFunc, 1, op.end] },
];

describe("references", () => {
  test.each(elementRows)("rewriteModule: element segments of form $form keep their functions", (row) => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [none, toI32],
        imports: [importItem("host", "wait", kind.function, [0])],
        tables: [[funcref, 0, 3]],
        elements: [row.element],
        functions: [
          { type: 1, code: [op.i32Const, 42] },
          { type: 1, code: [...row.fill, op.i32Const, 0, op.callIndirect, 1, 0] },
        ],
        exports: [exportItem("run", kind.function, 2)],
      }),
      { imports: { host: { wait: () => undefined } } },
    );
    expect(guest.call("run")).toBe(42);
  });

  test("rewriteModule: exports of the guest and its imports are told as they were", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [none, functionType([i32, i64], [i32, i64])],
        imports: [
          importItem("wherry", "f", kind.function, [0]),
          importItem("wherry", "g", kind.global, [i32, 0]),
        ],
        functions: [{ type: 1, code: [op.localGet, 0, op.localGet, 1] }],
        memories: [[1, ...u32(2), ...u32(300)]],
        exports: [exportItem("wherry.fuel", kind.function, 1), exportItem("memory", kind.memory, 0)],
      }),
      { imports: { wherry: { f: () => undefined, g: 1 } } },
    );
    expect(guest.facts).toMatchObject({
      imports: [
        { module: "wherry", name: "f", kind: "function", signature: "() -> ()" },
        { module: "wherry", name: "g", kind: "global", signature: "i32" },
      ],
      exports: [
        { name: "wherry.fuel", kind: "function", signature: "(i32, i64) -> (i32, i64)" },
        { name: "memory", kind: "memory" },
      ],
      memory: { minPages: 2, maxPages: 300, imported: false, memory64: false, shared: false },
      hooks: { module: "wherry.1", yield: "yield", fuel: "wherry.fuel.1", kill: "wherry.kill", memories: [] },
      features: ["multi-value"],
      functions: 2,
      instructions: 3,
    });
    expect(JSON.parse(JSON.stringify(guest.facts)).memory.maxPages).toBe(300);
    expect(guest.call("wherry.fuel", 4, 5n)).toEqual([4, 5n]);
  });
});
