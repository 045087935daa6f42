import { errno, type Errno } from "../abi.ts";

/** The error codes that WASI 0.2 and 0.3 have in common and that any call of ours answers. */
export type ErrorName =
  | "access"
  | "bad-descriptor"
  | "busy"
  | "cross-device"
  | "exist"
  | "file-too-large"
  | "illegal-byte-sequence"
  | "insufficient-memory"
  | "insufficient-space"
  | "interrupted"
  | "invalid"
  | "invalid-seek"
  | "io"
  | "is-directory"
  | "loop"
  | "name-too-long"
  | "no-device"
  | "no-entry"
  | "no-lock"
  | "no-such-device"
  | "not-directory"
  | "not-empty"
  | "not-permitted"
  | "overflow"
  | "pipe"
  | "quota"
  | "read-only"
  | "text-file-busy"
  | "too-many-links"
  | "unsupported";

/** The one table from our errnos to error codes. Those that neither generation has a word for are each one's to answer. */
const names: ReadonlyMap<Errno, ErrorName> = new Map([
  [errno.acces, "access"],
  [errno.badf, "bad-descriptor"],
  [errno.busy, "busy"],
  [errno.dquot, "quota"],
  [errno.exist, "exist"],
  [errno.fbig, "file-too-large"],
  [errno.ilseq, "illegal-byte-sequence"],
  [errno.intr, "interrupted"],
  [errno.inval, "invalid"],
  [errno.io, "io"],
  [errno.isdir, "is-directory"],
  [errno.loop, "loop"],
  // Neither has a word for too many open files.
  [errno.mfile, "insufficient-memory"],
  [errno.mlink, "too-many-links"],
  [errno.nametoolong, "name-too-long"],
  [errno.nfile, "insufficient-memory"],
  [errno.nobufs, "insufficient-memory"],
  [errno.nodev, "no-device"],
  [errno.noent, "no-entry"],
  [errno.nolck, "no-lock"],
  [errno.nomem, "insufficient-memory"],
  [errno.nospc, "insufficient-space"],
  [errno.nosys, "unsupported"],
  [errno.notcapable, "not-permitted"],
  [errno.notdir, "not-directory"],
  [errno.notempty, "not-empty"],
  [errno.notsup, "unsupported"],
  [errno.nxio, "no-such-device"],
  [errno.overflow, "overflow"],
  [errno.perm, "not-permitted"],
  [errno.pipe, "pipe"],
  [errno.rofs, "read-only"],
  [errno.spipe, "invalid-seek"],
  [errno.txtbsy, "text-file-busy"],
  [errno.xdev, "cross-device"],
]);

export function errorName(code: Errno): ErrorName | undefined {
  return names.get(code);
}
