import { lstatSync, type BigIntStats } from "node:fs";

import { errno, fileType, type Errno } from "../abi.ts";
import type { FileStat } from "./operations.ts";
import type { Walk } from "./walk.ts";

/** The file type of a `st_mode`. */
function fileTypeOf(stat: BigIntStats): number {
  if (stat.isFile()) return fileType.regularFile;
  if (stat.isDirectory()) return fileType.directory;
  if (stat.isSymbolicLink()) return fileType.symbolicLink;
  if (stat.isCharacterDevice()) return fileType.characterDevice;
  if (stat.isBlockDevice()) return fileType.blockDevice;
  return stat.isSocket() ? fileType.socketStream : fileType.unknown;
}

export function fileStat(stat: BigIntStats): FileStat {
  const { dev, ino, nlink, size, atimeNs, mtimeNs, ctimeNs } = stat;
  return { dev, ino, type: fileTypeOf(stat), nlink, size, atimeNs, mtimeNs, ctimeNs };
}

/**
 * Stats the leaf of a walk, walking on through symlinks if they are to be followed, or if a trailing slash says that a
 * directory is meant. Afterwards the walk stands at what was found.
 */
export function statLeaf(walk: Walk, follow: boolean): BigIntStats | Errno {
  for (;;) {
    const stat = lstatSync(walk.leafPath, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return errno.noent;
    if (!stat.isSymbolicLink() || !(follow || walk.directoryRequired)) {
      return walk.directoryRequired && !stat.isDirectory() ? errno.notdir : stat;
    }
    const refused = walk.followLeaf();
    // Swapped for something else in between: look again, which the bound on hops ends.
    if (refused !== 0 && refused !== errno.inval) return refused;
  }
}
