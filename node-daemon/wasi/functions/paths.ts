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

import { errno, lookupSymlinkFollow, right, type Errno } from "../abi.ts";
import { missingRight, type DirectoryDescriptor } from "../descriptors.ts";
import { statLeaf } from "../file-system/file-stat.ts";
import { setTimes } from "../file-system/times.ts";
import { Walk } from "../file-system/walk.ts";
import { limits } from "../limits.ts";
import type { WasiContext, WasiFunctions } from "./context.ts";
import { filestatForm, newTimes } from "./filestat.ts";

/** The directory behind `fd` if it has the rights, or why not. */
export function directoryWith(context: WasiContext, fd: number, needed: number): DirectoryDescriptor | Errno {
  const descriptor = context.descriptors.get(fd);
  if (descriptor === undefined) return errno.badf;
  if (descriptor.kind !== "directory") return errno.notdir;
  const missing = missingRight(descriptor, needed);
  return missing === 0 ? descriptor : missing;
}

/** The path at `pointer`, or why it is none. */
export function guestPath({ memory }: WasiContext, pointer: number, length: number): string | Errno {
  pointer >>>= 0;
  length >>>= 0;
  if (!memory.fits(pointer, length)) return errno.fault;
  if (length > limits.pathBytesMax) return errno.nametoolong;
  const path = memory.text(pointer, length);
  if (path === undefined) return errno.ilseq;
  return path.includes("\0") ? errno.inval : path;
}

/** Walks to where a guest's path leads below `fd` and hands the walk to `use`. */
function atPath(
  context: WasiContext,
  fd: number,
  needed: number,
  pointer: number,
  length: number,
  use: (walk: Walk, directory: DirectoryDescriptor, path: string) => Errno,
): Errno {
  const directory = directoryWith(context, fd, needed);
  if (typeof directory === "number") return directory;
  const path = guestPath(context, pointer, length);
  if (typeof path === "number") return path;
  const walk = new Walk(directory.directory.fd);
  try {
    return walk.start(path) || use(walk, directory, path);
  } finally {
    walk.close();
  }
}

/** All `path_` functions but `path_open`. None of them follows a symlink on the host's side. */
export const pathFunctions = {
  path_filestat_get(
    context: WasiContext,
    fd: number,
    lookup: number,
    path: number,
    length: number,
    out: number,
    form = filestatForm,
  ): number {
    const { memory } = context;
    out >>>= 0;
    if (!memory.fits(out, form.bytes)) return errno.fault;
    return atPath(context, fd, right.pathFilestatGet, path, length, (walk) => {
      const stat = statLeaf(walk, (lookup & lookupSymlinkFollow) !== 0);
      if (typeof stat === "number") return stat;
      form.write(memory, out, stat);
      return 0;
    });
  },

  path_filestat_set_times(
    context: WasiContext,
    fd: number,
    lookup: number,
    path: number,
    length: number,
    atime: bigint,
    mtime: bigint,
    flags: number,
  ): number {
    const times = newTimes(atime, mtime, flags, context.host.clock.realtimeNs());
    if (times === undefined) return errno.inval;
    return atPath(context, fd, right.pathFilestatSetTimes, path, length, (walk) => {
      const stat = statLeaf(walk, (lookup & lookupSymlinkFollow) !== 0);
      if (typeof stat === "number") return stat;
      setTimes(walk.leafPath, false, times);
      return 0;
    });
  },

  path_create_directory: (context: WasiContext, fd: number, path: number, length: number): number =>
    atPath(context, fd, right.pathCreateDirectory, path, length, (walk) => {
      if (walk.leafIsDot) return errno.exist;
      mkdirSync(walk.leafPath, 0o777);
      return 0;
    }),

  path_remove_directory: (context: WasiContext, fd: number, path: number, length: number): number =>
    atPath(context, fd, right.pathRemoveDirectory, path, length, (walk) => {
      if (walk.leafIsDot) return errno.inval;
      rmdirSync(walk.leafPath);
      return 0;
    }),

  path_unlink_file: (context: WasiContext, fd: number, path: number, length: number): number =>
    atPath(context, fd, right.pathUnlinkFile, path, length, (walk) => {
      if (walk.leafIsDot) return errno.isdir;
      if (walk.directoryRequired) return isDirectory(walk) ? errno.isdir : errno.notdir;
      unlinkSync(walk.leafPath);
      return 0;
    }),

  path_rename(
    context: WasiContext,
    fromFd: number,
    fromPath: number,
    fromLength: number,
    toFd: number,
    toPath: number,
    toLength: number,
  ): number {
    return atPath(context, fromFd, right.pathRenameSource, fromPath, fromLength, (from) =>
      atPath(context, toFd, right.pathRenameTarget, toPath, toLength, (to) => {
        if (from.leafIsDot || to.leafIsDot) return errno.busy;
        // A trailing slash names a directory, and never what a symlink leads to.
        if ((from.directoryRequired || to.directoryRequired) && !isDirectory(from)) return errno.notdir;
        renameSync(from.leafPath, to.leafPath);
        return 0;
      }),
    );
  },

  path_link(
    context: WasiContext,
    oldFd: number,
    lookup: number,
    oldPath: number,
    oldLength: number,
    newFd: number,
    newPath: number,
    newLength: number,
  ): number {
    // Wasmtime has no following links either.
    if ((lookup & lookupSymlinkFollow) !== 0) return errno.inval;
    return atPath(context, oldFd, right.pathLinkSource, oldPath, oldLength, (source) =>
      atPath(context, newFd, right.pathLinkTarget, newPath, newLength, (target) => {
        if (source.leafIsDot) return errno.perm;
        const refused = refusedAsNewName(target);
        if (refused !== 0) return refused;
        if (source.directoryRequired && !isDirectory(source)) return errno.notdir;
        linkSync(source.leafPath, target.leafPath);
        return 0;
      }),
    );
  },

  path_symlink(
    context: WasiContext,
    target: number,
    targetLength: number,
    fd: number,
    path: number,
    length: number,
  ): number {
    const text = guestPath(context, target, targetLength);
    if (typeof text === "number") return text;
    if (text.startsWith("/")) return errno.perm;
    return atPath(context, fd, right.pathSymlink, path, length, (walk) => {
      const refused = refusedAsNewName(walk);
      if (refused !== 0) return refused;
      symlinkSync(text, walk.leafPath);
      return 0;
    });
  },

  path_readlink(
    context: WasiContext,
    fd: number,
    path: number,
    length: number,
    buffer: number,
    bufferLength: number,
    out: number,
  ): number {
    const { memory } = context;
    buffer >>>= 0;
    bufferLength >>>= 0;
    out >>>= 0;
    if (!memory.fits(buffer, bufferLength) || !memory.fits(out, 4)) return errno.fault;
    return atPath(context, fd, right.pathReadlink, path, length, (walk) => {
      if (walk.directoryRequired) return isDirectory(walk) ? errno.inval : errno.notdir;
      const target = readlinkSync(walk.leafPath, "buffer").subarray(0, bufferLength);
      memory.bytes.set(target, buffer);
      memory.setU32(out, target.byteLength);
      return 0;
    });
  },
} satisfies WasiFunctions;

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
