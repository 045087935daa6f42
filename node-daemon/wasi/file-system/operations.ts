/**
 * What can be asked of the files below one mount: the one way from every generation of WASI to the kernel.
 *
 * Paths are a guest's; they are resolved below an open directory and never leave it (walk.ts). Descriptors are the host's.
 * All arguments and answers are plain data, so that the same work can be done on this thread, for a local file system, or
 * on another, for one that may block. Symlinks are never followed on the host's side.
 */
import type { Errno } from "../abi.ts";
import type { ListingEntry } from "./listing.ts";
import type { OpenedEntry, OpenRequest } from "./open.ts";
import type { NewTimes } from "./times.ts";

export interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  /** Of `fileType`. */
  readonly type: number;
  readonly nlink: bigint;
  readonly size: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/**
 * The value, or an errno (a number above 0; where the value is a number itself, an errno is negative). A promise only if
 * `mayBlock`, or for a large transfer. System errors never reject; our own bugs do.
 */
export type Answer<T> = T | Errno | Promise<T | Errno>;
/** 0, or an errno. */
export type Done = Errno | Promise<Errno>;
/** How many bytes, or a negative errno. */
export type Transferred = number | Promise<number>;

export interface FileOperations {
  /** Any of them may answer a promise: the file system is not a local one. */
  readonly mayBlock: boolean;

  open(directory: number, request: OpenRequest): Answer<OpenedEntry>;
  /** The caller has given up the descriptor. */
  close(fd: number): void;
  stat(fd: number): Answer<FileStat>;
  statAt(directory: number, path: string, follow: boolean): Answer<FileStat>;
  setTimes(fd: number, times: NewTimes): Done;
  setTimesAt(directory: number, path: string, follow: boolean, times: NewTimes): Done;
  setSize(fd: number, bytes: number): Done;
  allocate(fd: number, offset: bigint, length: bigint): Done;
  sync(fd: number, dataOnly: boolean): Promise<Errno>;
  createDirectory(directory: number, path: string): Done;
  removeDirectory(directory: number, path: string): Done;
  unlink(directory: number, path: string): Done;
  rename(from: number, fromPath: string, to: number, toPath: string): Done;
  link(from: number, fromPath: string, to: number, toPath: string): Done;
  symlink(target: string, directory: number, path: string): Done;
  /** The target's bytes. */
  readlink(directory: number, path: string): Answer<Uint8Array>;
  list(directory: number): Answer<readonly ListingEntry[]>;
  /** Into `targets`, one after the other, from `position` on; fewer bytes at the end of the file, 0 behind it. */
  read(fd: number, targets: readonly Uint8Array[], position: number): Transferred;
  /** At `position`; at the end of the file if the descriptor was opened to append. */
  write(fd: number, sources: readonly Uint8Array[], position: number): Transferred;
}
