import { realpath } from "node:fs/promises";
import { isAbsolute, resolve, sep } from "node:path";

export type PathVerdict = { readonly kind: "allowed" } | { readonly kind: "refused"; readonly why: string };

/**
 * The directories of this machine that instances may be given (`--allow-host-path`). Both sides are compared as real
 * paths, so a symlink under a root does not lead out of it. A root that does not exist (yet) allows nothing.
 *
 * What is reserved (`--reserve-host-path`, and always the daemon's own state) is never given: neither a folder inside
 * it nor one that contains it, because keys and the Secrets of others lie there and a mount shows all that is below.
 */
export class AllowedRoots {
  readonly #roots: readonly string[];
  readonly #reserved: readonly string[];

  constructor(roots: readonly string[], reserved: readonly string[] = []) {
    this.#roots = roots;
    this.#reserved = reserved;
  }

  /** A relative path is below the first root (see docs/adr/0006). Undefined when there is no root. */
  absolute(path: string): string | undefined {
    if (isAbsolute(path)) return path;
    const [first] = this.#roots;
    return first === undefined ? undefined : resolve(first, path);
  }

  /** `realPath` must have no symlinks left in it. */
  async judge(realPath: string): Promise<PathVerdict> {
    for (const reserved of this.#reserved) {
      const real = await realpath(reserved).catch(() => undefined);
      if (real === undefined) continue;
      if (isWithin(realPath, real) || isWithin(real, realPath)) {
        const why = `is or contains ${reserved}, where the cluster keeps its keys and state; use another folder`;
        return { kind: "refused", why };
      }
    }
    for (const root of this.#roots) {
      const real = await realpath(root).catch(() => undefined);
      if (real !== undefined && isWithin(realPath, real)) return { kind: "allowed" };
    }
    return { kind: "refused", why: `is not under an allowed directory: ${this.advice}` };
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

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === sep ? sep : folder + sep);
}
