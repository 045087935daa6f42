/** What is done to an open descriptor on this thread. All may throw system errors. */
import { fdatasync, fstatSync, fsync, ftruncateSync, truncateSync } from "node:fs";
import { getSystemErrorName } from "node:util";

import { errorCode } from "../../../kit/errors.ts";
import { errno, type Errno } from "../abi.ts";
import { errnoOfThrown } from "../errnos.ts";
import { limits } from "../limits.ts";
import { busyDescriptors } from "./busy-descriptors.ts";
import { statEntry } from "./entries.ts";
import { descriptorPath } from "./host-flags.ts";
import { libc } from "./libc.ts";

export function setSize(fd: number, bytes: number): Errno {
  try {
    ftruncateSync(fd, bytes);
  } catch (thrown) {
    // Not opened for writing; preview 1 has a right of its own for it.
    if (errorCode(thrown) !== "EINVAL") throw thrown;
    truncateSync(descriptorPath(fd), bytes);
  }
  return 0;
}

/** A file system in memory fills what it gives with zeros, which takes as long as writing it: so in steps. */
export function* allocate(fd: number, offset: bigint, length: bigint): Generator<undefined, Errno> {
  if (length === 0n) return errno.inval;
  const end = offset + length;
  if (end > BigInt(Number.MAX_SAFE_INTEGER)) return errno.fbig;
  const calls = libc();
  if (calls === undefined) {
    // Without the C library the file gets its size, but no space is reserved.
    if (fstatSync(fd).size < end) ftruncateSync(fd, Number(end));
    return 0;
  }
  busyDescriptors.hold(fd);
  try {
    const step = BigInt(limits.allocateBytesPerStep);
    for (let at = offset; ; yield) {
      // Closed meanwhile: its guest was killed.
      if (busyDescriptors.isGivenUp(fd)) return errno.intr;
      const bytes = end - at < step ? end - at : step;
      const reason = calls.posix_fallocate(fd, at, bytes);
      if (reason !== 0) return errnoOfThrown({ code: getSystemErrorName(-reason) }) ?? errno.io;
      at += bytes;
      if (at === end) return 0;
    }
  } finally {
    busyDescriptors.letGo(fd);
  }
}

export function inodes(directory: number, names: readonly string[]): (bigint | undefined)[] {
  // The parent may be outside: it is as at a root, which is its own parent.
  return names.map((name) => statEntry(directory, name === ".." ? "." : name)?.ino);
}

/** Waits off the thread: a disk takes its time, and the neighbours have theirs. */
export function sync(fd: number, dataOnly: boolean): Promise<Errno> {
  busyDescriptors.hold(fd);
  return new Promise((resolve, reject) => {
    (dataOnly ? fdatasync : fsync)(fd, (error) => {
      busyDescriptors.letGo(fd);
      if (error === null) return resolve(0);
      const known = errnoOfThrown(error);
      if (known === undefined) reject(error);
      else resolve(known);
    });
  });
}
