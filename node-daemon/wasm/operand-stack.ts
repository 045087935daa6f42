/**
 * How many values lie on the operand stack, without their types: what a branch costs the engine's baseline compiler
 * depends on it. It is exact for code that the engine accepts, and finite for all other.
 */
import { Rejection } from "./binary-reader.ts";
import { grown } from "./edits.ts";
import { op } from "./opcodes.ts";

export interface Arity {
  readonly params: number;
  readonly results: number;
}

export function tooManyBranchValues(at: number, max: number): Rejection {
  return new Rejection(
    "ModuleTooLarge",
    `offset 0x${at.toString(16)}: the branches of one function find more than ${max} values in its ` +
      "locals and on its stack, added up over all branches: compiling it would hold up all others. Split it into " +
      "several functions",
  );
}

export class OperandStack {
  height = 0;
  heightMax = 0;
  #depth = 0;
  /** Per open block: the height below its parameters, and how many parameters and results it has. */
  #bases = new Int32Array(64);
  #params = new Int32Array(64);
  #results = new Int32Array(64);

  start(): void {
    this.#depth = 0;
    this.height = 0;
    this.heightMax = 0;
    this.open(0, 0);
  }

  /** An instruction takes `pops` values and leaves `pushes`. Behind a jump there are as many values as one asks for. */
  apply(pops: number, pushes: number): void {
    const base = this.#bases[this.#depth - 1] ?? 0;
    this.height = Math.max(base, this.height - pops) + pushes;
    if (this.height > this.heightMax) this.heightMax = this.height;
  }

  open(params: number, results: number): void {
    if (this.#depth === this.#bases.length) this.#grow();
    this.apply(params, 0);
    this.#bases[this.#depth] = this.height;
    this.#params[this.#depth] = params;
    this.#results[this.#depth] = results;
    this.#depth++;
    this.height += params;
    if (this.height > this.heightMax) this.heightMax = this.height;
  }

  /** Whether the end of the `label`th block around finds values; of the function's own it is not known. */
  hasResults(label: number): boolean {
    const frame = this.#depth - 1 - label;
    return frame <= 0 || (this.#results[frame] ?? 0) > 0;
  }

  /** The second arm of an `if`. */
  else(): void {
    const frame = this.#depth - 1;
    this.height = (this.#bases[frame] ?? 0) + (this.#params[frame] ?? 0);
  }

  /** A handler of a `try`, which finds the values of the exception. */
  handler(values: number): void {
    this.height = (this.#bases[this.#depth - 1] ?? 0) + values;
    if (this.height > this.heightMax) this.heightMax = this.height;
  }

  close(): void {
    const frame = --this.#depth;
    this.height = (this.#bases[frame] ?? 0) + (this.#results[frame] ?? 0);
    if (this.height > this.heightMax) this.heightMax = this.height;
  }

  /** Nothing follows up to the next `else`, handler, or end. */
  stop(): void {
    this.height = this.#bases[this.#depth - 1] ?? 0;
  }

  #grow(): void {
    this.#bases = grown(this.#bases);
    this.#params = grown(this.#params);
    this.#results = grown(this.#results);
  }
}

/** What the one-byte instructions take and leave whose arity is fixed: four bits each. */
export const fixedArities: Uint8Array = buildArities();

function buildArities(): Uint8Array {
  const table = new Uint8Array(256);
  const set = (pops: number, pushes: number, from: number, to = from) =>
    table.fill((pops << 4) | pushes, from, to + 1);
  set(1, 0, 0x1a);
  set(3, 1, op.select, op.selectTyped);
  set(0, 1, op.localGet);
  set(1, 0, op.localSet);
  set(1, 1, op.localTee);
  set(0, 1, op.globalGet);
  set(1, 0, op.globalSet);
  set(1, 1, op.tableGet);
  set(2, 0, op.tableSet);
  set(1, 1, 0x28, 0x35);
  set(2, 0, 0x36, 0x3e);
  set(0, 1, op.memorySize);
  set(1, 1, op.memoryGrow);
  set(0, 1, op.i32Const, op.f64Const);
  // Comparisons, arithmetic, conversions; those with one operand among them.
  set(2, 1, 0x45, 0xa6);
  set(1, 1, 0x45);
  set(1, 1, 0x50);
  set(1, 1, 0x67, 0x69);
  set(1, 1, 0x79, 0x7b);
  set(1, 1, 0x8b, op.f32Sqrt);
  set(1, 1, 0x99, op.f64Sqrt);
  set(1, 1, op.i32WrapI64, 0xc4);
  set(0, 1, op.refNull);
  set(1, 1, 0xd1);
  set(0, 1, op.refFunc);
  set(2, 1, op.refEq);
  set(1, 1, 0xd4, op.brOnNull);
  set(1, 0, op.brOnNonNull);
  return table;
}

const simdUnary: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x0a],
  [0x0f, 0x16],
  [0x18, 0x19],
  [0x1b, 0x1b],
  [0x1d, 0x1d],
  [0x1f, 0x1f],
  [0x21, 0x21],
  [0x4d, 0x4d],
  [0x53, 0x53],
  [0x5c, 0x64],
  [0x67, 0x6a],
  [0x74, 0x75],
  [0x7a, 0x7a],
  [0x7c, 0x81],
  [0x83, 0x84],
  [0x87, 0x8a],
  [0x94, 0x94],
  [0xa0, 0xa1],
  [0xa3, 0xa4],
  [0xa7, 0xaa],
  [0xc0, 0xc1],
  [0xc3, 0xc4],
  [0xc7, 0xca],
  [0xe0, 0xe1],
  [0xe3, 0xe3],
  [0xec, 0xed],
  [0xef, 0xef],
  [0xf8, 0xff],
  [0x101, 0x104],
];

/** What the instructions behind the SIMD prefix take and leave, likewise. */
export const simdArities: Uint8Array = buildSimdArities();

function buildSimdArities(): Uint8Array {
  const table = new Uint8Array(0x114).fill(0x21);
  for (const [from, to] of simdUnary) table.fill(0x11, from, to + 1);
  table[0x0b] = 0x20;
  table[0x0c] = 0x01;
  table[0x52] = 0x31;
  table.fill(0x20, 0x58, 0x5c);
  table.fill(0x31, 0x105, 0x10d);
  table[0x113] = 0x31;
  return table;
}

/** What the instructions behind the prefix 0xfc take and leave, likewise. */
export const miscArities: readonly number[] = [
  ...Array<number>(8).fill(0x11),
  0x30,
  0x00,
  0x30,
  0x30,
  0x30,
  0x00,
  0x30,
  0x21,
  0x01,
  0x30,
];
