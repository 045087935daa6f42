import { errno, right, size } from "../abi.ts";
import { missingRight, type DirectoryDescriptor } from "../descriptors.ts";
import type { ListingEntry } from "../file-system/listing.ts";
import type { GuestMemory } from "../guest-memory.ts";
import { limits } from "../limits.ts";
import { answered } from "./answers.ts";
import { unsigned64, type WasiContext, type WasiFunctions } from "./context.ts";

const encoder = new TextEncoder();

/**
 * `fd_readdir`. A cookie is an index into a snapshot that is taken when a guest starts from 0. Inodes that are not in it are
 * looked up as entries are handed out: an entry that is gone by then (or whose name is no UTF-8, so that no guest could
 * name it) is left out.
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
    return fill(context, descriptor, { buffer, length, out }, Number(unsigned64(cookie)), 0);
  },
} satisfies WasiFunctions;

/** Where the guest wants it: offsets rather than a view, since a suspension may detach that. */
interface Target {
  readonly buffer: number;
  readonly length: number;
  readonly out: number;
}

/**
 * Fills the buffer from `used` on to its end, the last entry cut off if need be: less than that means to the guest that
 * there is no more. So a large buffer cannot be answered with less, but it is filled in turns. The listing is not held over
 * them: the cache bounds what all instances hold.
 */
function fill(
  context: WasiContext,
  descriptor: DirectoryDescriptor,
  target: Target,
  start: number,
  used: number,
): number | Promise<number> {
  return withListing(context, descriptor, start === 0, (listing) => {
    const { fd, files } = descriptor.directory;
    const entries = fitting(listing, start, target.length - used);
    const next = start + entries.length;
    const more = next < listing.length;
    const putAll = (inodes: readonly (bigint | undefined)[]) => {
      const end = put(context.memory, entries, inodes, start, target, used);
      if (more && end < target.length) return fillInTurn(context, descriptor, target, next, end);
      context.memory.setU32(target.out, end);
      return 0;
    };
    const known = entries.map(({ inode }) => inode);
    if (!known.includes(undefined)) return putAll(known);
    const names = entries.map(({ name }) => name);
    return answered(context, files.inodes(fd, names), (asked) =>
      putAll(known.map((inode, index) => inode ?? asked[index])),
    );
  });
}

async function fillInTurn(
  context: WasiContext,
  descriptor: DirectoryDescriptor,
  target: Target,
  start: number,
  used: number,
): Promise<number> {
  await context.host.yield();
  return fill(context, descriptor, target, start, used);
}

function withListing(
  context: WasiContext,
  descriptor: DirectoryDescriptor,
  fresh: boolean,
  use: (listing: readonly ListingEntry[]) => number | Promise<number>,
): number | Promise<number> {
  const { host } = context;
  const kept = fresh ? undefined : host.listings.use(descriptor);
  if (kept !== undefined) return use(kept);
  const { fd, files } = descriptor.directory;
  return answered(
    context,
    files.list(fd, () => host.yield()),
    (listing) => {
      host.listings.keep(descriptor, listing);
      return use(listing);
    },
  );
}

/** The entries from `start` on that are begun within `room` bytes, as many as one turn may have. */
function fitting(listing: readonly ListingEntry[], start: number, room: number): EncodedEntry[] {
  const end = Math.min(start + limits.listingEntriesPerTurn, listing.length);
  const entries: EncodedEntry[] = [];
  let left = room;
  for (let i = start; i < end && left > 0; i++) {
    const entry = listing[i];
    if (entry === undefined) break;
    const bytes = encoder.encode(entry.name);
    entries.push({ ...entry, bytes });
    left -= size.dirent + bytes.byteLength;
  }
  return entries;
}

interface EncodedEntry extends ListingEntry {
  readonly bytes: Uint8Array;
}

/** How many bytes of the buffer are used then. */
function put(
  memory: GuestMemory,
  entries: readonly EncodedEntry[],
  inodes: readonly (bigint | undefined)[],
  firstIndex: number,
  { buffer, length }: Target,
  usedBefore: number,
): number {
  let used = usedBefore;
  for (const [offset, entry] of entries.entries()) {
    const inode = inodes[offset];
    if (inode === undefined) continue;
    const bytes = dirent(entry, inode, firstIndex + offset + 1).subarray(0, length - used);
    memory.bytes.set(bytes, buffer + used);
    used += bytes.byteLength;
  }
  return used;
}

function dirent({ type, bytes: name }: EncodedEntry, inode: bigint, next: number): Uint8Array {
  const bytes = new Uint8Array(size.dirent + name.byteLength);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, inode, true);
  view.setUint32(16, name.byteLength, true);
  view.setUint8(20, type);
  bytes.set(name, size.dirent);
  return bytes;
}
