import { closeSync, constants, fstatSync, openSync } from "node:fs";

import { errorCode } from "../../../kit/errors.ts";
import { errno, fdFlag, openFlag, type Errno } from "../abi.ts";
import { openEntry } from "./entries.ts";
import { isKernelFileSystem } from "./file-system-types.ts";
import { descriptorPath, leafFlags, stepFlags } from "./host-flags.ts";
import type { OpenedEntry, OpenRequest, ReopenRequest } from "./operations.ts";
import { Walk } from "./walk.ts";

export type { OpenedEntry, OpenRequest, ReopenRequest } from "./operations.ts";

/** Opens a regular file or a directory below `base`; anything else there is refused. May throw a system error. */
export function openBelow(base: number, request: OpenRequest): OpenedEntry | Errno {
  const walk = new Walk(base);
  try {
    const refused = walk.start(request.path);
    return refused === 0 ? openLeaf(walk, request) : refused;
  } finally {
    walk.close();
  }
}

function openLeaf(walk: Walk, request: OpenRequest): OpenedEntry | Errno {
  const create = (request.openFlags & openFlag.create) !== 0;
  // Linux follows no symlink when it has to create exclusively.
  const follow = request.followSymlink && !(create && (request.openFlags & openFlag.exclusive) !== 0);
  for (;;) {
    if (create && (walk.directoryRequired || walk.leafIsDot)) return errno.isdir;
    const flags = hostFlags(walk, request);
    const fd = openWithoutFollowing(walk, flags);
    if (fd !== undefined) return fd < 0 ? -fd : checked(fd);
    if (!follow && !walk.directoryRequired) {
      return (flags & constants.O_DIRECTORY) !== 0 ? errno.notdir : errno.loop;
    }
    const refused = walk.followLeaf();
    // A leaf that is no directory and no symlink either; or one swapped for a file in between, which is then not ours to chase.
    if (refused === errno.inval) return errno.notdir;
    if (refused !== 0) return refused;
  }
}

/** The new descriptor, or a negative errno; undefined when the leaf is, or may be, a symlink. */
function openWithoutFollowing(walk: Walk, flags: number): number | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return openEntry(walk.parent, walk.leaf, flags, 0o666);
  } catch (thrown) {
    const code = errorCode(thrown);
    // O_DIRECTORY answers ENOTDIR for a symlink as well.
    if (code === "ELOOP" || (code === "ENOTDIR" && (flags & constants.O_DIRECTORY) !== 0)) return undefined;
    throw thrown;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A device or FIFO found there was opened without waiting and is closed unused. */
function checked(fd: number): OpenedEntry | Errno {
  try {
    const stat = fstatSync(fd);
    const kind = stat.isFile() ? "file" : stat.isDirectory() ? "directory" : undefined;
    if (kind !== undefined && !isKernelFileSystem(fd, stat.dev)) return { kind, fd };
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  closeSync(fd);
  return errno.acces;
}

function hostFlags(walk: Walk, request: OpenRequest): number {
  let flags = leafFlags | accessFlags(request.read, request.write, request.fdFlags);
  if ((request.openFlags & openFlag.create) !== 0) flags |= constants.O_CREAT;
  if ((request.openFlags & openFlag.exclusive) !== 0) flags |= constants.O_EXCL;
  if ((request.openFlags & openFlag.truncate) !== 0) flags |= constants.O_TRUNC;
  if ((request.openFlags & openFlag.directory) !== 0 || walk.directoryRequired)
    flags |= constants.O_DIRECTORY;
  return flags;
}

function accessFlags(read: boolean, write: boolean, fdFlags: number): number {
  let flags = write ? (read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  if (write && (fdFlags & fdFlag.append) !== 0) flags |= constants.O_APPEND;
  // Linux has no O_RSYNC of its own: it is O_SYNC.
  if ((fdFlags & (fdFlag.sync | fdFlag.rsync)) !== 0) flags |= constants.O_SYNC;
  else if ((fdFlags & fdFlag.dsync) !== 0) flags |= constants.O_DSYNC;
  return flags;
}

/** The number that an open would get now: the system gives the lowest that is free, so at least so many are open. */
export function nextDescriptor(): number {
  const fd = openSync("/", stepFlags);
  closeSync(fd);
  return fd;
}

/** Opens what `fd` has open once more, with other flags: Node can't change those of an open descriptor. */
export function reopen(fd: number, { read, write, fdFlags }: ReopenRequest): number {
  return openSync(descriptorPath(fd), accessFlags(read, write, fdFlags) | constants.O_NONBLOCK);
}
