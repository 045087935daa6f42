/**
 * Single entries of an open directory: with the C library by directory and name, else by way of `/proc/self/fd`. No symlink
 * is followed either way. Where the library refuses, Node asks once more and throws why, but for what is simply not there:
 * guests look for files in many places where they are not, and an error with its stack costs as much as the call.
 */
import { closeSync, constants, lstatSync, openSync } from "node:fs";

import { errno, fileType } from "../abi.ts";
import { fileStat } from "./file-stat.ts";
import { entryPath } from "./host-flags.ts";
import { libc, type Libc } from "./libc.ts";
import type { FileStat } from "./operations.ts";

const noSuchEntry = 2; // ENOENT
const noFollow = 0x100; // AT_SYMLINK_NOFOLLOW
const noAutomount = 0x800; // AT_NO_AUTOMOUNT
const basicStats = 0x7ff;
const statxBytes = 256;

const pathBuffer = Buffer.alloc(4096 + 1);
const statBuffer = new DataView(new ArrayBuffer(statxBytes));
const statBytes = new Uint8Array(statBuffer.buffer);

/** `text` as the C library takes it, in a buffer of ours; false where only Node can tell what is wrong with it. */
function put(text: string): boolean {
  const end = pathBuffer.write(text, 0);
  if (end >= pathBuffer.byteLength - 1 || text.includes("\0")) return false;
  pathBuffer[end] = 0;
  return true;
}

/** Undefined where the kernel, or a filter before it, does not let the process use `openat2`. */
let opener: Libc | "unasked" | undefined = "unasked";

function beneath(): Libc | undefined {
  if (opener === "unasked") opener = probe(libc());
  return opener;
}

function probe(calls: Libc | undefined): Libc | undefined {
  const fd = openSync("/", constants.O_RDONLY | constants.O_DIRECTORY);
  const probed =
    calls !== undefined && put(".") ? calls.openBeneath(fd, pathBuffer, constants.O_DIRECTORY, 0, true) : -1;
  closeSync(fd);
  if (probed < 0) return undefined;
  closeSync(probed);
  return calls;
}

/** Opens `name`, one component or `.`: the descriptor, or -ENOENT of preview 1. May throw any other system error. */
export function openEntry(directory: number, name: string, flags: number, mode: number): number {
  const calls = beneath();
  if (calls !== undefined && put(name)) {
    const create = (flags & constants.O_CREAT) !== 0;
    const fd = calls.openBeneath(directory, pathBuffer, flags, create ? mode : 0, false);
    if (fd >= 0) return fd;
    if (calls.reason() === noSuchEntry) return -errno.noent;
  }
  return openSync(entryPath(directory, name), flags, mode);
}

/**
 * Opens what `path` leads to below `directory`, if that is possible in one step: through no symlink and onto no other mount,
 * so onto no file system that `directory` is not on.
 */
export function openDirectly(directory: number, path: string, flags: number): number | undefined {
  const calls = beneath();
  if (calls === undefined || !put(path)) return undefined;
  const fd = calls.openBeneath(directory, pathBuffer, flags, 0, true);
  return fd < 0 ? undefined : fd;
}

/** What is known of `name`, one component or `.`; undefined if it is not there. May throw any other system error. */
export function statEntry(directory: number, name: string): FileStat | undefined {
  const calls = libc();
  if (calls !== undefined && put(name)) {
    if (calls.statx(directory, pathBuffer, noFollow | noAutomount, basicStats, statBytes) === 0)
      return decoded(statBuffer);
    if (calls.reason() === noSuchEntry) return undefined;
  }
  const stat = lstatSync(entryPath(directory, name), { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : fileStat(stat);
}

/** By the four bits of `st_mode` that say it. */
const typeByMode: Readonly<Record<number, number>> = {
  0x2: fileType.characterDevice,
  0x4: fileType.directory,
  0x6: fileType.blockDevice,
  0x8: fileType.regularFile,
  0xa: fileType.symbolicLink,
  0xc: fileType.socketStream,
};

/** `struct statx` of linux/stat.h. */
function decoded(view: DataView): FileStat {
  return {
    dev: device(view.getUint32(136, true), view.getUint32(140, true)),
    ino: view.getBigUint64(32, true),
    type: typeByMode[view.getUint16(28, true) >> 12] ?? fileType.unknown,
    nlink: BigInt(view.getUint32(16, true)),
    size: view.getBigUint64(40, true),
    atimeNs: nanoseconds(view, 64),
    mtimeNs: nanoseconds(view, 112),
    ctimeNs: nanoseconds(view, 96),
  };
}

/** As `stat` numbers it. */
function device(major: number, minor: number): bigint {
  const low = BigInt(((major & 0xfff) << 8) | (minor & 0xff));
  return low | (BigInt((minor & ~0xff) >>> 0) << 12n) | (BigInt((major & ~0xfff) >>> 0) << 32n);
}

function nanoseconds(view: DataView, at: number): bigint {
  return view.getBigInt64(at, true) * 1_000_000_000n + BigInt(view.getUint32(at + 8, true));
}
