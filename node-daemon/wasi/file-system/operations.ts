/**
 * What can be asked of the files below one mount: the one way from every generation of WASI to the kernel.
 *
 * Paths are a guest's; they are resolved below an open directory and never leave it (walk.ts). Descriptors are the host's.
 * All arguments and answers are plain data, so that the same work can be done on this thread, for a local file system, or
 * on another, for one that may block. Symlinks are never followed on the host's side.
 *
 * Two directories are of one mount if their operations are the same object; between others nothing is renamed or linked
 * (EXDEV, which is the caller's to answer).
 */
import type { Errno } from "../abi.ts";
import type { NewTimes } from "./times.ts";

export interface OpenRequest {
  readonly path: string;
  readonly followSymlink: boolean;
  /** `openFlag` bits. */
  readonly openFlags: number;
  /** `fdFlag` bits. */
  readonly fdFlags: number;
  readonly read: boolean;
  readonly write: boolean;
}

/** How a file is opened once more. */
export type ReopenRequest = Pick<OpenRequest, "fdFlags" | "read" | "write">;

export interface OpenedEntry {
  readonly kind: "file" | "directory";
  readonly fd: number;
}

export interface ListingEntry {
  readonly name: string;
  /** Of `fileType`. */
  readonly type: number;
  /** Undefined where it is not told with the name. */
  readonly inode: bigint | undefined;
}

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
 * `mayBlock`, for a large transfer or a long listing. System errors never reject; our own bugs do.
 */
export type Answer<T> = T | Errno | Promise<T | Errno>;
/** 0, or an errno. */
export type Done = Errno | Promise<Errno>;
/** A number of bytes, or a descriptor; or a negative errno. */
export type Transferred = number | Promise<number>;

/** What everything below a directory takes. */
export interface DiskUsage {
  /** The apparent sizes of all files, hard links counted once. */
  readonly bytes: number;
  /** Files, directories, links; without the directory itself. */
  readonly entries: number;
  /** False if there was more than could be counted. */
  readonly complete: boolean;
}

export interface FileOperations {
  /** Any of them may answer a promise: the file system is not a local one, or its disk space is bounded. */
  readonly mayBlock: boolean;

  open(directory: number, request: OpenRequest): Answer<OpenedEntry>;
  /** A new descriptor for what `fd` has open, a regular file; `fd` stays open. */
  reopen(fd: number, request: ReopenRequest): Transferred;
  /** The caller has given up the descriptor. What is still being done with it is done first. */
  close(fd: number): void;
  stat(fd: number): Answer<FileStat>;
  /** The bytes of a regular file. */
  size(fd: number): Transferred;
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
  /** A long listing is made in turns, each after `turn` has resolved; if it rejects, so does the answer. */
  list(directory: number, turn?: () => Promise<void>): Answer<readonly ListingEntry[]>;
  /** In turns if there is much. */
  usage(directory: number): Answer<DiskUsage>;
  /** Of the entries of these names in the directory itself, `..` as `.`; undefined for one that is not there. */
  inodes(directory: number, names: readonly string[]): Answer<readonly (bigint | undefined)[]>;
  /**
   * Into `targets`, one after the other, from `position` on; fewer bytes at the end of the file, 0 behind it. The views
   * have to stay valid until it has answered.
   */
  read(fd: number, targets: readonly Uint8Array[], position: number): Transferred;
  /** At `position`; at the end of the file if the descriptor was opened to append. */
  write(fd: number, sources: readonly Uint8Array[], position: number): Transferred;
}
