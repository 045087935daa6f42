/**
 * A memory that is larger than its guest knows. For one that instances have one after another: what an instance before has made it grow
 * to is there already, and this one begins with the pages that its module says, and grows by counting.
 *
 * The pages in between are zeros when it begins. A guest that reads or writes beyond what it has grown to traps only where the memory
 * ends, which is the one thing that is different for it.
 */
import { BinaryWriter } from "./binary-writer.ts";
import type { MemoryFacts } from "./module-facts.ts";
import { emptyBlock, op } from "./opcodes.ts";

/** Helper functions, by their indices, added to the module when first asked for. */
export interface VirtualMemory {
  /** `() -> pages`. */
  size(): number;
  /** `(delta) -> pages before`, or -1. */
  grow(): number;
}

/** Whether the first memory of a module can be so: its only one, of 32 bits, its own. */
export function isRecyclable(memories: readonly MemoryFacts[]): boolean {
  const [memory] = memories;
  return (
    memory !== undefined && memories.length === 1 && !memory.imported && !memory.memory64 && !memory.shared
  );
}

/** The body of `size`. `pages`: a global. */
export function writeVirtualSize(pages: number): BinaryWriter {
  return new BinaryWriter().raw(0, op.globalGet).u32(pages).u8(op.end);
}

/** The body of `grow`. `limiter`: a function `(delta) -> delta`, or -1 if there may not be so many. */
export function writeVirtualGrow(pages: number, limiter: number): BinaryWriter {
  const delta = 0;
  const wanted = 1;
  const refusal = [op.i32Const, 0x7f];
  const refused = [...refusal, op.i32Eq, op.if, emptyBlock, ...refusal, op.return, op.end];
  const body = new BinaryWriter().raw(1, 1, 0x7f);
  body.raw(op.localGet, delta, op.call).u32(limiter);
  body.raw(op.localTee, delta, ...refused);
  body.u8(op.globalGet).u32(pages);
  body.raw(
    op.localGet,
    delta,
    op.i32Add,
    op.localTee,
    wanted,
    op.memorySize,
    0,
    op.i32GtU,
    op.if,
    emptyBlock,
  );
  body.raw(op.localGet, wanted, op.memorySize, 0, op.i32Sub, op.memoryGrow, 0, ...refused, op.end);
  body.u8(op.globalGet).u32(pages).raw(op.localGet, wanted, op.globalSet).u32(pages);
  return body.u8(op.end);
}
