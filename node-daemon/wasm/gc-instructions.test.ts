import { describe, expect, test } from "vitest";
import { BinaryReader } from "./binary-reader.ts";
import { GcInstruction } from "./gc-instructions.ts";
import { unitOfItems } from "./length-units.ts";
import { op } from "./opcodes.ts";
import { engine } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import { buildModule, lines, type, vector } from "./wasm-builder.ts";

const { i32, i64, funcref, externref } = type;
const anyref: Bytes = [0x6e];
const pair: Bytes = [0x63, 0];
const packed: Bytes = [0x63, 1];
const bytes: Bytes = [0x63, 2];
const longs: Bytes = [0x63, 3];
const functions: Bytes = [0x63, 4];

const types: readonly Bytes[] = [
  [0x5f, 2, i32, 1, i64, 1],
  [0x5f, 1, 0x78, 1],
  [0x5e, 0x78, 1],
  [0x5e, i64, 1],
  [0x5e, funcref, 1],
];

interface Row {
  readonly name: string;
  /** Behind the prefix. */
  readonly code: Bytes;
  readonly params: readonly Bytes[];
  readonly results: readonly Bytes[];
  readonly unit?: string;
  readonly labelAt?: number;
}

const rows: readonly Row[] = [
  { name: "struct.new", code: [0x00, 0], params: [[i32], [i64]], results: [pair] },
  { name: "struct.new_default", code: [0x01, 0], params: [], results: [pair] },
  { name: "struct.get", code: [0x02, 0, 1], params: [pair], results: [[i64]] },
  { name: "struct.get_s", code: [0x03, 1, 0], params: [packed], results: [[i32]] },
  { name: "struct.get_u", code: [0x04, 1, 0], params: [packed], results: [[i32]] },
  { name: "struct.set", code: [0x05, 0, 1], params: [pair, [i64]], results: [] },
  { name: "array.new", code: [0x06, 3], params: [[i64], [i32]], results: [longs], unit: "items64" },
  { name: "array.new_default", code: [0x07, 4], params: [[i32]], results: [functions], unit: "references" },
  { name: "array.new_fixed", code: [0x08, 3, 3], params: [[i64], [i64], [i64]], results: [longs] },
  { name: "array.new_data", code: [0x09, 2, 0], params: [[i32], [i32]], results: [bytes], unit: "items8" },
  {
    name: "array.new_elem",
    code: [0x0a, 4, 0],
    params: [[i32], [i32]],
    results: [functions],
    unit: "references",
  },
  { name: "array.get", code: [0x0b, 3], params: [longs, [i32]], results: [[i64]] },
  { name: "array.get_s", code: [0x0c, 2], params: [bytes, [i32]], results: [[i32]] },
  { name: "array.get_u", code: [0x0d, 2], params: [bytes, [i32]], results: [[i32]] },
  { name: "array.set", code: [0x0e, 3], params: [longs, [i32], [i64]], results: [] },
  { name: "array.len", code: [0x0f], params: [[0x6a]], results: [[i32]] },
  { name: "array.fill", code: [0x10, 2], params: [bytes, [i32], [i32], [i32]], results: [], unit: "items8" },
  {
    name: "array.copy",
    code: [0x11, 3, 3],
    params: [longs, [i32], longs, [i32], [i32]],
    results: [],
    unit: "items64",
  },
  {
    name: "array.init_data",
    code: [0x12, 2, 0],
    params: [bytes, [i32], [i32], [i32]],
    results: [],
    unit: "items8",
  },
  {
    name: "array.init_elem",
    code: [0x13, 4, 0],
    params: [functions, [i32], [i32], [i32]],
    results: [],
    unit: "references",
  },
  { name: "ref.test", code: [0x14, 0], params: [anyref], results: [[i32]] },
  { name: "ref.test null", code: [0x15, 0x6b], params: [anyref], results: [[i32]] },
  { name: "ref.cast", code: [0x16, 0], params: [anyref], results: [[0x64, 0]] },
  { name: "ref.cast null", code: [0x17, 0], params: [anyref], results: [pair] },
  { name: "br_on_cast", code: [0x18, 3, 0, 0x6e, 0x6b], params: [anyref], results: [anyref], labelAt: 2 },
  {
    name: "br_on_cast_fail",
    code: [0x19, 3, 0, 0x6e, 0x6b],
    params: [anyref],
    results: [anyref],
    labelAt: 2,
  },
  { name: "any.convert_extern", code: [0x1a], params: [[externref]], results: [anyref] },
  { name: "extern.convert_any", code: [0x1b], params: [anyref], results: [[externref]] },
  { name: "ref.i31", code: [0x1c], params: [[i32]], results: [[0x64, 0x6c]] },
  { name: "i31.get_s", code: [0x1d], params: [[0x6c]], results: [[i32]] },
  { name: "i31.get_u", code: [0x1e], params: [[0x6c]], results: [[i32]] },
  { name: "an opcode in two bytes", code: [0x9e, 0x00], params: [[0x6c]], results: [[i32]] },
];

const known = {
  typeCount: types.length,
  elementSegments: 1,
  fieldsOf: (index: number) => [2, 1][index] ?? 0,
  unitOf: (index: number) => unitOfItems([undefined, undefined, 0, 3][index]),
};

describe("GcInstruction", () => {
  test.each(rows)("read: $name takes and leaves what it does in the engine", (row) => {
    const { code, params, results } = row;
    const instruction = lines(
      params.flatMap((_, index) => [op.localGet, index]),
      [op.prefixGc, ...code],
    );
    const module = buildModule({
      types: [...types, [0x60, ...vector(params), ...vector(results)]],
      elements: [[1, 0, 1, 0]],
      dataCount: 1,
      functions: [{ type: types.length, code: instruction }],
      data: [[1, 1, 7]],
    });
    expect(engine.validate(module)).toBe(true);

    const reader = new BinaryReader(Uint8Array.from(code));
    const found = new GcInstruction();
    found.read(reader, known, 0);
    reader.expectEnd("the instruction");
    expect(found).toMatchObject({ pops: params.length, pushes: results.length });
    expect({ unit: found.unit, labelAt: found.labelAt }).toEqual({ unit: row.unit, labelAt: row.labelAt });
  });

  test("read: it knows every instruction that the engine knows", () => {
    const opcodes = new Set(rows.map(({ code }) => code[0]));
    for (let code = 0; code < 0x80; code++) {
      const refusal = compileError(code);
      const later = /--experimental|invalid gc opcode/.test(refusal);
      expect(opcodes.has(code), `0xfb 0x${code.toString(16)}: ${refusal}`).toBe(!later && code < 0x20);
    }
  });

  test("read: structs of more fields and arrays of more values cost more", () => {
    const weight = (...code: Bytes) => {
      const found = new GcInstruction();
      found.read(new BinaryReader(Uint8Array.from(code)), { ...known, fieldsOf: (index) => 100 * index }, 0);
      return found.weight;
    };
    expect(weight(0x00, 3)).toBe(weight(0x00, 1) + 200);
    expect(weight(0x01, 3)).toBeGreaterThan(weight(0x01, 1));
    expect(weight(0x08, 3, 20)).toBe(weight(0x08, 3, 10) + 10);
  });
});

function compileError(code: number): string {
  try {
    void new engine.Module(
      buildModule({
        types: [[0x60, 0, 0]],
        functions: [{ type: 0, code: [0x00, op.prefixGc, code, 0, 0, 0, 0] }],
      }),
    );
    return "";
  } catch (thrown) {
    return String(thrown);
  }
}
