import { errno, fileType, type Errno } from "../abi.ts";
import { limits } from "../limits.ts";
import type { ListingEntry } from "./operations.ts";
import { readFolder } from "./read-folder.ts";

export type { ListingEntry } from "./operations.ts";

type Listing = readonly ListingEntry[];

/**
 * A snapshot of a directory, `.` and `..` first, the rest sorted by name: a cookie is an index into it, and means the same
 * again after the snapshot was dropped and read anew, as long as the directory has not changed. In steps of about a
 * millisecond. May throw a system error.
 */
export function* readListing(fd: number): Generator<undefined, Listing | Errno> {
  const runs: Listing[] = [];
  let run: ListingEntry[] = [];
  let own: bigint | undefined;
  let count = 0;
  for (const entries of readFolder(fd)) {
    for (const entry of entries) {
      if (entry.name === ".") own = entry.inode;
      if (entry.name === "." || entry.name === "..") continue;
      if (++count > limits.listingEntriesMax) return errno.nomem;
      run.push(entry);
    }
    if (run.length < limits.listingEntriesPerStep) continue;
    runs.push(run.sort(byName));
    run = [];
    yield;
  }
  const sorted = yield* merged([...runs, run.sort(byName)]);
  const { directory: type } = fileType;
  // The parent may be outside, so it is as at a root, which is its own parent. An inode of 0 would not do: wasi-libc's
  // scandir asks for the status of such an entry, and fails when it may not have it.
  return [{ name: ".", type, inode: own }, { name: "..", type, inode: own }, ...sorted];
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
