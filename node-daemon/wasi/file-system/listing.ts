import { opendirSync, type Dirent } from "node:fs";

import { errno, fileType, type Errno } from "../abi.ts";
import { limits } from "../limits.ts";
import { descriptorPath } from "./host-flags.ts";

export interface ListingEntry {
  readonly name: string;
  /** Of `fileType`. */
  readonly type: number;
}

type Listing = readonly ListingEntry[];

/**
 * A snapshot of a directory, `.` and `..` first, the rest sorted by name: a cookie is an index into it, and means the same
 * again after the snapshot was dropped and read anew, as long as the directory has not changed. In steps of about a
 * millisecond. May throw a system error.
 */
export function* readListing(fd: number): Generator<undefined, Listing | Errno> {
  const runs: Listing[] = [];
  let run: ListingEntry[] = [];
  const directory = opendirSync(descriptorPath(fd), { bufferSize: 256 });
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (runs.length * limits.listingEntriesPerStep + run.length >= limits.listingEntriesMax)
        return errno.nomem;
      run.push({ name: entry.name, type: typeOf(entry) });
      if (run.length < limits.listingEntriesPerStep) continue;
      runs.push(run.sort(byName));
      run = [];
      yield;
    }
  } finally {
    directory.closeSync();
  }
  const sorted = yield* merged([...runs, run.sort(byName)]);
  return [{ name: ".", type: fileType.directory }, { name: "..", type: fileType.directory }, ...sorted];
}

function byName(a: ListingEntry, b: ListingEntry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Sorted runs as one. */
function* merged(runs: readonly Listing[]): Generator<undefined, Listing> {
  let left = runs;
  while (left.length > 1) {
    const next: Listing[] = [];
    for (let i = 0; i < left.length; i += 2) {
      const [one = [], other = []] = [left[i], left[i + 1]];
      next.push(mergedPair(one, other));
      if (one.length + other.length >= limits.listingEntriesPerStep) yield;
    }
    left = next;
  }
  return left[0] ?? [];
}

function mergedPair(one: Listing, other: Listing): Listing {
  const sum: ListingEntry[] = [];
  let at = 0;
  for (const entry of one) {
    for (let next = other[at]; next !== undefined && byName(next, entry) < 0; next = other[at]) {
      sum.push(next);
      at++;
    }
    sum.push(entry);
  }
  return sum.concat(other.slice(at));
}

function typeOf(entry: Dirent): number {
  if (entry.isFile()) return fileType.regularFile;
  if (entry.isDirectory()) return fileType.directory;
  if (entry.isSymbolicLink()) return fileType.symbolicLink;
  if (entry.isCharacterDevice()) return fileType.characterDevice;
  if (entry.isBlockDevice()) return fileType.blockDevice;
  return entry.isSocket() ? fileType.socketStream : fileType.unknown;
}
