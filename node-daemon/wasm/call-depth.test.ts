import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { op } from "./opcodes.ts";
import { recursiveGuests } from "./recursive-guests.ts";
import { RewrittenGuest } from "./rewritten-guest.ts";
import type { Bytes, ModuleParts } from "./wasm-builder.ts";
import {
  buildModule,
  exportItem,
  functionType,
  importItem,
  kind,
  lines,
  s32,
  type,
  u32,
} from "./wasm-builder.ts";

const { i32, i64, funcref } = type;
const stackBytes = 64 * 1024;

describe("unbounded recursion", () => {
  test.each([["--liftoff-only"], ["--no-liftoff"]])(
    "trips the counter before the engine's own limit, with %s",
    (tier) => {
      const fixture = fileURLToPath(new URL("./recursion-fixture.ts", import.meta.url));
      const printed = execFileSync(process.execPath, [tier, fixture], { encoding: "utf8" });
      const lines = printed.trim().split("\n");
      expect(lines).toHaveLength(recursiveGuests.length);
      for (const line of lines) expect(line).toContain("the call stack of 655360 bytes is exhausted");
    },
  );
});

function guestOf(
  parts: ModuleParts,
  imports: Readonly<Record<string, Record<string, unknown>>> = {},
): RewrittenGuest {
  const guest = new RewrittenGuest(buildModule(parts), { imports });
  guest.slice = 2 ** 30;
  guest.fuel = guest.slice;
  guest.stack = stackBytes;
  return guest;
}

const countDown: Bytes = [op.localGet, 0, op.i32Const, 1, op.i32Sub, op.localSet, 0];
/** In a loop, as often as local 0 says. */
const repeated = (...code: readonly Bytes[]): Bytes => [
  op.loop,
  0x40,
  ...lines(...code),
  ...countDown,
  op.localGet,
  0,
  op.brIf,
  0,
  op.end,
];
/** If local 0 is not 0. */
const unlessDone = (code: Bytes): Bytes => [op.localGet, 0, op.if, 0x40, ...code, op.end];
const downWith = (call: Bytes): Bytes => unlessDone([op.localGet, 0, op.i32Const, 1, op.i32Sub, ...call]);

const deep = 100;
const types = [functionType([i32], []), functionType([], [])];
const exports = [exportItem("run", kind.function, 0)];

describe("what returns, throws or is replaced gives its part back", () => {
  const table: readonly { readonly name: string; readonly parts: ModuleParts; readonly argument: number }[] =
    [
      {
        name: "returns",
        argument: 10_000,
        parts: {
          types,
          exports,
          functions: [
            { type: 0, code: repeated([op.i32Const, ...s32(deep), op.call, 1]) },
            { type: 0, code: downWith([op.call, 1]) },
          ],
        },
      },
      {
        name: "returns from the middle",
        argument: 10_000,
        parts: {
          types,
          exports,
          functions: [
            { type: 0, code: repeated([op.i32Const, ...s32(deep), op.call, 1]) },
            { type: 0, code: [...downWith([op.call, 1, op.return]), op.return] },
          ],
        },
      },
      {
        name: "exceptions, caught above many frames",
        argument: 10_000,
        parts: {
          types,
          exports,
          tags: [[0, 1]],
          functions: [
            {
              type: 0,
              code: repeated([
                op.block,
                0x40,
                op.tryTable,
                0x40,
                1,
                2,
                0,
                op.i32Const,
                ...s32(deep),
                op.call,
                1,
                op.end,
                op.end,
              ]),
            },
            { type: 0, code: [...downWith([op.call, 1]), op.throw, 0] },
          ],
        },
      },
      {
        name: "legacy exceptions",
        argument: 10_000,
        parts: {
          types,
          exports,
          tags: [[0, 1]],
          functions: [
            {
              type: 0,
              code: repeated([op.try, 0x40, op.i32Const, ...s32(deep), op.call, 1, op.catchAll, op.end]),
            },
            { type: 0, code: [...downWith([op.call, 1]), op.throw, 0] },
          ],
        },
      },
      {
        name: "tail calls of two functions, with other calls between",
        argument: 1_000_000,
        parts: {
          types,
          exports: [exportItem("run", kind.function, 1)],
          functions: [
            { type: 0, code: [] },
            { type: 0, code: downWith([op.localGet, 0, op.call, 3, op.returnCall, 2]) },
            { type: 0, code: downWith([op.returnCall, 1]) },
            { type: 0, code: [op.localGet, 0, op.call, 0] },
          ],
        },
      },
      {
        name: "tail calls through a table",
        argument: 1_000_000,
        parts: {
          types,
          exports,
          tables: [[funcref, 0, 1]],
          elements: [[0, op.i32Const, 0, op.end, 1, 0]],
          functions: [{ type: 0, code: downWith([op.i32Const, 0, op.returnCallIndirect, 0, 0]) }],
        },
      },
    ];

  test.each(table)("$name", ({ parts, argument }) => {
    const guest = guestOf(parts);
    expect(() => guest.call("run", argument)).not.toThrow();
    expect(guest.stack).toBeGreaterThan(0);
  });
});

describe("CallDepth", () => {
  test("functions that call only simpler ones before them cost nothing", () => {
    const guest = guestOf({
      types,
      exports: [exportItem("run", kind.function, 2)],
      functions: [
        { type: 1, code: [] },
        { type: 1, code: [op.call, 0, op.call, 0] },
        { type: 1, code: [op.call, 1] },
      ],
    });
    guest.stack = 0;
    guest.call("run");
    expect(guest.stack).toBe(0);
  });

  test("a large frame is counted even where nothing is called", () => {
    const guest = guestOf({
      types,
      exports,
      functions: [{ type: 1, locals: Array<number>(2_000).fill(i64), code: [] }],
    });
    guest.stack = 16_000;
    expect(() => guest.call("run")).toThrow("unreachable");
    guest.stack = 32_000;
    expect(() => guest.call("run")).not.toThrow();
  });

  test("an import sees what is left for it", () => {
    let seen = 0;
    const guest = guestOf(
      {
        types,
        imports: [importItem("host", "look", kind.function, [1])],
        exports: [exportItem("run", kind.function, 1)],
        functions: [{ type: 0, code: [...downWith([op.call, 1]), op.call, ...u32(0)] }],
      },
      { host: { look: () => (seen = Math.max(seen, stackBytes - guest.stack)) } },
    );
    guest.call("run", 9);
    const frame = seen / 10;
    expect(Number.isInteger(frame)).toBe(true);
    expect(frame).toBeGreaterThan(64);
    guest.stack = stackBytes;
    guest.call("run", 0);
    expect(stackBytes - guest.stack).toBe(frame);
  });

  test("the depth is the same whatever the fuel", () => {
    const parts: ModuleParts = {
      types,
      exports,
      globals: [[i32, 1, op.i32Const, 0, op.end]],
      functions: [
        {
          type: 0,
          code: [op.globalGet, 0, op.i32Const, 1, op.i32Add, op.globalSet, 0, op.i32Const, 0, op.call, 0],
        },
      ],
    };
    const depths = [50, 1_000, 2 ** 30].map((slice) => {
      const guest = guestOf({ ...parts, exports: [...exports, exportItem("depth", kind.global, 0)] });
      guest.slice = slice;
      guest.fuel = slice;
      expect(() => guest.call("run", 0)).toThrow("unreachable");
      return [guest.item("depth").value, guest.used];
    });
    expect(depths[1]).toEqual(depths[0]);
    expect(depths[2]).toEqual(depths[0]);
  });
});
