import type { BinaryReader } from "./binary-reader.ts";

/** Passes the alignment and offset of an access to memory: answers the index of the memory. */
export function skipMemarg(reader: BinaryReader): number {
  const at = reader.pos;
  const alignment = reader.u32();
  if ((alignment & ~0x40) > 4) reader.invalid(`unknown alignment ${alignment}`, at);
  const memory = (alignment & 0x40) === 0 ? 0 : reader.u32();
  reader.skipLeb(10);
  return memory;
}
