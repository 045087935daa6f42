import { errorCode } from "../../kit/errors.ts";
import { errno, type Errno } from "./abi.ts";

/** The one table from the error codes of Node's file system calls to those of preview 1. */
const errnoByCode: Readonly<Record<string, Errno>> = {
  EACCES: errno.acces,
  EAGAIN: errno.again,
  EBADF: errno.badf,
  EBUSY: errno.busy,
  EDQUOT: errno.dquot,
  EEXIST: errno.exist,
  EFBIG: errno.fbig,
  EILSEQ: errno.ilseq,
  EINTR: errno.intr,
  EINVAL: errno.inval,
  EIO: errno.io,
  EISDIR: errno.isdir,
  ELOOP: errno.loop,
  // The process is out of descriptors, not the guest: to the guest the system is full.
  EMFILE: errno.nfile,
  EMLINK: errno.mlink,
  ENAMETOOLONG: errno.nametoolong,
  ENFILE: errno.nfile,
  ENODEV: errno.nodev,
  ENOENT: errno.noent,
  ENOLCK: errno.nolck,
  ENOMEM: errno.nomem,
  ENOSPC: errno.nospc,
  ENOSYS: errno.nosys,
  ENOTDIR: errno.notdir,
  ENOTEMPTY: errno.notempty,
  ENOTSUP: errno.notsup,
  EOPNOTSUPP: errno.notsup,
  // Opening a socket, or a FIFO without a reader.
  ENXIO: errno.acces,
  EOVERFLOW: errno.overflow,
  EPERM: errno.perm,
  EPIPE: errno.pipe,
  EROFS: errno.rofs,
  ESPIPE: errno.spipe,
  ESTALE: errno.stale,
  ETIMEDOUT: errno.timedout,
  ETXTBSY: errno.txtbsy,
  EXDEV: errno.xdev,
};

/** The errno for what a file system call threw; undefined for anything that is our own bug. */
export function errnoOfThrown(thrown: unknown): Errno | undefined {
  const code = errorCode(thrown);
  return code === undefined ? undefined : errnoByCode[code];
}
