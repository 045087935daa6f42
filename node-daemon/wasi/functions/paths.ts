import { errno, lookupSymlinkFollow, right, type Errno } from "../abi.ts";
import { missingRight, type DirectoryDescriptor } from "../descriptors.ts";
import type { DirectoryCapability } from "../file-system/directory-capability.ts";
import { limits } from "../limits.ts";
import { answered, done } from "./answers.ts";
import type { WasiContext, WasiFunctions } from "./context.ts";
import { filestatForm, newTimes, shown } from "./filestat.ts";

type Result = number | Promise<number>;

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

/** The directory behind `fd`, if it has the rights, and the path at `pointer`: handed to `use`, or why not. */
function atPath(
  context: WasiContext,
  fd: number,
  needed: number,
  pointer: number,
  length: number,
  use: (directory: DirectoryCapability, path: string) => Result,
): Result {
  const descriptor = directoryWith(context, fd, needed);
  if (typeof descriptor === "number") return descriptor;
  const path = guestPath(context, pointer, length);
  if (typeof path === "number") return path;
  return use(descriptor.directory, path);
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
  ): Result {
    const { memory } = context;
    out >>>= 0;
    if (!memory.fits(out, form.bytes)) return errno.fault;
    const follow = (lookup & lookupSymlinkFollow) !== 0;
    return atPath(context, fd, right.pathFilestatGet, path, length, ({ fd, files }, text) =>
      answered(context, files.statAt(fd, text, follow), (stat) =>
        form.write(memory, out, shown(context, stat)),
      ),
    );
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
  ): Result {
    const times = newTimes(atime, mtime, flags, context.host.clock.realtimeNs());
    if (times === undefined) return errno.inval;
    const follow = (lookup & lookupSymlinkFollow) !== 0;
    return atPath(context, fd, right.pathFilestatSetTimes, path, length, ({ fd, files }, text) =>
      done(context, files.setTimesAt(fd, text, follow, times)),
    );
  },

  path_create_directory: (context: WasiContext, fd: number, path: number, length: number): Result =>
    atPath(context, fd, right.pathCreateDirectory, path, length, ({ fd, files }, text) =>
      done(context, files.createDirectory(fd, text)),
    ),

  path_remove_directory: (context: WasiContext, fd: number, path: number, length: number): Result =>
    atPath(context, fd, right.pathRemoveDirectory, path, length, ({ fd, files }, text) =>
      done(context, files.removeDirectory(fd, text)),
    ),

  path_unlink_file: (context: WasiContext, fd: number, path: number, length: number): Result =>
    atPath(context, fd, right.pathUnlinkFile, path, length, ({ fd, files }, text) =>
      done(context, files.unlink(fd, text)),
    ),

  path_rename(
    context: WasiContext,
    fromFd: number,
    fromPath: number,
    fromLength: number,
    toFd: number,
    toPath: number,
    toLength: number,
  ): Result {
    return atPath(context, fromFd, right.pathRenameSource, fromPath, fromLength, (from, fromText) =>
      atPath(context, toFd, right.pathRenameTarget, toPath, toLength, (to, toText) => {
        if (from.files !== to.files) return errno.xdev;
        return done(context, from.files.rename(from.fd, fromText, to.fd, toText));
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
  ): Result {
    // Wasmtime has no following links either.
    if ((lookup & lookupSymlinkFollow) !== 0) return errno.inval;
    return atPath(context, oldFd, right.pathLinkSource, oldPath, oldLength, (from, fromText) =>
      atPath(context, newFd, right.pathLinkTarget, newPath, newLength, (to, toText) => {
        if (from.files !== to.files) return errno.xdev;
        return done(context, from.files.link(from.fd, fromText, to.fd, toText));
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
  ): Result {
    const text = guestPath(context, target, targetLength);
    if (typeof text === "number") return text;
    return atPath(context, fd, right.pathSymlink, path, length, ({ fd, files }, name) =>
      done(context, files.symlink(text, fd, name)),
    );
  },

  path_readlink(
    context: WasiContext,
    fd: number,
    path: number,
    length: number,
    buffer: number,
    bufferLength: number,
    out: number,
  ): Result {
    const { memory } = context;
    buffer >>>= 0;
    bufferLength >>>= 0;
    out >>>= 0;
    if (!memory.fits(buffer, bufferLength) || !memory.fits(out, 4)) return errno.fault;
    return atPath(context, fd, right.pathReadlink, path, length, ({ fd, files }, text) =>
      answered(context, files.readlink(fd, text), (target) => {
        const fitting = target.subarray(0, bufferLength);
        memory.bytes.set(fitting, buffer);
        memory.setU32(out, fitting.byteLength);
        return 0;
      }),
    );
  },
} satisfies WasiFunctions;
