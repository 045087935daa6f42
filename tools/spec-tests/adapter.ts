/**
 * Calls functions with numbers and vectors bit for bit: what JavaScript hands over has no vectors, and may lose the payload of
 * a NaN. A module of our own loads the parameters from a memory, calls, and stores the results there.
 */
import {
  type Bytes,
  buildModule,
  exportItem,
  functionType,
  importItem,
  kind,
  lines,
  s32,
  type,
  u32,
} from "../../node-daemon/wasm/wasm-builder.ts";
import { engine, type EngineFunction, type Exports } from "./engine.ts";
import { type NumberType, numberTypes, slotBytes } from "./values.ts";

export interface Signature {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

/** Of `(i32, (ref null 3)) -> (f64)`. */
export function readSignature(text: string): Signature {
  const [params = "", results = ""] = text.split(" -> ");
  const types = (list: string) =>
    list
      .slice(1, -1)
      .split(", ")
      .filter((one) => one !== "");
  return { params: types(params), results: types(results) };
}

export function areNumbers(types: readonly string[]): types is readonly NumberType[] {
  return types.every((one) => numberTypes.some((known) => known === one));
}

const loads: Readonly<Record<NumberType, Bytes>> = {
  i32: [0x28, 2, 0],
  i64: [0x29, 3, 0],
  f32: [0x2a, 2, 0],
  f64: [0x2b, 3, 0],
  v128: [0xfd, 0, 4, 0],
};
const stores: Readonly<Record<NumberType, Bytes>> = {
  i32: [0x36, 2, 0],
  i64: [0x37, 3, 0],
  f32: [0x38, 2, 0],
  f64: [0x39, 3, 0],
  v128: [0xfd, 0x0b, 4, 0],
};
const address = (slot: number): Bytes => [0x41, ...s32(slot * slotBytes)];

function adapterOf(params: readonly NumberType[], results: readonly NumberType[]): Uint8Array {
  const codes = (types: readonly NumberType[]) => types.map((one) => type[one]);
  const code = lines(
    ...params.map((one, index) => [...address(index), ...loads[one]]),
    [0x10, 0],
    ...results.map((_, index) => [0x21, ...u32(results.length - 1 - index)]),
    ...results.map((one, index) => [...address(index), 0x20, ...u32(index), ...stores[one]]),
  );
  return buildModule({
    types: [functionType(codes(params), codes(results)), functionType([], [])],
    imports: [
      importItem("call", "memory", kind.memory, [0, 1]),
      importItem("call", "function", kind.function, [0]),
    ],
    functions: [{ type: 1, locals: codes(results), code }],
    exports: [exportItem("run", kind.function, 1)],
  });
}

const memory = new engine.Memory({ initial: 1 });
const adapters = new Map<string, object>();

/**
 * Answers the results, 16 bytes each; undefined if the type of the function is not the plain one with these parameters and
 * results, but one of a recursion group. Throws what the function throws.
 */
export function callWithBytes(
  callee: EngineFunction,
  params: readonly NumberType[],
  results: readonly NumberType[],
  args: readonly Uint8Array[],
): readonly Uint8Array[] | undefined {
  const key = `${params.join()} ${results.join()}`;
  let adapter = adapters.get(key);
  if (adapter === undefined) adapters.set(key, (adapter = new engine.Module(adapterOf(params, results))));
  const exports = linked(adapter, callee);
  if (exports === undefined) return undefined;
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0, 0, Math.max(params.length, results.length) * slotBytes);
  for (const [index, arg] of args.entries()) bytes.set(arg, index * slotBytes);
  const run = exports["run"] as EngineFunction;
  run();
  return results.map((one, index) => {
    const found = bytes.slice(index * slotBytes, (index + 1) * slotBytes);
    // A parameter may have left more there than the result is long.
    found.fill(0, widths[one]);
    return found;
  });
}

function linked(adapter: object, callee: EngineFunction): Exports | undefined {
  try {
    return new engine.Instance(adapter, { call: { memory, function: callee } }).exports;
  } catch (thrown) {
    if (thrown instanceof engine.LinkError) return undefined;
    throw thrown;
  }
}

const widths: Readonly<Record<NumberType, number>> = { i32: 4, i64: 8, f32: 4, f64: 8, v128: 16 };
