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
    const entries = beginning(listing, start, target.length - used);
    const { fileView } = context.host;
    const putAll = (found: readonly (bigint | undefined)[]) => {
      const inodes = fileView ? found.map((inode) => inode && fileView.inode(inode)) : found;
      const end = put(context.memory, entries, inodes, start, target, used);
      const next = start + entries.length;
      if (next < listing.length && end < target.length)
        return fillInTurn(context, descriptor, target, next, end);
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

/** The entries from `start` on, as many as may begin within `room` bytes and one turn may have. */
function beginning(listing: readonly ListingEntry[], start: number, room: number): readonly ListingEntry[] {
  const most = Math.min(start + limits.listingEntriesPerTurn, listing.length);
  let end = start;
  // In UTF-8 a name has as many bytes as characters, or more.
  for (let left = room; end < most && left > 0; end++) left -= size.dirent + (listing[end]?.name.length ?? 0);
  return listing.slice(start, end);
}

/** How many bytes of the buffer are used then. */
function put(
  memory: GuestMemory,
  entries: readonly ListingEntry[],
  inodes: readonly (bigint | undefined)[],
  firstIndex: number,
  { buffer, length }: Target,
  usedBefore: number,
): number {
  let used = usedBefore;
  for (let i = 0; i < entries.length && used < length; i++) {
    const entry = entries[i];
    const inode = inodes[i];
    if (entry === undefined || inode === undefined) continue;
    used += putDirent(memory, buffer + used, length - used, entry, inode, firstIndex + i + 1);
  }
  return used;
}

/** For each unit that a string counts, at most. */
const utf8BytesMax = 3;
/** For an entry that may have to be cut off. */
const whole = Buffer.alloc(size.dirent + limits.pathBytesMax);
const wholeView = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);

/** How many bytes of `room` it took: an entry that has not enough of it is cut off. */
function putDirent(
  { bytes, view }: GuestMemory,
  at: number,
  room: number,
  entry: ListingEntry,
  inode: bigint,
  next: number,
): number {
  if (room >= size.dirent + utf8BytesMax * entry.name.length) {
    return writeDirent(bytes, view, at, entry, inode, next);
  }
  const length = Math.min(room, writeDirent(whole, wholeView, 0, entry, inode, next));
  bytes.set(whole.subarray(0, length), at);
  return length;
}

function writeDirent(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  { name, type }: ListingEntry,
  inode: bigint,
  next: number,
): number {
  const length = putName(bytes, at + size.dirent, name);
  view.setUint32(at, next, true);
  view.setUint32(at + 4, 0, true);
  view.setBigUint64(at + 8, inode, true);
  view.setUint32(at + 16, length, true);
  view.setUint32(at + 20, type, true);
  return size.dirent + length;
}

/** How many bytes it has. Most names are ASCII, and short. */
function putName(bytes: Uint8Array, at: number, name: string): number {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code >= 0x80) return encoder.encodeInto(name, bytes.subarray(at)).written;
    bytes[at + i] = code;
  }
  return name.length;
}
