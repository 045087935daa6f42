import { BinaryWriter } from "./binary-writer.ts";
import { emptyBlock, op } from "./opcodes.ts";

/**
 * A wait on a memory stops the thread, and with it all that the host does there: it is split into pieces of this length, and the
 * guest yields between them. Nothing is lost in between, as no other thread has the memory: notifications cannot come.
 */
export const waitPieceNs = 20_000_000;

const timedOut = 2;
const expected = 1;
const timeout = 2;
const outcome = 3;

/**
 * Body of a function `(address, expected, timeout) -> outcome`. `wait` is the original instruction. Timeouts are signed, and
 * a negative one never ends: as an unsigned number it is longer than any piece.
 */
export function writeAtomicWait(wait: Uint8Array, yieldWrapper: number): BinaryWriter {
  const piece = new BinaryWriter().u8(op.i64Const).s32(waitPieceNs).view();
  const body = new BinaryWriter().raw(1, 1, 0x7f);
  body.raw(op.loop, emptyBlock, op.localGet, timeout).append(piece).raw(op.i64GtU, op.if, emptyBlock);
  body.raw(op.localGet, 0, op.localGet, expected).append(piece).append(wait);
  body.raw(op.localTee, outcome, op.i32Const, timedOut, op.i32Ne, op.if, emptyBlock);
  body.raw(op.localGet, outcome, op.return, op.end);
  body.raw(op.localGet, timeout, op.i64Const, 0, op.i64GtS, op.if, emptyBlock);
  body.raw(op.localGet, timeout).append(piece).raw(op.i64Sub, op.localSet, timeout, op.end);
  body.u8(op.call).u32(yieldWrapper).raw(op.br, 1, op.end, op.end);
  return body.raw(op.localGet, 0, op.localGet, expected, op.localGet, timeout).append(wait).u8(op.end);
}
