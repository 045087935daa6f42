/**
 * What everything below a directory takes: the apparent size of its files, hard links counted once, and its entries. Also
 * where a guest has made as much, as deep or as many hard links as it can: what is too much is said to be incomplete.
 */
import { closeSync } from "node:fs";

import { fileType, openFlag } from "../abi.ts";
import { errnoOfThrown } from "../errnos.ts";
import { limits } from "../limits.ts";
import { statEntry } from "./entries.ts";
import type { ListingEntry } from "./listing.ts";
import { openBelow } from "./open.ts";
import type { DiskUsage } from "./operations.ts";
import { readFolder } from "./read-folder.ts";

/** In steps of a millisecond or two. */
export function* measureUsage(root: number): Generator<undefined, DiskUsage> {
  const scan = new UsageScan();
  for (let path = scan.nextFolder(); path !== undefined; path = scan.nextFolder()) {
    const fd = openFolder(root, path);
    if (fd === undefined) {
      scan.complete = false;
      continue;
    }
    try {
      yield* takeFolder(scan, fd, path);
    } finally {
      closeSync(fd);
    }
  }
  return { bytes: scan.bytes, entries: scan.entries, complete: scan.complete };
}

class UsageScan {
  bytes = 0;
  entries = 0;
  complete = true;
  /** Paths below the root. */
  readonly #folders = ["."];
  /** Inodes with more than one name that were counted. */
  readonly #counted = new Set<bigint>();

  nextFolder(): string | undefined {
    return this.#folders.pop();
  }

  take(folder: number, path: string, { name, type }: ListingEntry): void {
    this.entries++;
    if (type === fileType.directory) this.#takeFolder(`${path}/${name}`);
    else if (type === fileType.regularFile) this.#takeFile(folder, name);
  }

  #takeFolder(path: string): void {
    if (this.#folders.length < limits.usageFoldersMax) this.#folders.push(path);
    else this.complete = false;
  }

  #takeFile(folder: number, name: string): void {
    const stat = statEntry(folder, name);
    if (stat === undefined || stat.type !== fileType.regularFile) return;
    if (stat.nlink > 1n) {
      if (this.#counted.has(stat.ino)) return;
      if (this.#counted.size < limits.usageLinksMax) this.#counted.add(stat.ino);
    }
    this.bytes += Number(stat.size);
  }
}

function openFolder(root: number, path: string): number | undefined {
  try {
    const request = { path, followSymlink: false, openFlags: openFlag.directory, fdFlags: 0 };
    const opened = openBelow(root, { ...request, read: true, write: false });
    return typeof opened === "number" ? undefined : opened.fd;
  } catch (thrown) {
    if (errnoOfThrown(thrown) === undefined) throw thrown;
    return undefined;
  }
}

function* takeFolder(scan: UsageScan, fd: number, path: string): Generator<undefined, void> {
  try {
    let sinceTurn = 0;
    for (const entries of readFolder(fd)) {
      for (const entry of entries) {
        if (entry.name === "." || entry.name === "..") continue;
        scan.take(fd, path, entry);
        if (++sinceTurn % limits.listingEntriesPerTurn === 0) yield;
      }
    }
  } catch (thrown) {
    if (errnoOfThrown(thrown) === undefined) throw thrown;
    scan.complete = false;
  }
}
