import { describe, expect, test } from "vitest";
import { atomicArity, atomicFence, atomicWeight, readAtomicOpcode } from "./atomic-instructions.ts";
import { BinaryReader } from "./binary-reader.ts";
import { op } from "./opcodes.ts";
import { engine } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import { buildModule, functionType, lines, type } from "./wasm-builder.ts";

const { i32, i64 } = type;

interface Form {
  readonly params: Bytes;
  readonly results: Bytes;
  readonly immediates: Bytes;
}

/** Of each operation there are seven: on whole values of both types, and on parts of 8, 16 and 32 bits of them. */
const widths = [
  { value: i32, alignment: 2 },
  { value: i64, alignment: 3 },
  { value: i32, alignment: 0 },
  { value: i32, alignment: 1 },
  { value: i64, alignment: 0 },
  { value: i64, alignment: 1 },
  { value: i64, alignment: 2 },
];

function formOf(code: number): Form | undefined {
  if (code === 0) return { params: [i32, i32], results: [i32], immediates: [2, 0] };
  if (code === 1) return { params: [i32, i32, i64], results: [i32], immediates: [2, 0] };
  if (code === 2) return { params: [i32, i64, i64], results: [i32], immediates: [3, 0] };
  if (code === atomicFence) return { params: [], results: [], immediates: [0] };
  if (code < 0x10 || code > 0x4e) return undefined;
  const { value, alignment } = widths[(code - 0x10) % 7] ?? { value: i32, alignment: 2 };
  const immediates = [alignment, 0];
  if (code < 0x17) return { params: [i32], results: [value], immediates };
  if (code < 0x1e) return { params: [i32, value], results: [], immediates };
  if (code < 0x48) return { params: [i32, value], results: [value], immediates };
  return { params: [i32, value, value], results: [value], immediates };
}

describe("atomic instructions", () => {
  test("atomicArity: of every instruction as the engine has it", () => {
    let found = 0;
    for (let code = 0; code < 0x80; code++) {
      const form = formOf(code);
      const reader = new BinaryReader(Uint8Array.of(code));
      if (form === undefined) {
        expect(() => readAtomicOpcode(reader, 0)).toThrow(/unknown opcode|shared-everything-threads/);
        continue;
      }
      const { params, results, immediates } = form;
      const gets = params.flatMap((_, index) => [op.localGet, index]);
      const module = buildModule({
        types: [functionType(params, results)],
        memories: [[3, 1, 1]],
        functions: [{ type: 0, code: lines(gets, [op.prefixThreads, code], immediates) }],
      });
      expect(engine.validate(module), `0xfe 0x${code.toString(16)}`).toBe(true);
      expect(readAtomicOpcode(reader, 0)).toBe(code);
      expect(atomicArity(code)).toBe((params.length << 4) | results.length);
      found++;
    }
    expect(found).toBe(67);
  });

  test("atomicWeight: a load costs what any load does, an exchange more, waking and waiting most", () => {
    expect(atomicWeight(0x10)).toBe(0);
    expect(atomicWeight(0x1e)).toBeGreaterThan(atomicWeight(0x10));
    expect(atomicWeight(0x01)).toBeGreaterThan(atomicWeight(0x1e));
    expect(atomicWeight(0x00)).toBe(atomicWeight(0x01));
  });
});
