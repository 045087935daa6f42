/**
 * Makes results of floating-point instructions the same on every machine.
 *
 * The standard says of almost all of them what they answer, to the bit; but where a result is NaN, its sign and payload are up
 * to the machine: x64 and arm64 differ. So behind each such instruction every NaN is replaced by the canonical one. What only
 * copies or flips a sign (`abs`, `neg`, `copysign`, loads, `pmin`, `pmax`) is exact as it is.
 *
 * If the next instruction takes the value and looks at no payload either, that one is enough.
 */
import type { BinaryWriter } from "./binary-writer.ts";
import { op } from "./opcodes.ts";

/** How a value that may be NaN lies there. */
export const nanKind = { none: 0, f32: 1, f64: 2, f32x4: 3, f64x2: 4 } as const;

/** By the first byte. */
export const scalarNans: Uint8Array = buildScalarNans();
/** By the number behind the SIMD prefix. */
export const vectorNans: Uint8Array = buildVectorNans();
/** First bytes of instructions that look at no payload of what they take from the top of the stack. */
const ignoresPayload: Uint8Array = buildIgnoresPayload();

export function needsCanonical(kind: number, next: number): boolean {
  return kind > nanKind.f64 || ignoresPayload[next] !== 1;
}

function buildScalarNans(): Uint8Array {
  const table = new Uint8Array(256);
  // ceil, floor, trunc, nearest, sqrt, add, sub, mul, div, min, max.
  table.fill(nanKind.f32, 0x8d, 0x97 + 1);
  table.fill(nanKind.f64, 0x9b, 0xa5 + 1);
  // f32.demote_f64, f64.promote_f32.
  table[0xb6] = nanKind.f32;
  table[0xbb] = nanKind.f64;
  return table;
}

function buildVectorNans(): Uint8Array {
  const table = new Uint8Array(0x114);
  table[0x5e] = nanKind.f32x4;
  table[0x5f] = nanKind.f64x2;
  table.fill(nanKind.f32x4, 0x67, 0x6a + 1);
  for (const code of [0x74, 0x75, 0x7a, 0x94]) table[code] = nanKind.f64x2;
  // sqrt, add, sub, mul, div, min, max.
  table.fill(nanKind.f32x4, 0xe3, 0xe9 + 1);
  table.fill(nanKind.f64x2, 0xef, 0xf5 + 1);
  return table;
}

function buildIgnoresPayload(): Uint8Array {
  const table = Uint8Array.from(scalarNans, (kind) => (kind === nanKind.none ? 0 : 1));
  // Comparisons, `drop`, and conversions to integers, which trap.
  table.fill(1, 0x5b, 0x66 + 1);
  table[op.drop] = 1;
  table.fill(1, 0xa8, 0xab + 1);
  table.fill(1, 0xae, 0xb1 + 1);
  return table;
}

/** Types of the locals that `writeCanonical` needs, in the order of their indices from the first. */
export const canonicalLocals: readonly number[] = [0x7d, 0x7c, 0x7b];

const nan32 = [0x00, 0x00, 0xc0, 0x7f];
const nan64 = [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x7f];

/** Replaces the value on top of the stack if it is NaN, or each of its lanes that is. */
export function writeCanonical(writer: BinaryWriter, kind: number, firstLocal: number): void {
  const local = firstLocal + (kind === nanKind.f32 ? 0 : kind === nanKind.f64 ? 1 : 2);
  writer.u8(op.localTee).u32(local);
  switch (kind) {
    case nanKind.f32:
      writer.raw(op.f32Const, ...nan32);
      break;
    case nanKind.f64:
      writer.raw(op.f64Const, ...nan64);
      break;
    case nanKind.f32x4:
      writer.raw(op.prefixSimd, 0x0c, ...nan32, ...nan32, ...nan32, ...nan32);
      break;
    default:
      writer.raw(op.prefixSimd, 0x0c, ...nan64, ...nan64);
  }
  writer.u8(op.localGet).u32(local).u8(op.localGet).u32(local);
  switch (kind) {
    case nanKind.f32:
      writer.raw(op.f32Eq, op.select);
      break;
    case nanKind.f64:
      writer.raw(op.f64Eq, op.select);
      break;
    default:
      // f32x4.eq or f64x2.eq; v128.bitselect.
      writer.raw(op.prefixSimd, kind === nanKind.f32x4 ? 0x41 : 0x47, op.prefixSimd, 0x52);
  }
}
