/** What is done at a guest's path on this thread. All may throw system errors. */
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";

import { errno, type Errno } from "../abi.ts";
import { statLeaf } from "./stat-leaf.ts";
import type { FileStat } from "./operations.ts";
import { setTimes, type NewTimes } from "./times.ts";
import { Walk } from "./walk.ts";

/** Walks to where `path` leads below `directory` and hands the walk to `use`. */
function atPath<T>(directory: number, path: string, use: (walk: Walk) => T | Errno): T | Errno {
  const walk = new Walk(directory);
  try {
    const refused = walk.start(path);
    return refused === 0 ? use(walk) : refused;
  } finally {
    walk.close();
  }
}

export function statAt(directory: number, path: string, follow: boolean): FileStat | Errno {
  return atPath(directory, path, (walk) => statLeaf(walk, follow));
}

export function setTimesAt(directory: number, path: string, follow: boolean, times: NewTimes): Errno {
  return atPath(directory, path, (walk) => {
    const stat = statLeaf(walk, follow);
    if (typeof stat === "number") return stat;
    setTimes(walk.leafPath, false, times);
    return 0;
  });
}

export function createDirectory(directory: number, path: string): Errno {
  return atPath(directory, path, (walk) => {
    if (walk.leafIsDot) return errno.exist;
    mkdirSync(walk.leafPath, 0o777);
    return 0;
  });
}

export function removeDirectory(directory: number, path: string): Errno {
  return atPath(directory, path, (walk) => {
    if (walk.leafIsDot) return errno.inval;
    if (walk.directoryRequired && lstatSync(walk.leafPath).isSymbolicLink()) {
      // No directory, as on Linux; one that leads outside is told of as such.
      return walk.followLeaf() || errno.notdir;
    }
    rmdirSync(walk.leafPath);
    return 0;
  });
}

export function unlink(directory: number, path: string): Errno {
  return atPath(directory, path, (walk) => {
    if (walk.leafIsDot) return errno.isdir;
    if (walk.directoryRequired) return isDirectory(walk) ? errno.isdir : errno.notdir;
    unlinkSync(walk.leafPath);
    return 0;
  });
}

export function rename(fromDirectory: number, fromPath: string, toDirectory: number, toPath: string): Errno {
  return atPath(fromDirectory, fromPath, (from) =>
    atPath(toDirectory, toPath, (to) => {
      if (from.leafIsDot || to.leafIsDot) return errno.busy;
      // A trailing slash names a directory, and never what a symlink leads to.
      if ((from.directoryRequired || to.directoryRequired) && !isDirectory(from)) return errno.notdir;
      renameSync(from.leafPath, to.leafPath);
      return 0;
    }),
  );
}

export function link(fromDirectory: number, fromPath: string, toDirectory: number, toPath: string): Errno {
  return atPath(fromDirectory, fromPath, (source) =>
    atPath(toDirectory, toPath, (target) => {
      if (source.leafIsDot) return errno.perm;
      const refused = refusedAsNewName(target);
      if (refused !== 0) return refused;
      if (source.directoryRequired && !isDirectory(source)) return errno.notdir;
      linkSync(source.leafPath, target.leafPath);
      return 0;
    }),
  );
}

/** An absolute target would lead out of the mount: it could never be followed (walk.ts), so it is refused at once. */
export function symlink(target: string, directory: number, path: string): Errno {
  if (target.startsWith("/")) return errno.perm;
  return atPath(directory, path, (walk) => {
    const refused = refusedAsNewName(walk);
    if (refused !== 0) return refused;
    symlinkSync(target, walk.leafPath);
    return 0;
  });
}

export function readlink(directory: number, path: string): Uint8Array | Errno {
  return atPath<Uint8Array>(directory, path, (walk) => {
    if (walk.directoryRequired) return isDirectory(walk) ? errno.inval : errno.notdir;
    return readlinkSync(walk.leafPath, "buffer");
  });
}

function isDirectory(walk: Walk): boolean {
  return lstatSync(walk.leafPath).isDirectory();
}

/** Why no file or link may get that name, as Linux answers for names that end in a slash. */
function refusedAsNewName(walk: Walk): Errno {
  if (walk.leafIsDot) return errno.exist;
  if (!walk.directoryRequired) return 0;
  const stat = lstatSync(walk.leafPath, { throwIfNoEntry: false });
  if (stat === undefined) return errno.noent;
  return stat.isDirectory() ? errno.exist : errno.notdir;
}
