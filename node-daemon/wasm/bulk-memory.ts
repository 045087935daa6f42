import { BinaryWriter } from "./binary-writer.ts";
import { emptyBlock, misc, op } from "./opcodes.ts";

/** Fills and copies are split into pieces of this size: some 50 µs, or ten times that on fresh pages. */
export const pieceBytes = 2 ** 20;

export interface MemoryRef {
  readonly memory: number;
  readonly is64: boolean;
}

/** How the bodies below pay for what they do. */
export interface BulkFuel {
  /** Adds a charge for one piece. */
  writePieceCharge(body: BinaryWriter): void;
  /** Adds a charge for the length on top of the stack, and leaves it there. */
  writeLengthCharge(body: BinaryWriter): void;
}

const destination = 0;
const source = 1;
const length = 2;
const allParams = [op.localGet, 0, op.localGet, 1, op.localGet, 2];

/*
 * Both bodies: if the length is more than a piece, check the whole range, and let the original instruction trap before
 * anything is written; then do piece after piece, paying for each, until no more than one is left. Memories never
 * shrink, so what was in bounds stays so over the yields.
 */

/** Body of a function `(destination, value, length) -> ()`. */
export function writeFill(to: MemoryRef, fuel: BulkFuel): BinaryWriter {
  const { is64 } = to;
  const operation = new BinaryWriter().raw(op.prefixMisc, misc.memoryFill).u32(to.memory).view();
  const body = new BinaryWriter().raw(0);
  writeIfLong(body, is64);
  writeOutOfBounds(body, to, destination, is64);
  body
    .raw(op.if, emptyBlock, ...allParams)
    .append(operation)
    .raw(op.end);
  body.raw(op.loop, emptyBlock);
  fuel.writePieceCharge(body);
  body.raw(op.localGet, destination, op.localGet, 1);
  writePiece(body, is64).append(operation);
  writeAdvance(body, destination, is64);
  writeShorten(body, is64);
  writeRepeatIfLong(body, is64);
  body.raw(op.end, op.end, ...allParams);
  fuel.writeLengthCharge(body);
  return body.append(operation).u8(op.end);
}

/** Body of a function `(destination, source, length) -> ()`. */
export function writeCopy(to: MemoryRef, from: MemoryRef, fuel: BulkFuel): BinaryWriter {
  const is64 = to.is64 && from.is64;
  const copy = new BinaryWriter().raw(op.prefixMisc, misc.memoryCopy).u32(to.memory).u32(from.memory).view();
  const body = new BinaryWriter().raw(0);
  writeIfLong(body, is64);
  writeOutOfBounds(body, to, destination, is64);
  writeOutOfBounds(body, from, source, is64);
  body
    .raw(op.i32Or, op.if, emptyBlock, ...allParams)
    .append(copy)
    .raw(op.end);
  const overlaps = to.memory === from.memory;
  if (overlaps) {
    // From the end if the destination lies above the source, so that no piece overwrites what is still to be read.
    body.raw(op.localGet, destination, op.localGet, source, is64 ? op.i64GtU : op.i32GtU, op.if, emptyBlock);
    writeBackward(body, is64, fuel, copy);
    body.u8(op.else);
  }
  writeForward(body, to, from, fuel, copy);
  if (overlaps) body.u8(op.end);
  body.raw(op.end, ...allParams);
  fuel.writeLengthCharge(body);
  return body.append(copy).u8(op.end);
}

function writeForward(
  body: BinaryWriter,
  to: MemoryRef,
  from: MemoryRef,
  fuel: BulkFuel,
  copy: Uint8Array,
): void {
  const is64 = to.is64 && from.is64;
  body.raw(op.loop, emptyBlock);
  fuel.writePieceCharge(body);
  body.raw(op.localGet, destination, op.localGet, source);
  writePiece(body, is64).append(copy);
  writeAdvance(body, destination, to.is64);
  writeAdvance(body, source, from.is64);
  writeShorten(body, is64);
  writeRepeatIfLong(body, is64);
  body.u8(op.end);
}

function writeBackward(body: BinaryWriter, is64: boolean, fuel: BulkFuel, copy: Uint8Array): void {
  const add = is64 ? op.i64Add : op.i32Add;
  body.raw(op.loop, emptyBlock);
  fuel.writePieceCharge(body);
  writeShorten(body, is64);
  body.raw(op.localGet, destination, op.localGet, length, add, op.localGet, source, op.localGet, length, add);
  writePiece(body, is64).append(copy);
  writeRepeatIfLong(body, is64);
  body.u8(op.end);
}

function writeIfLong(body: BinaryWriter, is64: boolean): void {
  body.raw(op.localGet, length);
  writePiece(body, is64).raw(is64 ? op.i64GtU : op.i32GtU, op.if, emptyBlock);
}

function writeRepeatIfLong(body: BinaryWriter, is64: boolean): void {
  body.raw(op.localGet, length);
  writePiece(body, is64).raw(is64 ? op.i64GtU : op.i32GtU, op.brIf, 0);
}

function writePiece(body: BinaryWriter, is64: boolean): BinaryWriter {
  return body.u8(is64 ? op.i64Const : op.i32Const).s32(pieceBytes);
}

function writeAdvance(body: BinaryWriter, local: number, is64: boolean): void {
  body.raw(op.localGet, local);
  writePiece(body, is64).raw(is64 ? op.i64Add : op.i32Add, op.localSet, local);
}

function writeShorten(body: BinaryWriter, is64: boolean): void {
  body.raw(op.localGet, length);
  writePiece(body, is64).raw(is64 ? op.i64Sub : op.i32Sub, op.localSet, length);
}

/** Leaves an i32: whether the range that begins at the address in local `start` is not inside the memory. */
function writeOutOfBounds(body: BinaryWriter, range: MemoryRef, start: number, length64: boolean): void {
  const size = new BinaryWriter().u8(op.memorySize).u32(range.memory);
  if (!range.is64) size.u8(op.i64ExtendI32U);
  size.raw(op.i64Const, 16, op.i64Shl);
  const bytes = new BinaryWriter().raw(op.localGet, length);
  if (!length64) bytes.u8(op.i64ExtendI32U);
  body.append(bytes.view()).append(size.view()).raw(op.i64GtU, op.localGet, start);
  if (!range.is64) body.u8(op.i64ExtendI32U);
  body.append(size.view()).append(bytes.view()).raw(op.i64Sub, op.i64GtU, op.i32Or);
}
