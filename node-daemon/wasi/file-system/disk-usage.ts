/**
 * What everything below a directory takes: the apparent size of its files, hard links counted once, and its entries. Also
 * where a guest has made as much, as deep or as many hard links as it can: what is too much is said to be incomplete.
 */
import { closeSync, lstatSync, opendirSync, type Dir, type Dirent } from "node:fs";

import { openFlag } from "../abi.ts";
import { errnoOfThrown } from "../errnos.ts";
import { limits } from "../limits.ts";
import { descriptorPath, entryPath } from "./host-flags.ts";
import { openBelow } from "./open.ts";
import type { DiskUsage } from "./operations.ts";

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
      yield* readFolder(scan, fd, path);
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

  take(folder: number, path: string, entry: Dirent): void {
    this.entries++;
    if (entry.isDirectory()) this.#takeFolder(`${path}/${entry.name}`);
    else if (entry.isFile()) this.#takeFile(folder, entry.name);
  }

  #takeFolder(path: string): void {
    if (this.#folders.length < limits.usageFoldersMax) this.#folders.push(path);
    else this.complete = false;
  }

  #takeFile(folder: number, name: string): void {
    const stat = lstatSync(entryPath(folder, name), { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return;
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

function* readFolder(scan: UsageScan, fd: number, path: string): Generator<undefined, void> {
  let folder: Dir | undefined;
  try {
    folder = opendirSync(descriptorPath(fd), { bufferSize: limits.listingEntriesPerTurn });
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      scan.take(fd, path, entry);
      if (scan.entries % limits.listingEntriesPerTurn === 0) yield;
    }
  } catch (thrown) {
    if (errnoOfThrown(thrown) === undefined) throw thrown;
    scan.complete = false;
  } finally {
    folder?.closeSync();
  }
}
