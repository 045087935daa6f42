/** The entries of a folder as the kernel tells them. */
import { closeSync, constants, opendirSync, type Dirent } from "node:fs";
import { getSystemErrorName } from "node:util";

import { WherryError } from "../../../kit/errors.ts";
import { errno, fileType } from "../abi.ts";
import { openEntry, statEntry } from "./entries.ts";
import { descriptorPath } from "./host-flags.ts";
import { libc, type Libc } from "./libc.ts";
import type { ListingEntry } from "./operations.ts";

/** For some thousand entries. */
const chunkBytes = 64 * 1024;

/** In chunks, `.` and `..` included; names that are no UTF-8 are left out, as no guest can name them. May throw a system error. */
export function readFolder(fd: number): Iterable<readonly ListingEntry[]> {
  const calls = libc();
  return calls === undefined ? readByNode(fd) : readByKernel(calls, fd);
}

function* readByKernel(calls: Libc, fd: number): Generator<readonly ListingEntry[], undefined> {
  // One of its own: how far it was read is kept in the descriptor.
  const folder = openEntry(fd, ".", constants.O_RDONLY | constants.O_DIRECTORY, 0);
  if (folder === -errno.noent) return;
  try {
    const chunk = Buffer.alloc(chunkBytes);
    for (;;) {
      const bytes = calls.getdents64(folder, chunk);
      if (bytes < 0) {
        const code = getSystemErrorName(-calls.reason());
        // A folder that was removed meanwhile has nothing in it.
        if (code === "ENOENT") return;
        throw new WherryError(code, "read the entries of a folder");
      }
      if (bytes === 0) return;
      yield decoded(chunk, bytes, folder);
    }
  } finally {
    closeSync(folder);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** DT_… of the C library's dirent.h. */
const typeByNumber: Readonly<Record<number, number>> = {
  1: fileType.unknown,
  2: fileType.characterDevice,
  4: fileType.directory,
  6: fileType.blockDevice,
  8: fileType.regularFile,
  10: fileType.symbolicLink,
  12: fileType.socketStream,
};

/** A row of `struct linux_dirent64`: inode, offset, length of the whole, type, name with a NUL at its end. */
function decoded(chunk: Buffer, bytes: number, folder: number): ListingEntry[] {
  const entries: ListingEntry[] = [];
  for (let at = 0; at < bytes; at += chunk.readUInt16LE(at + 16)) {
    const name = textOf(chunk, at + 19, chunk.indexOf(0, at + 19));
    if (name === undefined) continue;
    // Some file systems don't tell the type with the name.
    const type = typeByNumber[chunk.readUInt8(at + 18)] ?? statEntry(folder, name)?.type;
    if (type !== undefined) entries.push({ name, type, inode: chunk.readBigUInt64LE(at) });
  }
  return entries;
}

function textOf(chunk: Buffer, start: number, end: number): string | undefined {
  const text = chunk.toString("utf8", start, end);
  if (!text.includes("\ufffd")) return text;
  try {
    return decoder.decode(chunk.subarray(start, end));
  } catch {
    return undefined;
  }
}

function* readByNode(fd: number): Generator<readonly ListingEntry[], undefined> {
  const folder = opendirSync(descriptorPath(fd), { bufferSize: 256 });
  try {
    for (const name of [".", ".."]) yield [{ name, type: fileType.directory, inode: undefined }];
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      yield [{ name: entry.name, type: typeOf(entry), inode: undefined }];
    }
  } finally {
    folder.closeSync();
  }
}

function typeOf(entry: Dirent): number {
  if (entry.isFile()) return fileType.regularFile;
  if (entry.isDirectory()) return fileType.directory;
  if (entry.isSymbolicLink()) return fileType.symbolicLink;
  if (entry.isCharacterDevice()) return fileType.characterDevice;
  if (entry.isBlockDevice()) return fileType.blockDevice;
  return entry.isSocket() ? fileType.socketStream : fileType.unknown;
}
