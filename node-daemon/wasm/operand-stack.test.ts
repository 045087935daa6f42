import { describe, expect, test } from "vitest";
import { fixedArities, miscArities, OperandStack, simdArities } from "./operand-stack.ts";
import { op, shape, shapes, simdHasMemarg, simdTrailingBytes } from "./opcodes.ts";
import { engine } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import { buildModule, functionType, type, u32 } from "./wasm-builder.ts";

const { i32, i64, f32, f64, v128, funcref } = type;
const operands = [i32, i64, f32, f64, v128, funcref];
const none = functionType([], []);

function accepts(params: Bytes, code: Bytes): boolean {
  return engine.validate(
    buildModule({
      types: [functionType(params, []), none],
      tables: [[funcref, 0, 1]],
      memories: [[0, 1]],
      globals: [[i32, 1, op.i32Const, 0, op.end]],
      elements: [[1, 0, 1, 0]],
      dataCount: 1,
      data: [[1, 0]],
      functions: [{ type: 0, locals: [], code }],
    }),
  );
}

/** Lists of `length` operand types. */
function* lists(length: number): Iterable<Bytes> {
  if (length === 0) yield [];
  else for (const rest of lists(length - 1)) for (const operand of operands) yield [operand, ...rest];
}

/** What the engine says that an instruction takes and leaves, in four bits each; undefined if it takes none of it. */
function arityInEngine(code: Bytes): number | undefined {
  const drops = (count: number) => Array.from({ length: count }, () => 0x1a);
  const pushes = [0, 1].find((count) => accepts([], [op.unreachable, ...code, ...drops(count)]));
  if (pushes === undefined) return undefined;
  for (let pops = 0; pops <= 3; pops++) {
    for (const params of lists(pops)) {
      const gets = params.flatMap((_, local) => [op.localGet, local]);
      if (accepts(params, [...gets, ...code, ...drops(pushes)])) return (pops << 4) | pushes;
    }
  }
  return undefined;
}

interface Row {
  readonly name: string;
  readonly code: Bytes;
  readonly arity: number;
}

function immediates(code: number): Bytes {
  switch (shapes[code]) {
    case shape.memarg:
      return [0, 0];
    case shape.bytes4:
      return [0, 0, 0, 0];
    case shape.bytes8:
      return [0, 0, 0, 0, 0, 0, 0, 0];
    case shape.none:
      return [];
    default:
      return code === op.refNull ? [funcref] : [0];
  }
}

function rows(): readonly Row[] {
  const found: Row[] = [];
  const hex = (code: number) => code.toString(16);
  for (let code = 0x1a; code <= op.refFunc; code++) {
    if (shapes[code] === shape.unknown || (code >= op.selectTyped && code < op.localGet)) continue;
    // `local.get`, `local.set` and `local.tee` have their operands in locals, as the test itself does.
    if (code >= op.localGet && code <= op.localTee) continue;
    found.push({ name: hex(code), code: [code, ...immediates(code)], arity: fixedArities[code] ?? 0 });
  }
  const indices = [[0, 0], [0], [0, 0], [0], [0, 0], [0], [0, 0], [0], [0], [0]];
  for (let code = 0; code < miscArities.length; code++) {
    const rest = code < 8 ? [] : (indices[code - 8] ?? []);
    found.push({
      name: `fc ${hex(code)}`,
      code: [op.prefixMisc, code, ...rest],
      arity: miscArities[code] ?? 0,
    });
  }
  for (let code = 0; code < simdArities.length; code++) {
    const trailing = simdTrailingBytes(code);
    if (trailing < 0) continue;
    const rest = [...(simdHasMemarg(code) ? [0, 0] : []), ...Array<number>(trailing).fill(0)];
    const bytes = [op.prefixSimd, ...u32(code), ...rest];
    found.push({ name: `fd ${hex(code)}`, code: bytes, arity: simdArities[code] ?? 0 });
  }
  return found;
}

describe("OperandStack", () => {
  test("arities: of every instruction as the engine has it", () => {
    const wrong: string[] = [];
    let known = 0;
    for (const { name, code, arity } of rows()) {
      const inEngine = arityInEngine(code);
      if (inEngine !== undefined) known++;
      if (inEngine !== arity) wrong.push(`${name}: ${arity.toString(16)}, not ${inEngine?.toString(16)}`);
    }
    expect(wrong).toEqual([]);
    expect(known).toBeGreaterThan(400);
  });

  test("OperandStack: blocks begin with their parameters and end with their results", () => {
    const stack = new OperandStack();
    stack.start();
    stack.apply(0, 5);
    stack.open(2, 3);
    expect(stack.height).toBe(5);
    stack.apply(2, 9);
    stack.stop();
    expect(stack.height).toBe(3);
    stack.apply(4, 1);
    expect(stack.height).toBe(4);
    stack.else();
    expect(stack.height).toBe(5);
    stack.handler(4);
    expect(stack.height).toBe(7);
    stack.close();
    expect(stack.height).toBe(6);
  });

  test("OperandStack: it holds any depth", () => {
    const stack = new OperandStack();
    stack.start();
    for (let i = 0; i < 1000; i++) stack.open(0, 1);
    for (let i = 0; i < 1000; i++) stack.close();
    expect(stack.height).toBe(1);
  });
});
