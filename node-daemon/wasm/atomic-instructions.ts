/**
 * The instructions behind the prefix 0xfe: loads, stores and exchanges that other threads see whole, and waiting for them.
 * https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md
 */
import type { BinaryReader } from "./binary-reader.ts";

const notify = 0x00;
const wait64 = 0x02;
export const atomicFence = 0x03;
const firstStore = 0x17;
const firstExchange = 0x1e;
const firstCompareExchange = 0x48;
const last = 0x4e;

/** Of the instruction whose prefix stands at `at`, behind which the reader is. */
export function readAtomicOpcode(reader: BinaryReader, at: number): number {
  const code = reader.u32();
  if (code <= atomicFence || (code >= 0x10 && code <= last)) return code;
  if (code === 0x04 || (code >= 0x5c && code <= 0x7f)) {
    return reader.unsupported("atomic instructions on references (shared-everything-threads)", at);
  }
  return reader.invalid(`unknown opcode 0xfe 0x${code.toString(16)}`, at);
}

/** Whether the engine calls its runtime for it. */
export function callsRuntime(code: number): boolean {
  return code <= wait64;
}

/** Whether it waits for a value of 64 bits, or of 32; undefined if it does not wait. */
export function waitsFor64(code: number): boolean | undefined {
  return code > notify && code <= wait64 ? code === wait64 : undefined;
}

/** What they take and leave, in four bits each. */
export function atomicArity(code: number): number {
  if (code === notify) return 0x21;
  if (code <= wait64) return 0x31;
  if (code === atomicFence) return 0x00;
  if (code < firstStore) return 0x11;
  if (code < firstExchange) return 0x20;
  return code < firstCompareExchange ? 0x21 : 0x31;
}

/**
 * Units of fuel beyond one. Waiting costs what calling for it does: no time of the processor passes meanwhile.
 */
export function atomicWeight(code: number): number {
  if (callsRuntime(code)) return 500;
  return code >= 0x10 && code < firstStore ? 0 : 20;
}
