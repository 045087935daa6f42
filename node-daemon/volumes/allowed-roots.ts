import { realpath } from "node:fs/promises";
import { sep } from "node:path";

/**
 * The directories of this machine that instances may be given (`--allow-host-path`). Both sides are compared as real
 * paths, so a symlink under a root does not lead out of it. A root that does not exist (yet) allows nothing.
 */
export class AllowedRoots {
  readonly #roots: readonly string[];

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** `realPath` must have no symlinks left in it. */
  async allows(realPath: string): Promise<boolean> {
    for (const root of this.#roots) {
      const realRoot = await realpath(root).catch(() => undefined);
      if (realRoot === undefined) continue;
      if (realPath === realRoot || realPath.startsWith(realRoot === sep ? sep : realRoot + sep)) return true;
    }
    return false;
  }

  /** For messages: what is allowed, and how to allow more. */
  get advice(): string {
    const now =
      this.#roots.length === 0
        ? "this node allows no host paths"
        : `this node allows ${this.#roots.join(", ")}`;
    return `${now}; start its daemon with --allow-host-path DIR to allow another`;
  }
}
