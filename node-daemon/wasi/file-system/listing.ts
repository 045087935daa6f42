import { opendirSync, type Dirent } from "node:fs";

import { errno, fileType, type Errno } from "../abi.ts";
import { limits } from "../limits.ts";
import { descriptorPath } from "./host-flags.ts";

export interface ListingEntry {
  readonly name: string;
  /** Of `fileType`. */
  readonly type: number;
}

/**
 * A snapshot of a directory, `.` and `..` first, the rest sorted by name: a cookie is an index into it, and means the same
 * again after the snapshot was dropped and read anew, as long as the directory has not changed.
 */
export function readListing(fd: number): readonly ListingEntry[] | Errno {
  const entries: ListingEntry[] = [];
  const directory = opendirSync(descriptorPath(fd), { bufferSize: 256 });
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (entries.length >= limits.listingEntriesMax) return errno.nomem;
      entries.push({ name: entry.name, type: typeOf(entry) });
    }
  } finally {
    directory.closeSync();
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return [{ name: ".", type: fileType.directory }, { name: "..", type: fileType.directory }, ...entries];
}

function typeOf(entry: Dirent): number {
  if (entry.isFile()) return fileType.regularFile;
  if (entry.isDirectory()) return fileType.directory;
  if (entry.isSymbolicLink()) return fileType.symbolicLink;
  if (entry.isCharacterDevice()) return fileType.characterDevice;
  if (entry.isBlockDevice()) return fileType.blockDevice;
  return entry.isSocket() ? fileType.socketStream : fileType.unknown;
}
