import type { BigIntStats } from "node:fs";

import { fileType } from "../abi.ts";
import type { FileStat } from "./operations.ts";

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
