/**
 * Which folders of its machine a node gives to whom, as the daemon's `--allow-host-path` has it. The node compares real paths
 * with it; placement, which does not see the machine, compares them as they are written.
 */
import { posix } from "node:path";

export interface HostFolder {
  /** Whose instances may be given it; undefined: every namespace's. */
  readonly namespace?: string | undefined;
  /** Absolute. */
  readonly path: string;
}

/** In their order. */
export function foldersOf(folders: readonly HostFolder[], namespace: string): readonly string[] {
  return folders
    .filter((folder) => folder.namespace === undefined || folder.namespace === namespace)
    .map(({ path }) => path);
}

/** A relative path is below the first folder (see docs/adr/0006). Undefined when there is none. */
export function absoluteHostPath(path: string, folders: readonly string[]): string | undefined {
  if (posix.isAbsolute(path)) return path;
  const [first] = folders;
  return first === undefined ? undefined : posix.resolve(first, path);
}

/** Both absolute, and as they are: without `.`, `..` and what stands for something else. */
export function isWithinFolder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** An absolute path without `.`, `..`, and slashes that mean nothing, as far as its text tells. */
export function plainPath(path: string): string {
  const plain = posix.normalize(path);
  return plain.length > 1 && plain.endsWith("/") ? plain.slice(0, -1) : plain;
}

/** Whether a path is in one of these folders, which are plain, as far as its text tells. */
export function offeredTest(path: string): (folders: readonly string[]) => boolean {
  // Thousands of nodes are asked for one path.
  const fixed = posix.isAbsolute(path) ? plainPath(path) : undefined;
  return (folders) => {
    const absolute = fixed ?? relativePlace(path, folders);
    return absolute !== undefined && folders.some((folder) => isWithinFolder(absolute, folder));
  };
}

function relativePlace(path: string, folders: readonly string[]): string | undefined {
  const absolute = absoluteHostPath(path, folders);
  return absolute === undefined ? undefined : plainPath(absolute);
}

/** The path that a `file://` image names, percent-encoded or not; undefined for other images, and for what cannot be decoded. */
export function imagePath(image: string): string | undefined {
  if (!image.startsWith("file://")) return undefined;
  try {
    return decodeURIComponent(image.slice("file://".length));
  } catch {
    return undefined;
  }
}
