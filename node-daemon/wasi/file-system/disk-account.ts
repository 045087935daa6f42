/**
 * The account of a disk quota: what everything below one mount takes, and which of it is open.
 *
 * Exact as long as only the quota's own changes happen; a measurement sets it right when it looks exhausted, though not
 * again and again: a guest at its limit could keep a disk busy with that.
 */
import { fdFlag, fileType, type Errno } from "../abi.ts";
import { limits } from "../limits.ts";
import type { ReopenRequest } from "./open.ts";
import type { FileOperations, FileStat } from "./operations.ts";

export interface TrackedFile {
  readonly inode: bigint;
  bytes: number;
  descriptors: number;
  /** It has a name; without one it goes with its last descriptor. */
  named: boolean;
}

interface TrackedDescriptor {
  readonly file: TrackedFile;
  readonly append: boolean;
}

export interface DiskQuotaOptions {
  readonly files: FileOperations;
  /** The directory of the mount. */
  readonly root: number;
  readonly bytesMax: number;
  /** Milliseconds, never going back. */
  readonly monotonic: () => number;
}

export class DiskAccount {
  readonly #files: FileOperations;
  readonly #root: number;
  readonly #bytesMax: number;
  readonly #monotonic: () => number;
  readonly #byDescriptor = new Map<number, TrackedDescriptor>();
  readonly #byInode = new Map<bigint, TrackedFile>();
  #used = 0;
  #measureAgainMs = Number.NEGATIVE_INFINITY;

  constructor({ files, root, bytesMax, monotonic }: DiskQuotaOptions) {
    this.#files = files;
    this.#root = root;
    this.#bytesMax = bytesMax;
    this.#monotonic = monotonic;
  }

  get usedBytes(): number {
    return this.#used;
  }

  descriptor(fd: number): TrackedDescriptor | undefined {
    return this.#byDescriptor.get(fd);
  }

  opened(fd: number, file: TrackedFile, { fdFlags }: ReopenRequest): void {
    file.descriptors++;
    this.#byDescriptor.set(fd, { file, append: (fdFlags & fdFlag.append) !== 0 });
  }

  closed(fd: number): void {
    const file = this.#byDescriptor.get(fd)?.file;
    this.#byDescriptor.delete(fd);
    if (file === undefined || --file.descriptors > 0) return;
    this.#byInode.delete(file.inode);
    if (!file.named) this.#used -= file.bytes;
  }

  fileOf({ ino, size, nlink }: FileStat): TrackedFile {
    const known = this.#byInode.get(ino);
    if (known !== undefined) return known;
    const file = { inode: ino, bytes: Number(size), descriptors: 0, named: nlink > 0n };
    this.#byInode.set(ino, file);
    return file;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }

  /** An entry is gone; `stat` is what it was, if that is known. */
  entryGone(stat: FileStat | Errno): void {
    this.#used -= limits.quotaEntryBytes;
    if (typeof stat === "number" || stat.type !== fileType.regularFile || stat.nlink > 1n) return;
    const open = this.#byInode.get(stat.ino);
    if (open === undefined) this.#used -= Number(stat.size);
    else open.named = false;
  }

  /** After a change that may have done less than was reserved for it, or freed something. */
  learnSize(fd: number, file: TrackedFile): void | Promise<void> {
    // Closed meanwhile: its number may be another's, and what was reserved stays so until it is measured.
    if (this.#byDescriptor.get(fd)?.file !== file) return;
    return whenKnown(this.#files.size(fd), (bytes) => {
      if (bytes < 0 || this.#byDescriptor.get(fd)?.file !== file) return;
      this.#used += bytes - file.bytes;
      file.bytes = bytes;
    });
  }

  /** Takes `bytes`, or what there is if that is at least `bytesMin`; else 0. */
  reserve(bytes: number, bytesMin: number): number | Promise<number> {
    if (bytes === 0) return 0;
    if (bytes <= this.#bytesMax - this.#used || this.#monotonic() < this.#measureAgainMs)
      return this.#take(bytes, bytesMin);
    return whenKnown(this.measure(), () => this.#take(bytes, bytesMin));
  }

  #take(bytes: number, bytesMin: number): number {
    const room = Math.max(0, this.#bytesMax - this.#used);
    const granted = bytes <= room ? bytes : room >= bytesMin ? room : 0;
    this.#used += granted;
    return granted;
  }

  measure(): void | Promise<void> {
    const beganMs = this.#monotonic();
    return whenKnown(this.#files.usage(this.#root), (usage) =>
      whenKnown(this.#unnamedBytes(), (unnamed) => {
        const endedMs = this.#monotonic();
        const pauseMs = (endedMs - beganMs) * limits.quotaMeasurePauseFactor;
        this.#measureAgainMs = endedMs + Math.max(limits.quotaMeasurePauseMsMin, pauseMs);
        if (typeof usage === "number") return;
        const used = usage.bytes + usage.entries * limits.quotaEntryBytes + unnamed;
        // What can't be measured is taken to be full.
        this.#used = usage.complete ? used : Math.max(used, this.#bytesMax);
      }),
    );
  }

  /** What open files without a name take. Asked of the kernel, since the host may have taken the name. */
  #unnamedBytes(): number | Promise<number> {
    const counted = new Set<TrackedFile>();
    let sum: number | Promise<number> = 0;
    for (const [fd, { file }] of this.#byDescriptor) {
      if (counted.has(file)) continue;
      counted.add(file);
      sum = whenKnown(sum, (before) => whenKnown(this.#bytesIfUnnamed(fd, file), (bytes) => before + bytes));
    }
    return sum;
  }

  #bytesIfUnnamed(fd: number, file: TrackedFile): number | Promise<number> {
    return whenKnown(this.#files.stat(fd), (stat) => {
      if (typeof stat === "number") return 0;
      file.bytes = Number(stat.size);
      file.named = stat.nlink > 0n;
      return file.named ? 0 : file.bytes;
    });
  }
}

/** Goes on at once if that is possible. */
export function whenKnown<T, U>(value: T | Promise<T>, use: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}
