import { lstatSync } from "node:fs";

import { errno, right, size, type Errno } from "../abi.ts";
import { missingRight, type DirectoryDescriptor } from "../descriptors.ts";
import { entryPath } from "../file-system/host-flags.ts";
import { readListing, type ListingEntry } from "../file-system/listing.ts";
import { limits } from "../limits.ts";
import { unsigned64, type WasiContext, type WasiFunctions } from "./context.ts";

const encoder = new TextEncoder();

/**
 * `fd_readdir`. A cookie is an index into a snapshot that is taken when a guest starts from 0. Inodes are looked up as
 * entries are handed out: an entry that is gone by then (or whose name is no UTF-8, so that no guest could name it) is left out.
 */
export const directoryFunctions = {
  fd_readdir(
    context: WasiContext,
    fd: number,
    buffer: number,
    length: number,
    cookie: bigint,
    out: number,
  ): number | Promise<number> {
    const { memory, descriptors } = context;
    const descriptor = descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    if (descriptor.kind !== "directory") return errno.notdir;
    const refused = missingRight(descriptor, right.fdReaddir);
    if (refused !== 0) return refused;
    buffer >>>= 0;
    length >>>= 0;
    out >>>= 0;
    if (!memory.fits(buffer, length) || !memory.fits(out, 4)) return errno.fault;
    const target = { buffer, length, out };
    const start = Number(unsigned64(cookie));
    const piece = fillPiece(context, descriptor, target, start, 0);
    if (typeof piece === "number") return piece;
    if (piece.next !== undefined) return fillInTurns(context, descriptor, target, piece.next, piece.used);
    memory.setU32(out, piece.used);
    return 0;
  },
} satisfies WasiFunctions;

/** Where the guest wants it: offsets rather than a view, since a suspension may detach that. */
interface Target {
  readonly buffer: number;
  readonly length: number;
  readonly out: number;
}

function listingOf(
  { host }: WasiContext,
  descriptor: DirectoryDescriptor,
  fresh: boolean,
): readonly ListingEntry[] | number {
  const kept = fresh ? undefined : host.listings.use(descriptor);
  if (kept !== undefined) return kept;
  const listing = readListing(descriptor.directory.fd);
  if (typeof listing !== "number") host.listings.keep(descriptor, listing);
  return listing;
}

interface Piece {
  /** Of the buffer, so far. */
  readonly used: number;
  /** The index of the first entry that is still to come, if there are entries and room left. */
  readonly next: number | undefined;
}

/**
 * Fills the buffer to its end, the last entry cut off if need be: less than that means to the guest that there is no more.
 * So a large buffer cannot be answered with less, but it is filled in turns.
 */
async function fillInTurns(
  context: WasiContext,
  descriptor: DirectoryDescriptor,
  target: Target,
  start: number,
  usedBefore: number,
): Promise<number> {
  let used = usedBefore;
  for (let next: number | undefined = start; next !== undefined;) {
    await context.host.yield();
    const piece = fillPiece(context, descriptor, target, next, used);
    if (typeof piece === "number") return piece;
    ({ used, next } = piece);
  }
  context.memory.setU32(target.out, used);
  return 0;
}

/** What is done at once. The listing is not held over a suspension: the cache bounds what all instances hold. */
function fillPiece(
  context: WasiContext,
  descriptor: DirectoryDescriptor,
  { buffer, length }: Target,
  start: number,
  usedBefore: number,
): Piece | Errno {
  const listing = listingOf(context, descriptor, start === 0);
  if (typeof listing === "number") return listing;
  const end = Math.min(start + limits.listingEntriesPerTurn, listing.length);
  const room = context.memory.slice(buffer + usedBefore, length - usedBefore);
  const used = usedBefore + fillFrom(room, descriptor.directory.fd, listing.slice(start, end), start);
  return { used, next: used < length && end < listing.length ? end : undefined };
}

/** How many bytes of `target` the entries take, the first of which has that index in the listing. */
function fillFrom(
  target: Uint8Array,
  fd: number,
  entries: readonly ListingEntry[],
  firstIndex: number,
): number {
  let used = 0;
  for (const [offset, entry] of entries.entries()) {
    if (used === target.byteLength) break;
    const bytes = encode(fd, entry, firstIndex + offset + 1);
    if (bytes === undefined) continue;
    const fitting = bytes.subarray(0, target.byteLength - used);
    target.set(fitting, used);
    used += fitting.byteLength;
  }
  return used;
}

function encode(fd: number, entry: ListingEntry, next: number): Uint8Array | undefined {
  // The parent may be outside, so it is as at a root, which is its own parent. Not 0: wasi-libc's scandir asks for the
  // status of such an entry, and fails when it may not have it.
  const inode = inodeOf(fd, entry.name === ".." ? "." : entry.name);
  if (inode === undefined) return undefined;
  const name = encoder.encode(entry.name);
  const bytes = new Uint8Array(size.dirent + name.byteLength);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, inode, true);
  view.setUint32(16, name.byteLength, true);
  view.setUint8(20, entry.type);
  bytes.set(name, size.dirent);
  return bytes;
}

function inodeOf(fd: number, name: string): bigint | undefined {
  return lstatSync(entryPath(fd, name), { bigint: true, throwIfNoEntry: false })?.ino;
}
