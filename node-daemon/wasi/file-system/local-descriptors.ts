/** What is done to an open descriptor on this thread. All may throw system errors. */
import {
  closeSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  lstatSync,
  readSync,
  readvSync,
  truncateSync,
  writeSync,
  writevSync,
} from "node:fs";
import { getSystemErrorName } from "node:util";

import { errorCode } from "../../../kit/errors.ts";
import { errno, type Errno } from "../abi.ts";
import { errnoOfThrown } from "../errnos.ts";
import { descriptorPath, entryPath } from "./host-flags.ts";
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

export function allocate(fd: number, offset: bigint, length: bigint): Errno {
  if (length === 0n) return errno.inval;
  const end = offset + length;
  if (end > BigInt(Number.MAX_SAFE_INTEGER)) return errno.fbig;
  const calls = libc();
  if (calls !== undefined) {
    const reason = calls.posix_fallocate(fd, offset, length);
    return reason === 0 ? 0 : (errnoOfThrown({ code: getSystemErrorName(-reason) }) ?? errno.io);
  }
  // Without the C library the file gets its size, but no space is reserved.
  if (fstatSync(fd).size < end) ftruncateSync(fd, Number(end));
  return 0;
}

export function inodes(directory: number, names: readonly string[]): (bigint | undefined)[] {
  return names.map(
    (name) => lstatSync(entryPath(directory, name), { bigint: true, throwIfNoEntry: false })?.ino,
  );
}

export function read(fd: number, targets: readonly Uint8Array[], position: number): number {
  const [only] = targets;
  if (only === undefined) return 0;
  if (targets.length === 1) return readSync(fd, only, 0, only.byteLength, position);
  return readvSync(fd, targets, position);
}

export function write(fd: number, sources: readonly Uint8Array[], position: number): number {
  const [only] = sources;
  if (only === undefined) return 0;
  if (sources.length === 1) return writeSync(fd, only, 0, only.byteLength, position);
  return writevSync(fd, sources, position);
}

/**
 * Descriptors that another thread works on are closed when it has done with them: the number could be another file's by
 * then.
 */
export class BusyDescriptors {
  readonly #uses = new Map<number, number>();
  readonly #givenUp = new Set<number>();

  hold(fd: number): void {
    this.#uses.set(fd, (this.#uses.get(fd) ?? 0) + 1);
  }

  letGo(fd: number): void {
    const left = (this.#uses.get(fd) ?? 0) - 1;
    if (left > 0) {
      this.#uses.set(fd, left);
      return;
    }
    this.#uses.delete(fd);
    if (this.#givenUp.delete(fd)) closeSync(fd);
  }

  close(fd: number): void {
    if (this.#uses.has(fd)) this.#givenUp.add(fd);
    else closeSync(fd);
  }

  closing(fd: number): boolean {
    return this.#givenUp.has(fd);
  }
}

export const busyDescriptors = new BusyDescriptors();

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
