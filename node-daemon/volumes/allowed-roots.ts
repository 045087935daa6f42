import { realpath } from "node:fs/promises";
import { absoluteHostPath, foldersOf, type HostFolder, isWithinFolder } from "../../api/host-paths.ts";

export type PathVerdict = { readonly kind: "allowed" } | { readonly kind: "refused"; readonly why: string };

/**
 * The directories of this machine that instances may be given, each to all namespaces or to one. Both sides are compared
 * as real paths, so a symlink under a root does not lead out of it. A root that does not exist (yet) allows nothing.
 *
 * What is reserved (`--reserve-host-path`, and always the daemon's own state and program) is never given: neither a folder
 * inside it nor one that contains it, because keys, the Secrets of others and what the daemon runs lie there and a mount
 * shows all that is below.
 */
export class AllowedRoots {
  readonly #roots: readonly HostFolder[];
  readonly #reserved: readonly string[];

  constructor(roots: readonly HostFolder[], reserved: readonly string[] = []) {
    this.#roots = roots;
    this.#reserved = reserved;
  }

  /** A relative path is below the namespace's first root (see docs/adr/0006). Undefined when there is no root. */
  absolute(path: string, namespace: string): string | undefined {
    return absoluteHostPath(path, foldersOf(this.#roots, namespace));
  }

  /** `realPath` must have no symlinks left in it. */
  async judge(realPath: string, namespace: string): Promise<PathVerdict> {
    for (const reserved of this.#reserved) {
      const real = await realpath(reserved).catch(() => undefined);
      if (real === undefined) continue;
      if (isWithinFolder(realPath, real) || isWithinFolder(real, realPath)) {
        const why = `is or contains ${reserved}, where the cluster keeps its keys, state or programs; use another folder`;
        return { kind: "refused", why };
      }
    }
    for (const root of foldersOf(this.#roots, namespace)) {
      const real = await realpath(root).catch(() => undefined);
      if (real !== undefined && isWithinFolder(realPath, real)) return { kind: "allowed" };
    }
    return { kind: "refused", why: `is not under an allowed directory: ${this.advice(namespace)}` };
  }

  /** For messages: what a namespace is allowed (and not what others are), and how to allow more. */
  advice(namespace: string): string {
    const roots = foldersOf(this.#roots, namespace);
    const now =
      roots.length === 0
        ? `this node allows namespace ${namespace} no host paths`
        : `this node allows namespace ${namespace} ${roots.join(", ")}`;
    return `${now}; start its daemon with --allow-host-path [NAMESPACE=]DIR (--host-path of wherry up) to allow another`;
  }
}
