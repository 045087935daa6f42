/**
 * The directories that a shim has mounted: one open descriptor each, however many instances mount it. A path is opened
 * each time, because another directory may stand there by now; what is shared is what is the same directory.
 *
 * A local directory is open at once. One on a file system that may block is opened by a thread of that path's own, which
 * serves its files as well: what hangs there holds up nobody else. One whose size is bounded is measured first.
 */
import { readFileSync } from "node:fs";
import { WherryError } from "../../kit/errors.ts";
import type { MountPoint } from "../runtimes/runtime-driver.ts";
import { mayBlock } from "../wasi/file-system/blocking-mounts.ts";
import { DirectoryCapability, openMount } from "../wasi/file-system/directory-capability.ts";
import { DiskQuota } from "../wasi/file-system/disk-quota.ts";
import type { OpenedMount } from "../wasi/file-system/file-jobs.ts";
import { FilesBusy, ThreadBudget } from "../wasi/file-system/file-threads.ts";
import { localFiles } from "../wasi/file-system/local-files.ts";
import type { FileOperations } from "../wasi/file-system/operations.ts";
import { ThreadedFiles } from "../wasi/file-system/threaded-files.ts";
import { mountVerdictsMax } from "./limits.ts";

export interface HeldMount {
  readonly directory: DirectoryCapability;
  /** Once. */
  close(): void;
}

type WantedMount = Pick<MountPoint, "hostPath" | "sizeBytesMax">;

interface Shared {
  readonly directory: DirectoryCapability;
  /** It was measured, if it had to be. */
  ready: Promise<void> | undefined;
  readonly letGo: () => void;
  users: number;
}

interface Threaded {
  readonly files: ThreadedFiles;
  users: number;
}

export interface MountTableOptions {
  /** Milliseconds, never going back. */
  readonly monotonic: () => number;
  /** Of this process; what is left beyond is for logs, the daemon and modules. */
  readonly descriptorsMax: number;
  /** The kernel's table of mounts. */
  readonly readTable?: () => string;
}

/** The code of the error that another process may not have. */
export const mountTableFull = "mount-table-full";

const nothing = () => {};

export class MountTable {
  readonly #monotonic: () => number;
  readonly #descriptorsMax: number;
  readonly #readTable: () => string;
  readonly #shared = new Map<string, Shared>();
  /** By path. */
  readonly #threaded = new Map<string, Threaded>();
  readonly #budget = new ThreadBudget();
  #table = "";
  /** For the paths asked of while the table was this one. */
  readonly #verdicts = new Map<string, boolean>();

  constructor({ monotonic, descriptorsMax, readTable }: MountTableOptions) {
    this.#monotonic = monotonic;
    this.#descriptorsMax = descriptorsMax;
    this.#readTable = readTable ?? (() => readFileSync("/proc/self/mountinfo", "utf8"));
  }

  get size(): number {
    return this.#shared.size;
  }

  /** Threads for file systems that may block; those that hang keep the process from an orderly exit. */
  get threads(): number {
    return this.#budget.used;
  }

  /** Throws, or rejects, as {@link openMount} does. */
  open(wanted: WantedMount): HeldMount | Promise<HeldMount> {
    if (this.#mayBlock(wanted.hostPath)) return this.#openThreaded(wanted);
    return this.#hold(openMount(wanted.hostPath), localFiles, wanted, nothing);
  }

  #mayBlock(path: string): boolean {
    const table = this.#readTable();
    if (table !== this.#table || this.#verdicts.size >= mountVerdictsMax) this.#verdicts.clear();
    this.#table = table;
    let verdict = this.#verdicts.get(path);
    if (verdict === undefined) {
      verdict = mayBlock(table, path);
      this.#verdicts.set(path, verdict);
    }
    return verdict;
  }

  async #openThreaded(wanted: WantedMount): Promise<HeldMount> {
    const { hostPath } = wanted;
    const threaded = this.#threaded.get(hostPath) ?? { files: new ThreadedFiles(this.#budget), users: 0 };
    this.#threaded.set(hostPath, threaded);
    threaded.users++;
    const letGo = () => {
      if (--threaded.users > 0) return;
      this.#threaded.delete(hostPath);
      threaded.files.end();
    };
    let opened: OpenedMount;
    try {
      opened = await threaded.files.openMount(hostPath);
    } catch (thrown) {
      letGo();
      if (!(thrown instanceof FilesBusy)) throw thrown;
      throw new WherryError("mount-unavailable", `open directory ${hostPath}: ${thrown.message}`);
    }
    return this.#hold(opened, threaded.files, wanted, letGo);
  }

  #hold(
    { fd, key }: OpenedMount,
    files: FileOperations,
    { hostPath, sizeBytesMax }: WantedMount,
    letGo: () => void,
  ): HeldMount | Promise<HeldMount> {
    const sharedKey = `${key}:${sizeBytesMax ?? ""}`;
    let shared = this.#shared.get(sharedKey);
    if (shared !== undefined) {
      files.close(fd);
      letGo();
      shared.users++;
    } else {
      if (fd >= this.#descriptorsMax) {
        files.close(fd);
        letGo();
        const message = `open directory ${hostPath}: ${fd} descriptors are in use`;
        throw new WherryError(mountTableFull, message);
      }
      shared = this.#measured(fd, files, sizeBytesMax, letGo);
      this.#shared.set(sharedKey, shared);
    }
    const held = this.#heldOf(sharedKey, shared);
    if (shared.ready === undefined) return held;
    return shared.ready.then(
      () => held,
      (thrown: unknown) => {
        held.close();
        throw thrown;
      },
    );
  }

  #measured(fd: number, files: FileOperations, sizeBytesMax: number | undefined, letGo: () => void): Shared {
    if (sizeBytesMax === undefined) {
      return { directory: new DirectoryCapability(fd, files), ready: undefined, letGo, users: 1 };
    }
    const quota = new DiskQuota({ files, root: fd, bytesMax: sizeBytesMax, monotonic: this.#monotonic });
    const directory = new DirectoryCapability(fd, quota);
    const shared: Shared = { directory, ready: undefined, letGo, users: 1 };
    shared.ready = quota.begin()?.then(() => {
      shared.ready = undefined;
    });
    return shared;
  }

  #heldOf(key: string, shared: Shared): HeldMount {
    return {
      directory: shared.directory,
      close: () => {
        if (--shared.users > 0) return;
        this.#shared.delete(key);
        shared.directory.release();
        shared.letGo();
      },
    };
  }
}
