import { errno, fdFlagsAll, fileType, right, size, whence } from "../abi.ts";
import { missingRight, type Descriptor, type FileDescriptor } from "../descriptors.ts";
import type { FileOperations } from "../file-system/operations.ts";
import { answered, counted, done } from "./answers.ts";
import { rightsOf, unsigned64, type WasiContext, type WasiFunctions } from "./context.ts";
import { filestatForm, newTimes, shown } from "./filestat.ts";

const adviceMax = 5;

type Result = number | Promise<number>;

/** What is done to a descriptor itself: state, rights, sizes, times, seeking, syncing, closing. */
export const fileDescriptorFunctions = {
  fd_close: ({ descriptors }: WasiContext, fd: number): number => descriptors.close(fd),

  fd_renumber: ({ descriptors }: WasiContext, from: number, to: number): number =>
    descriptors.renumber(from, to),

  fd_fdstat_get({ memory, descriptors }: WasiContext, fd: number, out: number): number {
    const descriptor = descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    out >>>= 0;
    if (!memory.fits(out, size.fdstat)) return errno.fault;
    const { view } = memory;
    view.setBigUint64(out, 0n);
    view.setUint8(out, fileTypeOfDescriptor(descriptor));
    view.setUint16(out + 2, descriptor.flags, true);
    view.setBigUint64(out + 8, BigInt(descriptor.rightsBase), true);
    view.setBigUint64(out + 16, BigInt(descriptor.rightsInheriting), true);
    return 0;
  },

  fd_fdstat_set_flags(context: WasiContext, fd: number, flags: number): Result {
    const descriptor = context.descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    if ((flags & ~fdFlagsAll) !== 0) return errno.inval;
    const refused = missingRight(descriptor, right.fdFdstatSetFlags);
    if (refused !== 0) return refused;
    if (descriptor.kind === "file" && descriptor.flags !== flags) {
      return changeFlags(context, descriptor, flags);
    }
    descriptor.flags = flags;
    return 0;
  },

  fd_fdstat_set_rights({ descriptors }: WasiContext, fd: number, base: bigint, inheriting: bigint): number {
    const descriptor = descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    const newBase = rightsOf(base);
    const newInheriting = rightsOf(inheriting);
    const more = (newBase & ~descriptor.rightsBase) | (newInheriting & ~descriptor.rightsInheriting);
    if (more !== 0) return errno.notcapable;
    descriptor.rightsBase = newBase;
    descriptor.rightsInheriting = newInheriting;
    return 0;
  },

  fd_prestat_get({ memory, descriptors }: WasiContext, fd: number, out: number): number {
    const path = preopenPath(descriptors.get(fd));
    if (path === undefined) return errno.badf;
    out >>>= 0;
    if (!memory.fits(out, size.prestat)) return errno.fault;
    memory.setU32(out, 0);
    memory.setU32(out + 4, path.byteLength);
    return 0;
  },

  fd_prestat_dir_name({ memory, descriptors }: WasiContext, fd: number, out: number, length: number): number {
    const path = preopenPath(descriptors.get(fd));
    if (path === undefined) return errno.badf;
    out >>>= 0;
    if (length >>> 0 < path.byteLength) return errno.nametoolong;
    if (!memory.fits(out, path.byteLength)) return errno.fault;
    memory.bytes.set(path, out);
    return 0;
  },

  fd_seek(context: WasiContext, fd: number, delta: bigint, from: number, out: number): Result {
    // Asking where one is needs no more than the right to tell.
    if (delta === 0n && from === whence.current) return tell(context, fd, out);
    const { memory, descriptors } = context;
    const file = fileWith(descriptors.get(fd), right.fdSeek);
    if (typeof file === "number") return file;
    out >>>= 0;
    if (!memory.fits(out, 8)) return errno.fault;
    if (from === whence.set) return seekTo(context, file, Number(delta), out);
    if (from === whence.current) return seekTo(context, file, file.position + Number(delta), out);
    if (from !== whence.end) return errno.inval;
    return counted(context, file.files.size(file.hostFd), (bytes) =>
      seekTo(context, file, bytes + Number(delta), out),
    );
  },

  fd_tell: tell,

  fd_advise(
    { descriptors }: WasiContext,
    fd: number,
    _offset: bigint,
    length: bigint,
    advice: number,
  ): number {
    const file = fileWith(descriptors.get(fd), right.fdAdvise);
    if (typeof file === "number") return file;
    // The advice itself is not passed on: it changes nothing that a guest could see.
    return advice >>> 0 > adviceMax || unsigned64(length) >= 1n << 63n ? errno.inval : 0;
  },

  fd_allocate(context: WasiContext, fd: number, offset: bigint, length: bigint): Result {
    const file = fileWith(context.descriptors.get(fd), right.fdAllocate);
    if (typeof file === "number") return file;
    return done(context, file.files.allocate(file.hostFd, unsigned64(offset), unsigned64(length)));
  },

  fd_filestat_set_size(context: WasiContext, fd: number, newSize: bigint): Result {
    const file = fileWith(context.descriptors.get(fd), right.fdFilestatSetSize);
    if (typeof file === "number") return file;
    const bytes = Number(unsigned64(newSize));
    if (!Number.isSafeInteger(bytes)) return errno.fbig;
    return done(context, file.files.setSize(file.hostFd, bytes));
  },

  fd_sync: (context: WasiContext, fd: number): Result => sync(context, fd, right.fdSync, false),
  fd_datasync: (context: WasiContext, fd: number): Result => sync(context, fd, right.fdDatasync, true),

  fd_filestat_get(context: WasiContext, fd: number, out: number, form = filestatForm): Result {
    const { memory } = context;
    const descriptor = context.descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    const refused = missingRight(descriptor, right.fdFilestatGet);
    if (refused !== 0) return refused;
    out >>>= 0;
    if (!memory.fits(out, form.bytes)) return errno.fault;
    const host = hostOf(descriptor);
    if (host !== undefined) {
      return answered(context, host.files.stat(host.fd), (stat) =>
        form.write(memory, out, shown(context, stat)),
      );
    }
    memory.bytes.fill(0, out, out + form.bytes);
    memory.view.setUint8(out + 16, fileTypeOfDescriptor(descriptor));
    return 0;
  },

  fd_filestat_set_times(
    context: WasiContext,
    fd: number,
    atime: bigint,
    mtime: bigint,
    flags: number,
  ): Result {
    const descriptor = context.descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    const refused = missingRight(descriptor, right.fdFilestatSetTimes);
    if (refused !== 0) return refused;
    const times = newTimes(atime, mtime, flags, context.host.clock.realtimeNs());
    if (times === undefined) return errno.inval;
    const host = hostOf(descriptor);
    return host === undefined ? errno.inval : done(context, host.files.setTimes(host.fd, times));
  },
} satisfies WasiFunctions;

function tell({ memory, descriptors }: WasiContext, fd: number, out: number): number {
  const descriptor = descriptors.get(fd);
  // The right to seek implies the right to tell.
  const seeks = descriptor !== undefined && missingRight(descriptor, right.fdSeek) === 0;
  const file = fileWith(descriptor, seeks ? 0 : right.fdTell);
  if (typeof file === "number") return file;
  out >>>= 0;
  if (!memory.fits(out, 8)) return errno.fault;
  memory.setU64(out, BigInt(file.position));
  return 0;
}

/** The regular file with those rights, or why not. */
function fileWith(descriptor: Descriptor | undefined, needed: number): FileDescriptor | number {
  if (descriptor === undefined) return errno.badf;
  if (descriptor.kind === "directory") return errno.isdir;
  if (descriptor.kind !== "file") return errno.spipe;
  const missing = missingRight(descriptor, needed);
  return missing === 0 ? descriptor : missing;
}

function preopenPath(descriptor: Descriptor | undefined): Uint8Array | undefined {
  return descriptor?.kind === "directory" ? descriptor.preopenPath : undefined;
}

interface HostDescriptor {
  readonly fd: number;
  readonly files: FileOperations;
}

function hostOf(descriptor: Descriptor): HostDescriptor | undefined {
  if (descriptor.kind === "file") return { fd: descriptor.hostFd, files: descriptor.files };
  return descriptor.kind === "directory" ? descriptor.directory : undefined;
}

function isSocket({ kind }: Descriptor): boolean {
  return kind === "socket" || kind === "listener";
}

/** Standard input and output are streams of the host's own making: of no type that preview 1 names. */
function fileTypeOfDescriptor(descriptor: Descriptor): number {
  if (descriptor.kind === "file") return fileType.regularFile;
  if (isSocket(descriptor)) return fileType.socketStream;
  return descriptor.kind === "directory" ? fileType.directory : fileType.unknown;
}

function seekTo({ memory }: WasiContext, file: FileDescriptor, position: number, out: number): number {
  if (position < 0) return errno.inval;
  if (!Number.isSafeInteger(position)) return errno.overflow;
  file.position = position;
  memory.setU64(out, BigInt(position));
  return 0;
}

function changeFlags(context: WasiContext, file: FileDescriptor, flags: number): Result {
  const { files, hostFd, read, write } = file;
  const replace = (replacement: number) => {
    file.hostFd = replacement;
    file.flags = flags;
    files.close(hostFd);
    return 0;
  };
  const reopened = files.reopen(hostFd, { fdFlags: flags, read, write });
  return counted(context, reopened, replace, (late) => files.close(late));
}

function sync(context: WasiContext, fd: number, needed: number, dataOnly: boolean): Result {
  const descriptor = context.descriptors.get(fd);
  if (descriptor === undefined) return errno.badf;
  const host = hostOf(descriptor);
  if (host === undefined) return isSocket(descriptor) ? errno.inval : 0;
  const refused = missingRight(descriptor, needed);
  return refused === 0 ? done(context, host.files.sync(host.fd, dataOnly)) : refused;
}
