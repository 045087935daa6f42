import { describe, expect, test } from "vitest";
import { op } from "./opcodes.ts";
import { defaultLimits, rewriteModule } from "./rewrite.ts";
import { RewrittenGuest } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import { buildModule, exportItem, functionType, kind, type, u32 } from "./wasm-builder.ts";

const { i32, i64, v128 } = type;
const canonical32 = 0x7fc00000;
const canonical64 = 0x7ff8000000000000n;
/** A quiet NaN with a sign and a payload. */
const odd32: Bytes = [op.f32Const, 0x34, 0x12, 0xe0, 0xff];
const odd64: Bytes = [op.f64Const, 0x78, 0x56, 0x34, 0x12, 0, 0, 0xfa, 0xff];
const one32: Bytes = [op.f32Const, 0, 0, 0x80, 0x3f];
const one64: Bytes = [op.f64Const, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
const i32ReinterpretF32 = 0xbc;
const i64ReinterpretF64 = 0xbd;

/** Runs code that leaves a value of `result`, deterministically rewritten or plain. */
function evaluate(result: number, code: Bytes, mode: "plain" | "deterministic" = "deterministic"): unknown {
  const binary = buildModule({
    types: [functionType([], [result])],
    functions: [{ type: 0, code }],
    exports: [exportItem("run", kind.function, 0)],
  });
  return new RewrittenGuest(binary, { mode }).call("run");
}

const unary32 = { ceil: 0x8d, floor: 0x8e, trunc: 0x8f, nearest: 0x90, sqrt: 0x91 };
const binary32 = { add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97 };
const unary64 = { ceil: 0x9b, floor: 0x9c, trunc: 0x9d, nearest: 0x9e, sqrt: 0x9f };
const binary64 = { add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3, min: 0xa4, max: 0xa5 };

describe("scalar instructions", () => {
  test.each([
    ...Object.entries(unary32).map(([name, code]) => ({ name: `f32.${name}`, code: [...odd32, code] })),
    ...Object.entries(binary32).map(([name, code]) => ({
      name: `f32.${name}`,
      code: [...one32, ...odd32, code],
    })),
    { name: "f32.demote_f64", code: [...odd64, 0xb6] },
  ])("$name: answers the canonical NaN", ({ code }) => {
    expect(Number(evaluate(i32, [...code, i32ReinterpretF32])) >>> 0).toBe(canonical32);
  });

  test.each([
    ...Object.entries(unary64).map(([name, code]) => ({ name: `f64.${name}`, code: [...odd64, code] })),
    ...Object.entries(binary64).map(([name, code]) => ({
      name: `f64.${name}`,
      code: [...one64, ...odd64, code],
    })),
    { name: "f64.promote_f32", code: [...odd32, 0xbb] },
    { name: "f64.mul under f64.add", code: [...odd64, ...one64, ...odd64, 0xa2, 0xa0] },
  ])("$name: answers the canonical NaN", ({ code }) => {
    expect(BigInt.asUintN(64, evaluate(i64, [...code, i64ReinterpretF64]) as bigint)).toBe(canonical64);
  });

  test.each([
    { name: "f64.neg", code: [...odd64, 0x9a], bits: 0x7ffa000012345678n },
    { name: "f64.abs", code: [...odd64, 0x99], bits: 0x7ffa000012345678n },
    { name: "f64.copysign", code: [...odd64, ...one64, 0xa6], bits: 0x7ffa000012345678n },
  ])("$name: is exact as it is", ({ code, bits }) => {
    expect(BigInt.asUintN(64, evaluate(i64, [...code, i64ReinterpretF64]) as bigint)).toBe(bits);
  });

  test("numbers stay as they are", () => {
    expect(evaluate(type.f64, [...one64, ...one64, 0xa0])).toBe(2);
    expect(evaluate(type.f32, [...one32, ...one32, 0x92])).toBe(2);
  });

  test("the plain mode keeps what the machine makes", () => {
    expect(
      BigInt.asUintN(64, evaluate(i64, [...odd64, ...one64, 0xa0, i64ReinterpretF64], "plain") as bigint),
    ).not.toBe(canonical64);
  });
});

const splat32 = 0x13;
const splat64 = 0x14;
const vectors32 = [0x67, 0x68, 0x69, 0x6a, 0xe3];
const vectors32Binary = [0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9];
const vectors64 = [0x74, 0x75, 0x7a, 0x94, 0xef];
const vectors64Binary = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5];
const simd = (code: number): Bytes => [op.prefixSimd, ...u32(code)];

describe("vector instructions", () => {
  const of32 = [...odd32, ...simd(splat32)];
  const of64 = [...odd64, ...simd(splat64)];
  const table = [
    ...vectors32.map((code) => ({ code, value: [...of32, ...simd(code)], lanes: 0x7fc000007fc00000n })),
    ...vectors32Binary.map((code) => ({
      code,
      value: [...of32, ...of32, ...simd(code)],
      lanes: 0x7fc000007fc00000n,
    })),
    ...vectors64.map((code) => ({ code, value: [...of64, ...simd(code)], lanes: canonical64 })),
    ...vectors64Binary.map((code) => ({
      code,
      value: [...of64, ...of64, ...simd(code)],
      lanes: canonical64,
    })),
    { code: 0x5e, value: [...of64, ...simd(0x5e)], lanes: 0x7fc000007fc00000n },
    { code: 0x5f, value: [...of32, ...simd(0x5f)], lanes: canonical64 },
  ];

  test.each(table)("0xfd $code: answers canonical NaNs in its lanes", ({ value, lanes }) => {
    // i64x2.extract_lane 0.
    expect(BigInt.asUintN(64, evaluate(i64, [...value, ...simd(0x1d), 0]) as bigint)).toBe(lanes);
  });

  test("a lane that is a number stays as it is", () => {
    // f32x4.replace_lane 1, f32x4.add, f32x4.extract_lane 1.
    const mixed = [...of32, ...one32, ...simd(0x20), 1];
    expect(evaluate(type.f32, [...mixed, ...mixed, ...simd(0xe4), ...simd(0x1f), 1])).toBe(2);
  });

  test("rewriteModule: relaxed instructions are refused", () => {
    const binary = buildModule({
      types: [functionType([v128], [v128])],
      functions: [{ type: 0, code: [op.localGet, 0, ...simd(0x101)] }],
    });
    expect(rewriteModule(binary, defaultLimits, "deterministic")).toMatchObject({
      kind: "rejected",
      reason: "DeterministicRefused",
      message: expect.stringContaining("relaxed-simd") as string,
    });
  });
});

describe("memory.grow", () => {
  const grow = (pages: number, maximum: number): unknown => {
    const binary = buildModule({
      types: [functionType([], [i32])],
      memories: [[1, 1, maximum]],
      functions: [{ type: 0, code: [op.i32Const, pages, op.memoryGrow, 0] }],
      exports: [exportItem("run", kind.function, 0)],
    });
    const guest = new RewrittenGuest(binary, { mode: "deterministic" });
    guest.memoryCap = 10;
    return guest.call("run");
  };

  test.each([
    { name: "within cap and maximum", pages: 3, maximum: 8, answer: 1 },
    { name: "by nothing", pages: 0, maximum: 8, answer: 1 },
    { name: "beyond the maximum", pages: 8, maximum: 8, answer: -1 },
    { name: "beyond the cap", pages: 10, maximum: 50, answer: -1 },
  ])("certainMemoryGrow: $name", ({ pages, maximum, answer }) => {
    expect(grow(pages, maximum)).toBe(answer);
  });
});
