/** Test support: functions that call themselves for ever, with frames of every shape. */
import { op } from "./opcodes.ts";
import type { Bytes, ModuleParts } from "./wasm-builder.ts";
import { buildModule, exportItem, functionType, kind, lines, type, u32 } from "./wasm-builder.ts";

const { i32, i64, f64, v128, funcref } = type;
const times = (count: number, of: (index: number) => Bytes): Bytes =>
  Array.from({ length: count }, (_, index) => of(index)).flat();
const same = (count: number, value: number): Bytes => times(count, () => [value]);
const get = (local: number): Bytes => [op.localGet, ...u32(local)];
const again: Bytes = [op.call, 0];
const simple = (params: Bytes, results: Bytes, code: Bytes, locals: Bytes = []): ModuleParts => ({
  types: [functionType(params, results), functionType([], [])],
  functions: [{ type: 0, locals, code }],
});

const i64ExtendI32S = 0xac;
const i32x4Splat = 0x11;
const i32x4ExtractLane = 0x1b;

const shapes: Readonly<Record<string, ModuleParts>> = {
  "nothing in its frame": simple([], [], again),
  "two calls": simple([], [], [...again, ...again]),
  "a parameter that is used afterwards": simple([i32], [i32], [...get(0), ...again, ...get(0), op.i32Add]),
  "100 locals that live on": simple(
    [i32],
    [i32],
    lines(
      times(100, (n) => [
        ...get(0),
        i64ExtendI32S,
        op.i64Const,
        n & 63,
        op.i64Add,
        op.localSet,
        ...u32(n + 1),
      ]),
      [...get(0), ...again],
      times(100, (n) => [...get(n + 1), op.i32WrapI64, op.i32Add]),
    ),
    same(100, i64),
  ),
  "100 operands": simple(
    [i32],
    [i32],
    lines(
      times(100, (n) => [...get(0), op.i32Const, n & 63, op.i32Mul]),
      [...get(0), ...again],
      same(100, op.i32Add),
    ),
  ),
  "100 parameters": simple(same(100, i64), [], [...times(100, get), ...again]),
  "900 parameters": simple(same(900, i64), [], [...times(900, get), ...again]),
  "30 floating-point parameters": simple(
    same(30, f64),
    [f64],
    [...times(30, get), ...again, ...get(3), 0xa0],
  ),
  "100 results": simple([], same(100, i64), again),
  "50 vectors": simple(
    [i32],
    [i32],
    lines(
      times(50, (n) => [...get(0), op.prefixSimd, i32x4Splat, op.localSet, ...u32(n + 1)]),
      [...get(0), ...again],
      times(50, (n) => [...get(n + 1), op.prefixSimd, i32x4ExtractLane, 0, op.i32Add]),
    ),
    same(50, v128),
  ),
  "a call through a table": {
    ...simple([], [], [op.i32Const, 0, op.callIndirect, 0, 0]),
    tables: [[funcref, 0, 1]],
    elements: [[0, op.i32Const, 0, op.end, 1, 0]],
  },
  "two functions that call each other": {
    types: [functionType([], []), functionType([], [])],
    functions: [
      { type: 0, code: [op.call, 1, op.call, 1] },
      { type: 0, code: [...again, ...again] },
    ],
  },
  "everything caught": simple([], [], [op.try, 0x40, ...again, op.catchAll, ...again, op.end]),
};

export interface RecursiveGuest {
  readonly name: string;
  readonly binary: Uint8Array;
}

/** Each exports `run: () -> ()`. */
export const recursiveGuests: readonly RecursiveGuest[] = Object.entries(shapes).map(([name, parts]) => {
  const [first] = parts.types ?? [];
  const params = first?.[1] ?? 0;
  // Function types are 0x60, the number of parameters in LEB128, and so on.
  const count = (params & 0x80) === 0 ? params : (params & 0x7f) | ((first?.[2] ?? 0) << 7);
  const types = first?.slice((params & 0x80) === 0 ? 2 : 3) ?? [];
  const results = types[count] ?? 0;
  const zero: Readonly<Record<number, Bytes>> = {
    [i32]: [op.i32Const, 0],
    [i64]: [op.i64Const, 0],
    [f64]: [op.f64Const, 0, 0, 0, 0, 0, 0, 0, 0],
  };
  const code = lines(
    times(count, (n) => zero[types[n] ?? 0] ?? []),
    again,
    times(results, () => [op.drop]),
  );
  const run = parts.functions?.length ?? 0;
  return {
    name,
    binary: buildModule({
      ...parts,
      functions: [...(parts.functions ?? []), { type: 1, code }],
      exports: [exportItem("run", kind.function, run)],
    }),
  };
});
