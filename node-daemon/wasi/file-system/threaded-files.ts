/** The files of a mount that may block: each call is done by one of its threads, and answered by a promise. */
import { errno, type Errno } from "../abi.ts";
import { limits } from "../limits.ts";
import { BusyDescriptors } from "./busy-descriptors.ts";
import type { FileJob, OpenedMount } from "./file-jobs.ts";
import { FilesBusy, FileThreads, type ThreadBudget } from "./file-threads.ts";
import type { ListingEntry } from "./listing.ts";
import type { OpenedEntry, OpenRequest, ReopenRequest } from "./open.ts";
import type { DiskUsage, FileOperations, FileStat } from "./operations.ts";
import type { NewTimes } from "./times.ts";
import { piecesOf, sizeOf } from "./views.ts";

export class ThreadedFiles implements FileOperations {
  readonly mayBlock = true;
  readonly #threads: FileThreads;
  readonly #busy: BusyDescriptors;

  constructor(budget: ThreadBudget) {
    this.#threads = new FileThreads(budget);
    this.#busy = new BusyDescriptors((fd) => this.#threads.close(fd));
  }

  /** As `openMount`; also rejects with `FilesBusy`. */
  openMount(realPath: string): Promise<OpenedMount> {
    return this.#threads.run([], () => ({ kind: "mount", realPath })) as Promise<OpenedMount>;
  }

  /** When every descriptor has been given up. */
  end(): void {
    this.#threads.end();
  }

  open(directory: number, request: OpenRequest): Promise<OpenedEntry | Errno> {
    return this.#ask([directory], () => ({ kind: "plain", call: "open", args: [directory, request] }));
  }

  reopen(fd: number, request: ReopenRequest): Promise<number> {
    return this.#count([fd], () => ({ kind: "plain", call: "reopen", args: [fd, request] }));
  }

  close(fd: number): void {
    this.#busy.close(fd);
    this.#threads.abandon(fd);
  }

  stat(fd: number): Promise<FileStat | Errno> {
    return this.#ask([fd], () => ({ kind: "plain", call: "stat", args: [fd] }));
  }

  size(fd: number): Promise<number> {
    return this.#count([fd], () => ({ kind: "plain", call: "size", args: [fd] }));
  }

  statAt(directory: number, path: string, follow: boolean): Promise<FileStat | Errno> {
    return this.#ask([directory], () => ({ kind: "plain", call: "statAt", args: [directory, path, follow] }));
  }

  setTimes(fd: number, times: NewTimes): Promise<Errno> {
    return this.#ask([fd], () => ({ kind: "plain", call: "setTimes", args: [fd, times] }));
  }

  setTimesAt(directory: number, path: string, follow: boolean, times: NewTimes): Promise<Errno> {
    return this.#ask([directory], () => ({
      kind: "plain",
      call: "setTimesAt",
      args: [directory, path, follow, times],
    }));
  }

  setSize(fd: number, bytes: number): Promise<Errno> {
    return this.#ask([fd], () => ({ kind: "plain", call: "setSize", args: [fd, bytes] }));
  }

  allocate(fd: number, offset: bigint, length: bigint): Promise<Errno> {
    return this.#ask([fd], () => ({ kind: "allocate", fd, offset, length }));
  }

  sync(fd: number, dataOnly: boolean): Promise<Errno> {
    return this.#ask([fd], () => ({ kind: "sync", fd, dataOnly }));
  }

  createDirectory(directory: number, path: string): Promise<Errno> {
    return this.#ask([directory], () => ({
      kind: "plain",
      call: "createDirectory",
      args: [directory, path],
    }));
  }

  removeDirectory(directory: number, path: string): Promise<Errno> {
    return this.#ask([directory], () => ({
      kind: "plain",
      call: "removeDirectory",
      args: [directory, path],
    }));
  }

  unlink(directory: number, path: string): Promise<Errno> {
    return this.#ask([directory], () => ({ kind: "plain", call: "unlink", args: [directory, path] }));
  }

  rename(from: number, fromPath: string, to: number, toPath: string): Promise<Errno> {
    return this.#ask([from, to], () => ({
      kind: "plain",
      call: "rename",
      args: [from, fromPath, to, toPath],
    }));
  }

  link(from: number, fromPath: string, to: number, toPath: string): Promise<Errno> {
    return this.#ask([from, to], () => ({ kind: "plain", call: "link", args: [from, fromPath, to, toPath] }));
  }

  symlink(target: string, directory: number, path: string): Promise<Errno> {
    return this.#ask([directory], () => ({
      kind: "plain",
      call: "symlink",
      args: [target, directory, path],
    }));
  }

  readlink(directory: number, path: string): Promise<Uint8Array | Errno> {
    return this.#ask([directory], () => ({ kind: "plain", call: "readlink", args: [directory, path] }));
  }

  list(directory: number): Promise<readonly ListingEntry[] | Errno> {
    return this.#ask([directory], () => ({ kind: "list", fd: directory }));
  }

  usage(directory: number): Promise<DiskUsage | Errno> {
    return this.#ask([directory], () => ({ kind: "usage", fd: directory }));
  }

  inodes(directory: number, names: readonly string[]): Promise<readonly (bigint | undefined)[] | Errno> {
    return this.#ask([directory], () => ({ kind: "plain", call: "inodes", args: [directory, names] }));
  }

  read(fd: number, targets: readonly Uint8Array[], position: number): Promise<number> {
    return this.#inPieces(fd, targets, position, async (piece, at) => {
      const length = sizeOf(piece);
      const bytes = await this.#ask<Uint8Array>([fd], () => ({ kind: "read", fd, length, position: at }));
      if (typeof bytes === "number") return -bytes;
      let taken = 0;
      for (const target of piece) {
        target.set(bytes.subarray(taken, taken + target.byteLength));
        taken += target.byteLength;
      }
      return bytes.byteLength;
    });
  }

  write(fd: number, sources: readonly Uint8Array[], position: number): Promise<number> {
    return this.#inPieces(fd, sources, position, (piece, at) =>
      this.#count([fd], () => ({ kind: "write", fd, bytes: copyOf(piece), position: at })),
    );
  }

  /** Until one falls short, or fails: what was transferred before counts, and the error comes back with the next call. */
  async #inPieces(
    fd: number,
    views: readonly Uint8Array[],
    position: number,
    transfer: (piece: readonly Uint8Array[], at: number) => Promise<number>,
  ): Promise<number> {
    let done = 0;
    for (const piece of piecesOf(views, limits.fileThreadTransferBytes)) {
      const count = await transfer(piece, position + done);
      if (count < 0) return done === 0 ? count : done;
      done += count;
      if (count < sizeOf(piece) || this.#busy.isGivenUp(fd)) break;
    }
    return done;
  }

  #ask<T>(uses: readonly number[], job: () => FileJob): Promise<T | Errno> {
    return this.#run<T | Errno>(uses, job, errno.again);
  }

  /** For jobs that answer a number, or a negative errno. */
  #count(uses: readonly number[], job: () => FileJob): Promise<number> {
    return this.#run(uses, job, -errno.again);
  }

  async #run<T>(uses: readonly number[], job: () => FileJob, whenBusy: T): Promise<T> {
    for (const fd of uses) this.#busy.hold(fd);
    try {
      // What a job answers is what `localFiles` does.
      return (await this.#threads.run(uses, job)) as T;
    } catch (thrown) {
      if (thrown instanceof FilesBusy) return whenBusy;
      throw thrown;
    } finally {
      for (const fd of uses) this.#busy.letGo(fd);
    }
  }
}

function copyOf(views: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeOf(views));
  let at = 0;
  for (const view of views) {
    bytes.set(view, at);
    at += view.byteLength;
  }
  return bytes;
}
