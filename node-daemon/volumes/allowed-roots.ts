import { realpath } from "node:fs/promises";
import { isAbsolute, resolve, sep } from "node:path";

export type PathVerdict = { readonly kind: "allowed" } | { readonly kind: "refused"; readonly why: string };

/** `--allow-host-path [NAMESPACE=]DIR`. */
export interface AllowedRoot {
  readonly path: string;
  /** Whose instances may be given it; every namespace's if absent. */
  readonly namespace?: string | undefined;
}

/**
 * The directories of this machine that instances may be given, each to all namespaces or to one. Both sides are compared
 * as real paths, so a symlink under a root does not lead out of it. A root that does not exist (yet) allows nothing.
 *
 * What is reserved (`--reserve-host-path`, and always the daemon's own state and program) is never given: neither a folder
 * inside it nor one that contains it, because keys, the Secrets of others and what the daemon runs lie there and a mount
 * shows all that is below.
 */
export class AllowedRoots {
  readonly #roots: readonly AllowedRoot[];
  readonly #reserved: readonly string[];

  constructor(roots: readonly AllowedRoot[], reserved: readonly string[] = []) {
    this.#roots = roots;
    this.#reserved = reserved;
  }

  /** A relative path is below the namespace's first root (see docs/adr/0006). Undefined when there is no root. */
  absolute(path: string, namespace: string): string | undefined {
    if (isAbsolute(path)) return path;
    const [first] = this.#rootsOf(namespace);
    return first === undefined ? undefined : resolve(first, path);
  }

  /** `realPath` must have no symlinks left in it. */
  async judge(realPath: string, namespace: string): Promise<PathVerdict> {
    for (const reserved of this.#reserved) {
      const real = await realpath(reserved).catch(() => undefined);
      if (real === undefined) continue;
      if (isWithin(realPath, real) || isWithin(real, realPath)) {
        const why = `is or contains ${reserved}, where the cluster keeps its keys, state or programs; use another folder`;
        return { kind: "refused", why };
      }
    }
    for (const root of this.#rootsOf(namespace)) {
      const real = await realpath(root).catch(() => undefined);
      if (real !== undefined && isWithin(realPath, real)) return { kind: "allowed" };
    }
    return { kind: "refused", why: `is not under an allowed directory: ${this.advice(namespace)}` };
  }

  /** For messages: what a namespace is allowed (and not what others are), and how to allow more. */
  advice(namespace: string): string {
    const roots = this.#rootsOf(namespace);
    const now =
      roots.length === 0
        ? `this node allows namespace ${namespace} no host paths`
        : `this node allows namespace ${namespace} ${roots.join(", ")}`;
    return `${now}; start its daemon with --allow-host-path [NAMESPACE=]DIR to allow another`;
  }

  #rootsOf(namespace: string): readonly string[] {
    return this.#roots
      .filter((root) => root.namespace === undefined || root.namespace === namespace)
      .map(({ path }) => path);
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === sep ? sep : folder + sep);
}
