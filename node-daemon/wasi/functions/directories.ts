import { lstatSync } from "node:fs";

import { errno, right, size } from "../abi.ts";
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
  ): number {
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
    const listing = listingOf(context, descriptor, cookie === 0n);
    if (typeof listing === "number") return listing;
    const target = memory.slice(buffer, length);
    memory.setU32(out, fill(target, descriptor.directory.fd, listing, Number(unsigned64(cookie))));
    return 0;
  },
} satisfies WasiFunctions;

function listingOf(
  { listings }: WasiContext,
  descriptor: DirectoryDescriptor,
  fresh: boolean,
): readonly ListingEntry[] | number {
  if (!fresh && descriptor.listing !== undefined) return descriptor.listing;
  const listing = readListing(descriptor.directory.fd);
  if (typeof listing === "number") return listing;
  descriptor.listing = listing;
  forgetListing(listings, descriptor);
  listings.push(descriptor);
  const oldest = listings.length > limits.listingsMax ? listings.shift() : undefined;
  if (oldest !== undefined) oldest.listing = undefined;
  return listing;
}

/** For a directory that is closed or listed anew. */
export function forgetListing(listings: DirectoryDescriptor[], directory: DirectoryDescriptor): void {
  const index = listings.indexOf(directory);
  if (index >= 0) listings.splice(index, 1);
}

/** Fills `target` to its end, the last entry cut off if need be; less than that means that there is no more. */
function fill(target: Uint8Array, fd: number, listing: readonly ListingEntry[], start: number): number {
  let used = 0;
  for (let index = start; index < listing.length && used < target.byteLength; index++) {
    const entry = listing[index];
    const bytes = entry === undefined ? undefined : encode(fd, entry, index + 1);
    if (bytes === undefined) continue;
    const fitting = bytes.subarray(0, target.byteLength - used);
    target.set(fitting, used);
    used += fitting.byteLength;
  }
  return used;
}

function encode(fd: number, entry: ListingEntry, next: number): Uint8Array | undefined {
  // The parent's inode is none of the guest's business: `..` may be outside.
  const inode = entry.name === ".." ? 0n : inodeOf(fd, entry.name);
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
