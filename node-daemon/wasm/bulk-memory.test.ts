import { describe, expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import { pieceBytes } from "./bulk-memory.ts";
import { op } from "./opcodes.ts";
import { RewrittenGuest } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import { buildModule, exportItem, functionType, kind, lines, type, u32 } from "./wasm-builder.ts";

const { i32, i64, funcref, externref } = type;
const pages = 80;
const memoryBytes = pages * 65_536;
const emptyElement: Bytes = [op.refNull, funcref, op.end];
const threeLocals: Bytes = [op.localGet, 0, op.localGet, 1, op.localGet, 2];

/** Memory 0 has 32-bit addresses, memory 1 too, memory 2 has 64-bit ones. */
function bulkGuest(): RewrittenGuest {
  const operation = (...code: Bytes) => lines(threeLocals, [op.prefixMisc, ...code]);
  return new RewrittenGuest(
    buildModule({
      types: [
        functionType([i32, i32, i32], []),
        functionType([i64, i32, i64], []),
        functionType([i64, i64, i64], []),
        functionType([i64, i32, i32], []),
      ],
      memories: [
        [0, ...u32(pages)],
        [0, ...u32(pages)],
        [4, ...u32(pages)],
      ],
      functions: [
        { type: 0, code: operation(11, 0) },
        { type: 1, code: operation(11, 2) },
        { type: 0, code: operation(10, 0, 0) },
        { type: 0, code: operation(10, 1, 0) },
        { type: 2, code: operation(10, 2, 2) },
        { type: 3, code: operation(10, 2, 0) },
        { type: 0, code: operation(8, 0, 0) },
      ],
      dataCount: 1,
      data: [[1, 5, 1, 2, 3, 4, 5]],
      exports: [
        ...["fill", "fill64", "copy", "copyAcross", "copy64", "widen", "init"].map((name, index) =>
          exportItem(name, kind.function, index),
        ),
        ...["memory", "second", "wide"].map((name, index) => exportItem(name, kind.memory, index)),
      ],
    }),
  );
}

function contents(guest: RewrittenGuest, memory: string): Uint8Array {
  const { buffer } = guest.item(memory) as unknown as { readonly buffer: ArrayBuffer };
  return new Uint8Array(buffer);
}

function randomize(bytes: Uint8Array): Uint8Array {
  const random = seededRandom(7);
  for (let i = 0; i < bytes.length; i += 97) bytes[i] = random.fraction() * 256;
  return bytes.slice();
}

const copyRows = [
  { name: "nothing", to: 10, from: 20, length: 0 },
  { name: "a few bytes", to: 10, from: 20, length: 30 },
  { name: "exactly a piece", to: 5, from: 2 * pieceBytes, length: pieceBytes },
  { name: "pieces apart", to: 7, from: 2.5 * pieceBytes, length: 2 * pieceBytes + 3 },
  { name: "pieces downwards", to: 11, from: 4096, length: 3 * pieceBytes + 1 },
  { name: "pieces upwards", to: 4096, from: 11, length: 3 * pieceBytes + 1 },
  { name: "pieces onto themselves", to: 64, from: 64, length: 2 * pieceBytes },
  { name: "everything but a byte, upwards", to: 1, from: 0, length: memoryBytes - 1 },
  { name: "everything", to: 0, from: 0, length: memoryBytes },
];

describe("memory.copy", () => {
  test.each(copyRows)("rewriteModule: it moves $name as before", ({ to, from, length }) => {
    const guest = bulkGuest();
    const expected = randomize(contents(guest, "memory")).copyWithin(to, from, from + length);
    guest.call("copy", to, from, length);
    expect(Buffer.compare(contents(guest, "memory"), expected)).toBe(0);

    const wide = contents(guest, "wide");
    const expectedWide = randomize(wide).copyWithin(to, from, from + length);
    guest.call("copy64", BigInt(to), BigInt(from), BigInt(length));
    expect(Buffer.compare(wide, expectedWide)).toBe(0);
  });

  test.each(copyRows)("rewriteModule: it moves $name to another memory", ({ to, from, length }) => {
    const guest = bulkGuest();
    const source = randomize(contents(guest, "memory"));
    guest.call("copyAcross", to, from, length);
    guest.call("widen", BigInt(to), from, length);
    const part = source.subarray(from, from + length);
    for (const memory of ["second", "wide"]) {
      expect(Buffer.compare(contents(guest, memory).subarray(to, to + length), part)).toBe(0);
    }
  });
});

const trapRows: readonly { name: string; call: string; values: readonly unknown[] }[] = [
  { name: "a fill one byte too long", call: "fill", values: [0, 1, memoryBytes + 1] },
  { name: "a fill that begins too far", call: "fill", values: [memoryBytes - pieceBytes, 1, pieceBytes + 1] },
  { name: "a fill that wraps around", call: "fill", values: [-1, 1, 2 * pieceBytes] },
  { name: "a fill of 4 GiB", call: "fill", values: [8, 1, -8] },
  { name: "a wide fill that wraps around", call: "fill64", values: [-1n, 1, BigInt(2 * pieceBytes)] },
  { name: "a wide fill of everything", call: "fill64", values: [1n, 1, -1n] },
  { name: "a copy from beyond the end", call: "copy", values: [0, memoryBytes - pieceBytes, pieceBytes + 1] },
  { name: "a copy beyond the end", call: "copy", values: [memoryBytes - pieceBytes, 0, pieceBytes + 1] },
  { name: "a wide copy that wraps around", call: "copy64", values: [0n, -1n, BigInt(2 * pieceBytes)] },
  { name: "a widening copy beyond the end", call: "widen", values: [-1n, 0, 2 * pieceBytes] },
  { name: "an init from beyond the segment", call: "init", values: [0, 3, 3] },
];

describe("bulk operations", () => {
  test.each(trapRows)("rewriteModule: $name traps before it writes", (row) => {
    const guest = bulkGuest();
    const before = ["memory", "second", "wide"].map((memory) => randomize(contents(guest, memory)));
    expect(() => guest.call(row.call, ...row.values)).toThrow("memory access out of bounds");
    for (const [i, memory] of ["memory", "second", "wide"].entries()) {
      expect(Buffer.compare(contents(guest, memory), before[i]!)).toBe(0);
    }
  });

  test("rewriteModule: fills write the value, and inits the segment", () => {
    const guest = bulkGuest();
    guest.call("fill", 3, 7, 2 * pieceBytes + 5);
    guest.call("fill64", BigInt(3), 9, BigInt(2 * pieceBytes + 5));
    for (const [memory, value] of [
      ["memory", 7],
      ["wide", 9],
    ] as const) {
      const bytes = contents(guest, memory);
      expect(bytes.indexOf(value)).toBe(3);
      expect(bytes.lastIndexOf(value)).toBe(2 * pieceBytes + 7);
      expect(bytes.subarray(3, 2 * pieceBytes + 8).every((byte) => byte === value)).toBe(true);
    }
    guest.call("init", 1, 1, 3);
    expect([...contents(guest, "memory").subarray(0, 5)]).toEqual([0, 2, 3, 4, 7]);
  });

  test("rewriteModule: a long fill yields between pieces, and can be killed there", () => {
    const guest = bulkGuest();
    guest.fuel = 0;
    guest.slice = pieceBytes / 64 - 1;
    guest.onYield = () => {
      if (guest.yields === 3) guest.kill = 1;
    };
    expect(() => guest.call("fill", 0, 1, memoryBytes)).toThrow("unreachable");
    const filled = contents(guest, "memory").indexOf(0);
    expect(filled).toBe(2 * pieceBytes);
  });

  test("rewriteModule: table operations pay for their length", () => {
    const guest = new RewrittenGuest(
      buildModule({
        types: [functionType([i32], []), functionType([i64], [])],
        tables: [
          [funcref, 0, ...u32(50_000)],
          [externref, 4, ...u32(50_000)],
        ],
        functions: [
          { type: 0, code: [op.i32Const, 0, op.refNull, funcref, op.localGet, 0, op.prefixMisc, 17, 0] },
          { type: 0, code: [op.i32Const, 0, op.i32Const, 5, op.localGet, 0, op.prefixMisc, 14, 0, 0] },
          { type: 1, code: [op.i64Const, 0, op.refNull, externref, op.localGet, 0, op.prefixMisc, 17, 1] },
          { type: 0, code: [op.i32Const, 0, op.i32Const, 0, op.localGet, 0, op.prefixMisc, 12, 0, 0] },
          { type: 0, code: [op.refNull, funcref, op.localGet, 0, op.prefixMisc, 15, 0, 0x1a] },
        ],
        elements: [
          [5, funcref, ...u32(20_000), ...Array.from({ length: 20_000 }, () => emptyElement).flat()],
        ],
        exports: ["fill", "copy", "fill64", "init", "grow"].map((name, index) =>
          exportItem(name, kind.function, index),
        ),
      }),
    );
    for (const [name, length] of [
      ["fill", 40_000],
      ["copy", 40_000],
      ["fill64", 40_000n],
      ["init", 20_000],
      ["grow", 20_000],
    ] as const) {
      guest.slice = 10_000_000;
      guest.fuel = guest.slice;
      guest.call(name, length);
      expect(guest.slice - guest.fuel).toBeGreaterThanOrEqual(32 * Number(length));
      expect(guest.slice - guest.fuel).toBeLessThan(32 * Number(length) + 1020);
    }
    // Neither may a length that traps or is refused fill the fuel up.
    for (const length of [-1, -(2 ** 31), 2 ** 31 - 1]) {
      guest.fuel = 1000;
      guest.yields = 0;
      guest.call("grow", length);
      expect(guest.yields).toBe(1);
    }
    expect(() => guest.call("fill64", -1n)).toThrow("table index is out of bounds");
  });
});
