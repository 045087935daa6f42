/**
 * Resolving a guest's path below an open directory, without ever leaving it.
 *
 *     path ─▶ components ─▶ [ base │ dir │ dir │ … ] + leaf name
 *                             ▲ the stack of open directories; `..` pops it
 *
 * Invariants:
 * - The host is only ever asked for one component at a time, in a directory that is held open, without following
 *   symlinks. So no rename or swap by someone else can lead a step outside. Where the kernel promises as much for a whole
 *   path that leads to no other mount (openat2), it is asked for that instead.
 * - `..` goes back to the directory that was walked through, never to what the host calls the parent: the base is the top
 *   and cannot be popped.
 * - Symlinks are read and spliced in here. An absolute one, or one that climbs above the base, is refused (EPERM, as
 *   Wasmtime answers).
 * - No step leads onto a file system of the kernel (/proc, /sys): there, even a stat tells of others, and a new directory
 *   changes the machine.
 * - The leaf is not touched: the caller operates on it without following, and calls `followLeaf` when it turns out to
 *   be a symlink that the guest wants followed.
 *
 * Bounds: `limits.symlinkHopsMax`, `pathStepsMax`, `pathDepthMax`; beyond them a walk refuses.
 */
import { closeSync, fstatSync, openSync, readlinkSync } from "node:fs";

import { errorCode } from "../../../kit/errors.ts";
import { errno, type Errno } from "../abi.ts";
import { limits } from "../limits.ts";
import { openDirectly } from "./entries.ts";
import { isKernelFileSystem } from "./file-system-types.ts";
import { entryPath, stepFlags } from "./host-flags.ts";

/** Absolute, ending in a slash or a dot, or with `..` on the way. */
const dotsOrEmptyEnds = /^\/|(?:^|\/)\.{0,2}$|(?:^|\/)\.\.\//;

export class Walk {
  /** One component, or `.` for the directory on top of the stack itself. */
  leaf = ".";
  /** The path ended in a slash: the leaf has to be a directory. */
  directoryRequired = false;
  readonly #base: number;
  readonly #opened: number[] = [];
  /** Components still to walk, the next one last. */
  #pending: string[] = [];
  #hops = 0;
  #steps = 0;
  /** The path, if the walk did not hold every directory on its way. */
  #jumped: string | undefined;

  constructor(base: number) {
    this.#base = base;
  }

  get parent(): number {
    return this.#opened.at(-1) ?? this.#base;
  }

  get leafPath(): string {
    return entryPath(this.parent, this.leaf);
  }

  /** The leaf is a directory that the path names by `.`, `..` or nothing: it can't be created, removed or renamed. */
  get leafIsDot(): boolean {
    return this.leaf === ".";
  }

  /** Walks to the leaf of `path`. Returns 0 or why not; either way `close` has to follow. */
  start(path: string): Errno {
    if (path === "") return errno.noent;
    // The frequent case: a plain name in the base.
    if (!path.includes("/") && path !== "..") {
      this.leaf = path;
      return 0;
    }
    if (this.#jump(path)) return 0;
    return this.#splice(path) || this.#advance();
  }

  /**
   * The leaf turned out to be a symlink: walks on through it. Returns 0 with a new leaf, EINVAL when it is no symlink
   * (any more), or why not.
   */
  followLeaf(): Errno {
    const refused = this.#goBackToWalk();
    return refused || this.#splice(this.leaf, true) || this.#advance();
  }

  close(): void {
    for (const fd of this.#opened) closeSync(fd);
    this.#opened.length = 0;
  }

  /** The frequent case of a path without symlinks and dots: to its last component in one step of the kernel. */
  #jump(path: string): boolean {
    if (dotsOrEmptyEnds.test(path)) return false;
    const slash = path.lastIndexOf("/");
    const fd = openDirectly(this.#base, path.slice(0, slash), stepFlags);
    if (fd === undefined) return false;
    this.#opened.push(fd);
    this.leaf = path.slice(slash + 1);
    this.#jumped = path;
    return true;
  }

  /** A symlink may lead up the path: where the walk jumped over that, it is walked after all. */
  #goBackToWalk(): Errno {
    if (this.#jumped === undefined) return 0;
    const path = this.#jumped;
    this.#jumped = undefined;
    this.close();
    return this.#splice(path) || this.#advance();
  }

  /** Puts the components of a path, or of the symlink `path` in the current directory, before the pending ones. */
  #splice(path: string, isSymlink = false): Errno {
    let text = path;
    if (isSymlink) {
      if (++this.#hops > limits.symlinkHopsMax) return errno.loop;
      const target = this.#readLink(path);
      if (typeof target === "number") return target;
      text = target;
    }
    if (text.startsWith("/")) return errno.perm;
    if (this.#pending.length === 0 && /\/\.?$/.test(text)) this.directoryRequired = true;
    const components = text.split("/");
    for (let i = components.length - 1; i >= 0; i--) {
      const component = components[i];
      if (component !== undefined && component !== "" && component !== ".") this.#pending.push(component);
    }
    return 0;
  }

  #readLink(name: string): string | Errno {
    try {
      return readlinkSync(entryPath(this.parent, name));
    } catch (thrown) {
      if (errorCode(thrown) === "EINVAL") return errno.inval;
      throw thrown;
    }
  }

  /** Walks the pending components up to the last, which becomes the leaf. */
  #advance(): Errno {
    for (;;) {
      const component = this.#pending.pop();
      if (component === undefined) {
        this.leaf = ".";
        return 0;
      }
      if (++this.#steps > limits.pathStepsMax) return errno.nametoolong;
      if (component === "..") {
        const fd = this.#opened.pop();
        if (fd === undefined) return errno.perm;
        closeSync(fd);
      } else if (this.#pending.length === 0) {
        this.leaf = component;
        return 0;
      } else {
        const refused = this.#descend(component);
        if (refused !== 0) return refused;
      }
    }
  }

  #descend(component: string): Errno {
    if (this.#opened.length >= limits.pathDepthMax) return errno.nametoolong;
    try {
      const fd = openSync(entryPath(this.parent, component), stepFlags);
      this.#opened.push(fd);
      return isKernelFileSystem(fd, fstatSync(fd).dev) ? errno.acces : 0;
    } catch (thrown) {
      if (errorCode(thrown) !== "ENOTDIR") throw thrown;
    }
    // Not a directory: a symlink to walk through, or the end.
    const refused = this.#splice(component, true);
    return refused === errno.inval ? errno.notdir : refused;
  }
}
