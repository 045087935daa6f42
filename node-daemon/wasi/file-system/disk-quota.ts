/**
 * Bounds what everything below one mount takes on disk: the apparent size of each file, and a block for each entry.
 *
 *   change ─▶ reserve what it may add ─▶ enough room? ── yes ─▶ do it ─▶ give back what was not needed
 *                                          │ no
 *                                          ▼
 *                                        measure afresh, if that was not just done ─▶ still none: EDQUOT
 *
 * Invariants:
 * - Nothing is written before its growth is reserved. A write may be cut short to what there is room for; what can't be
 *   done in part is refused.
 * - What is freed is given back only when it is known to be: with the last name of a file, or with its last descriptor if that
 *   is closed later. Whatever else frees space (the host's own doing) is found when the limit is reached.
 * - Changes that take a while are done one after the other, so that a measurement sees none half done.
 */
import { errno, openFlag, type Errno } from "../abi.ts";
import { limits } from "../limits.ts";
import { DiskAccount, type DiskQuotaOptions, type TrackedFile, whenKnown } from "./disk-account.ts";
import type { ListingEntry } from "./listing.ts";
import type { OpenedEntry, OpenRequest, ReopenRequest } from "./open.ts";
import type { Answer, DiskUsage, Done, FileOperations, FileStat, Transferred } from "./operations.ts";
import type { NewTimes } from "./times.ts";
import { firstOf, sizeOf } from "./views.ts";

export class DiskQuota implements FileOperations {
  /** A measurement can take a while. */
  readonly mayBlock = true;
  readonly #files: FileOperations;
  readonly #account: DiskAccount;
  /** Settles when the change that is under way is over. */
  #changing: Promise<void> | undefined;

  constructor(options: DiskQuotaOptions) {
    this.#files = options.files;
    this.#account = new DiskAccount(options);
  }

  get usedBytes(): number {
    return this.#account.usedBytes;
  }

  /** Before anything else: finds out what is there already. */
  begin(): void | Promise<void> {
    return this.#change(() => this.#account.measure());
  }

  open(directory: number, request: OpenRequest): Answer<OpenedEntry> {
    return this.#change(() => this.#open(directory, request));
  }

  reopen(fd: number, request: ReopenRequest): Transferred {
    return this.#change(() =>
      whenKnown(this.#files.reopen(fd, request), (reopened) => {
        const known = this.#account.descriptor(fd);
        if (reopened >= 0 && known !== undefined) this.#account.opened(reopened, known.file, request);
        return reopened;
      }),
    );
  }

  close(fd: number): void {
    this.#account.closed(fd);
    this.#files.close(fd);
  }

  setSize(fd: number, bytes: number): Done {
    return this.#change(() => this.#setSize(fd, bytes));
  }

  allocate(fd: number, offset: bigint, length: bigint): Done {
    return this.#change(() => {
      const file = this.#account.descriptor(fd)?.file;
      if (file === undefined) return errno.badf;
      const growth = Math.max(0, Number(offset + length) - file.bytes);
      return this.#growing(fd, file, growth, () => this.#files.allocate(fd, offset, length));
    });
  }

  createDirectory(directory: number, path: string): Done {
    return this.#addingEntry(() => this.#files.createDirectory(directory, path));
  }

  symlink(target: string, directory: number, path: string): Done {
    return this.#addingEntry(() => this.#files.symlink(target, directory, path));
  }

  link(from: number, fromPath: string, to: number, toPath: string): Done {
    return this.#addingEntry(() => this.#files.link(from, fromPath, to, toPath));
  }

  removeDirectory(directory: number, path: string): Done {
    return this.#change(() =>
      whenKnown(this.#files.removeDirectory(directory, path), (refused) => {
        if (refused === 0) this.#account.giveBack(limits.quotaEntryBytes);
        return refused;
      }),
    );
  }

  unlink(directory: number, path: string): Done {
    return this.#change(() =>
      whenKnown(this.#files.statAt(directory, path, false), (stat) =>
        whenKnown(this.#files.unlink(directory, path), (refused) => {
          if (refused === 0) this.#account.entryGone(stat);
          return refused;
        }),
      ),
    );
  }

  rename(from: number, fromPath: string, to: number, toPath: string): Done {
    return this.#change(() =>
      whenKnown(this.#replacedBy(from, fromPath, to, toPath), (replaced) =>
        whenKnown(this.#files.rename(from, fromPath, to, toPath), (refused) => {
          if (refused === 0 && replaced !== undefined) this.#account.entryGone(replaced);
          return refused;
        }),
      ),
    );
  }

  write(fd: number, sources: readonly Uint8Array[], position: number): Transferred {
    return this.#change(() => this.#write(fd, sources, position));
  }

  // What takes no space.

  stat(fd: number): Answer<FileStat> {
    return this.#files.stat(fd);
  }

  size(fd: number): Transferred {
    return this.#files.size(fd);
  }

  statAt(directory: number, path: string, follow: boolean): Answer<FileStat> {
    return this.#files.statAt(directory, path, follow);
  }

  setTimes(fd: number, times: NewTimes): Done {
    return this.#files.setTimes(fd, times);
  }

  setTimesAt(directory: number, path: string, follow: boolean, times: NewTimes): Done {
    return this.#files.setTimesAt(directory, path, follow, times);
  }

  sync(fd: number, dataOnly: boolean): Promise<Errno> {
    return this.#files.sync(fd, dataOnly);
  }

  readlink(directory: number, path: string): Answer<Uint8Array> {
    return this.#files.readlink(directory, path);
  }

  list(directory: number, turn?: () => Promise<void>): Answer<readonly ListingEntry[]> {
    return this.#files.list(directory, turn);
  }

  inodes(directory: number, names: readonly string[]): Answer<readonly (bigint | undefined)[]> {
    return this.#files.inodes(directory, names);
  }

  usage(directory: number): Answer<DiskUsage> {
    return this.#files.usage(directory);
  }

  read(fd: number, targets: readonly Uint8Array[], position: number): Transferred {
    return this.#files.read(fd, targets, position);
  }

  // Changes; each within `#change`.

  #open(directory: number, request: OpenRequest): Answer<OpenedEntry> {
    // Truncated below, when it is known what that frees.
    const openFlags = request.openFlags & ~openFlag.truncate;
    const opening = { ...request, openFlags };
    if ((openFlags & openFlag.create) === 0) return this.#openExisting(directory, opening, request);
    if ((openFlags & openFlag.exclusive) !== 0) return this.#openNew(directory, opening);
    const existing = { ...opening, openFlags: openFlags & ~openFlag.create };
    return whenKnown(this.#openExisting(directory, existing, request), (opened) => {
      if (typeof opened === "number") return this.#openNew(directory, opening);
      if (opened.kind === "file") return opened;
      this.#files.close(opened.fd);
      return errno.isdir;
    });
  }

  #openNew(directory: number, request: OpenRequest): Answer<OpenedEntry> {
    return this.#withEntry<OpenedEntry | Errno>(
      () => this.#openTracked(directory, request),
      (opened) => typeof opened !== "number",
    );
  }

  #openExisting(directory: number, opening: OpenRequest, { openFlags }: OpenRequest): Answer<OpenedEntry> {
    return whenKnown(this.#openTracked(directory, opening), (opened) => {
      const truncates = (openFlags & openFlag.truncate) !== 0;
      if (typeof opened === "number" || opened.kind === "directory" || !truncates) return opened;
      return whenKnown(this.#setSize(opened.fd, 0), (refused) => {
        if (refused === 0) return opened;
        this.close(opened.fd);
        return refused;
      });
    });
  }

  #openTracked(directory: number, request: OpenRequest): Answer<OpenedEntry> {
    return whenKnown(this.#files.open(directory, request), (opened) => {
      if (typeof opened === "number" || opened.kind === "directory") return opened;
      return whenKnown(this.#files.stat(opened.fd), (stat) => {
        if (typeof stat === "number") {
          this.#files.close(opened.fd);
          return stat;
        }
        this.#account.opened(opened.fd, this.#account.fileOf(stat), request);
        return opened;
      });
    });
  }

  #setSize(fd: number, bytes: number): Done {
    const file = this.#account.descriptor(fd)?.file;
    if (file === undefined) return errno.badf;
    const growth = Math.max(0, bytes - file.bytes);
    return this.#growing(fd, file, growth, () => this.#files.setSize(fd, bytes));
  }

  /** For what is done whole or not at all. */
  #growing(fd: number, file: TrackedFile, growth: number, change: () => Done): Done {
    return whenKnown(this.#account.reserve(growth, growth), (granted) => {
      if (granted < growth) return errno.dquot;
      file.bytes += growth;
      return whenKnown(change(), (refused) => whenKnown(this.#account.learnSize(fd, file), () => refused));
    });
  }

  #write(fd: number, sources: readonly Uint8Array[], position: number): Transferred {
    const known = this.#account.descriptor(fd);
    if (known === undefined) return -errno.badf;
    const { file, append } = known;
    const total = sizeOf(sources);
    const growth = total === 0 ? 0 : Math.max(0, (append ? file.bytes : position) + total - file.bytes);
    // Of a growth, the last `total` bytes at most are written; what is before them is a hole that can't be cut.
    return whenKnown(
      this.#account.reserve(growth, Math.max(0, growth - total) + Math.min(1, growth)),
      (granted) => {
        const bytes = total - (growth - granted);
        if (granted < growth && bytes <= 0) return -errno.dquot;
        file.bytes += granted;
        const fitting = granted < growth ? firstOf(sources, bytes) : sources;
        return whenKnown(this.#files.write(fd, fitting, position), (count) =>
          count === bytes ? count : whenKnown(this.#account.learnSize(fd, file), () => count),
        );
      },
    );
  }

  #addingEntry(change: () => Done): Done {
    return this.#change(() => this.#withEntry(change, (refused) => refused === 0));
  }

  #withEntry<T>(change: () => T | Promise<T>, made: (value: T) => boolean): T | Errno | Promise<T | Errno> {
    return whenKnown(this.#account.reserve(limits.quotaEntryBytes, limits.quotaEntryBytes), (granted) => {
      if (granted === 0) return errno.dquot;
      return whenKnown(change(), (value) => {
        if (!made(value)) this.#account.giveBack(limits.quotaEntryBytes);
        return value;
      });
    });
  }

  /** What a rename would replace. */
  #replacedBy(
    from: number,
    fromPath: string,
    to: number,
    toPath: string,
  ): FileStat | undefined | Promise<FileStat | undefined> {
    return whenKnown(this.#files.statAt(to, toPath, false), (target) => {
      if (typeof target === "number") return undefined;
      return whenKnown(this.#files.statAt(from, fromPath, false), (source) =>
        // Two names of one file: nothing is renamed then.
        typeof source === "number" || source.ino === target.ino ? undefined : target,
      );
    });
  }

  /** One after the other; at once if that is possible. */
  #change<T>(change: () => T | Promise<T>): T | Promise<T> {
    if (this.#changing !== undefined) return this.#changing.then(() => this.#change(change));
    const changed = change();
    if (!(changed instanceof Promise)) return changed;
    const ignore = () => {};
    const over = changed.then(ignore, ignore).then(() => {
      this.#changing = undefined;
    });
    this.#changing = over;
    return changed;
  }
}
