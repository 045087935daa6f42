import { errno, size, type Errno } from "../abi.ts";
import type { GuestMemory } from "../guest-memory.ts";
import { limits } from "../limits.ts";

/** Ranges of guest memory, checked; offsets rather than views, since a suspension may detach those. */
export interface Ranges {
  readonly pointers: readonly number[];
  readonly lengths: readonly number[];
  readonly total: number;
}

export function readRanges(memory: GuestMemory, vectors: number, count: number): Ranges | Errno {
  if (count > limits.iovecsMax) return errno.inval;
  if (!memory.fits(vectors, count * size.iovec)) return errno.fault;
  const pointers: number[] = [];
  const lengths: number[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const pointer = memory.u32(vectors + i * size.iovec);
    const length = memory.u32(vectors + i * size.iovec + 4);
    if (!memory.fits(pointer, length)) return errno.fault;
    pointers.push(pointer);
    lengths.push(length);
    total += length;
  }
  // The result is a u32.
  return total > 0xffff_ffff ? errno.inval : { pointers, lengths, total };
}

/** The ranges from `start` on, `length` bytes at most, as views. */
export function viewsOf(memory: GuestMemory, ranges: Ranges, start: number, length: number): Uint8Array[] {
  const views: Uint8Array[] = [];
  let skip = start;
  let left = length;
  for (let i = 0; i < ranges.pointers.length && left > 0; i++) {
    const here = ranges.lengths[i] ?? 0;
    const take = Math.min(here - skip, left);
    if (take > 0) views.push(memory.slice((ranges.pointers[i] ?? 0) + skip, take));
    if (take > 0) left -= take;
    skip = Math.max(0, skip - here);
  }
  return views;
}
