import { closeSync, fdatasync, fstatSync, fsync, ftruncateSync, truncateSync } from "node:fs";
import { getSystemErrorName } from "node:util";

import { errno, fdFlagsAll, fileType, right, size, whence } from "../abi.ts";
import { missingRight, type Descriptor, type FileDescriptor } from "../descriptors.ts";
import { errnoOfThrown } from "../errnos.ts";
import { descriptorPath } from "../file-system/host-flags.ts";
import { libc } from "../file-system/libc.ts";
import { reopen } from "../file-system/open.ts";
import { setTimes } from "../file-system/times.ts";
import { rightsOf, unsigned64, type WasiContext, type WasiFunctions } from "./context.ts";
import { filestatForm, newTimes } from "./filestat.ts";

const adviceMax = 5;

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

  fd_fdstat_set_flags({ descriptors }: WasiContext, fd: number, flags: number): number {
    const descriptor = descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    if ((flags & ~fdFlagsAll) !== 0) return errno.inval;
    const refused = missingRight(descriptor, right.fdFdstatSetFlags);
    if (refused !== 0) return refused;
    if (descriptor.kind === "file" && descriptor.flags !== flags) changeFlags(descriptor, flags);
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

  fd_seek(context: WasiContext, fd: number, delta: bigint, from: number, out: number): number {
    // Asking where one is needs no more than the right to tell.
    if (delta === 0n && from === whence.current) return tell(context, fd, out);
    const { memory, descriptors } = context;
    const file = fileWith(descriptors.get(fd), right.fdSeek);
    if (typeof file === "number") return file;
    out >>>= 0;
    if (!memory.fits(out, 8)) return errno.fault;
    const origin = seekOrigin(file, from);
    if (origin === undefined) return errno.inval;
    const position = origin + Number(delta);
    if (position < 0) return errno.inval;
    if (!Number.isSafeInteger(position)) return errno.overflow;
    file.position = position;
    memory.setU64(out, BigInt(position));
    return 0;
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

  fd_allocate({ descriptors }: WasiContext, fd: number, offset: bigint, length: bigint): number {
    const file = fileWith(descriptors.get(fd), right.fdAllocate);
    if (typeof file === "number") return file;
    return allocate(file, unsigned64(offset), unsigned64(length));
  },

  fd_filestat_set_size({ descriptors }: WasiContext, fd: number, newSize: bigint): number {
    const file = fileWith(descriptors.get(fd), right.fdFilestatSetSize);
    if (typeof file === "number") return file;
    const bytes = Number(unsigned64(newSize));
    if (!Number.isSafeInteger(bytes)) return errno.fbig;
    if (file.write) ftruncateSync(file.hostFd, bytes);
    else truncateSync(descriptorPath(file.hostFd), bytes);
    return 0;
  },

  fd_sync: (context: WasiContext, fd: number) =>
    sync(context, context.descriptors.get(fd), right.fdSync, fsync),
  fd_datasync: (context: WasiContext, fd: number) =>
    sync(context, context.descriptors.get(fd), right.fdDatasync, fdatasync),

  fd_filestat_get(
    { memory, descriptors }: WasiContext,
    fd: number,
    out: number,
    form = filestatForm,
  ): number {
    const descriptor = descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    const refused = missingRight(descriptor, right.fdFilestatGet);
    if (refused !== 0) return refused;
    out >>>= 0;
    if (!memory.fits(out, form.bytes)) return errno.fault;
    const hostFd = hostFdOf(descriptor);
    if (hostFd === undefined) memory.bytes.fill(0, out, out + form.bytes);
    else form.write(memory, out, fstatSync(hostFd, { bigint: true }));
    return 0;
  },

  fd_filestat_set_times(
    { host, descriptors }: WasiContext,
    fd: number,
    atime: bigint,
    mtime: bigint,
    flags: number,
  ): number {
    const descriptor = descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    const refused = missingRight(descriptor, right.fdFilestatSetTimes);
    if (refused !== 0) return refused;
    const times = newTimes(atime, mtime, flags, host.clock.realtimeNs());
    if (times === undefined) return errno.inval;
    const hostFd = hostFdOf(descriptor);
    if (hostFd === undefined) return errno.inval;
    setTimes(descriptorPath(hostFd), true, times);
    return 0;
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

function hostFdOf(descriptor: Descriptor): number | undefined {
  if (descriptor.kind === "file") return descriptor.hostFd;
  return descriptor.kind === "directory" ? descriptor.directory.fd : undefined;
}

/** Standard input and output are streams of the host's own making: of no type that preview 1 names. */
function fileTypeOfDescriptor(descriptor: Descriptor): number {
  if (descriptor.kind === "file") return fileType.regularFile;
  return descriptor.kind === "directory" ? fileType.directory : fileType.unknown;
}

function seekOrigin(file: FileDescriptor, from: number): number | undefined {
  if (from === whence.set) return 0;
  if (from === whence.current) return file.position;
  return from === whence.end ? fstatSync(file.hostFd).size : undefined;
}

function changeFlags(file: FileDescriptor, flags: number): void {
  const replacement = reopen(file.hostFd, file.read, file.write, flags);
  closeSync(file.hostFd);
  file.hostFd = replacement;
}

function allocate(file: FileDescriptor, offset: bigint, length: bigint): number {
  if (length === 0n) return errno.inval;
  const end = offset + length;
  if (end > BigInt(Number.MAX_SAFE_INTEGER)) return errno.fbig;
  const calls = libc();
  if (calls !== undefined) {
    const reason = calls.posix_fallocate(file.hostFd, offset, length);
    return reason === 0 ? 0 : (errnoOfThrown({ code: getSystemErrorName(-reason) }) ?? errno.io);
  }
  // Without the C library the file gets its size, but no space is reserved.
  if (fstatSync(file.hostFd).size < end) ftruncateSync(file.hostFd, Number(end));
  return 0;
}

/** Waits off the thread: a disk takes its time, and the neighbours have theirs. */
function sync(
  { host }: WasiContext,
  descriptor: Descriptor | undefined,
  needed: number,
  call: (fd: number, done: (error: Error | null) => void) => void,
): number | Promise<number> {
  if (descriptor === undefined) return errno.badf;
  const hostFd = hostFdOf(descriptor);
  if (hostFd === undefined) return 0;
  const refused = missingRight(descriptor, needed);
  if (refused !== 0) return refused;
  return host.wait<number>((wake) => {
    call(hostFd, (error) => wake(error === null ? 0 : (errnoOfThrown(error) ?? errno.io)));
    return () => {};
  }, errno.intr);
}
