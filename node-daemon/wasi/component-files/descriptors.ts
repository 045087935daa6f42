/** What is done to an open file or directory itself. */
import { createHash } from "node:crypto";

import { errno, fileType, type Errno } from "../abi.ts";
import type { Answer, Done, FileStat, Transferred } from "../file-system/operations.ts";
import { answered, counted, done } from "./answers.ts";
import { limits } from "./limits.ts";
import { newTimes } from "./new-times.ts";
import type { OpenEntry } from "./open-entry.ts";
import type { OpenFiles } from "./open-files.ts";
import type { Advice, DescriptorFlags, MetadataHash, NewTimestamp } from "./wit-types.ts";

const offsetMax = BigInt(Number.MAX_SAFE_INTEGER);
/** Beyond it an offset is negative to the kernel. */
const lengthMax = 2n ** 63n - 1n;

export function flagsOf(entry: OpenEntry): Required<DescriptorFlags> {
  const { flags } = entry.access;
  return {
    read: flags.read === true,
    write: flags.write === true,
    fileIntegritySync: flags.fileIntegritySync === true,
    dataIntegritySync: flags.dataIntegritySync === true,
    requestedWriteSync: flags.requestedWriteSync === true,
    mutateDirectory: flags.mutateDirectory === true,
  };
}

/** Of `fileType`: nothing else is ever opened. */
export function typeOf(entry: OpenEntry): number {
  return entry.kind === "directory" ? fileType.directory : fileType.regularFile;
}

export function stat(entry: OpenEntry): Answer<FileStat> {
  return answered(entry.files, entry.operations.stat(entry.fd), (found) => found);
}

/** The advice itself is not passed on: it changes nothing that a guest could see. */
export function advise(entry: OpenEntry, offset: bigint, length: bigint, _advice: Advice): Errno {
  if (entry.kind !== "file") return errno.badf;
  return offset > lengthMax || length > lengthMax ? errno.inval : 0;
}

export function setSize(entry: OpenEntry, size: bigint): Done {
  if (entry.kind !== "file" || entry.access.flags.write !== true) return errno.badf;
  if (size > offsetMax) return errno.fbig;
  return done(entry.files, entry.operations.setSize(entry.fd, Number(size)));
}

/** Also of a file that was opened to read, as its owner may on Linux. */
export function setTimes(entry: OpenEntry, atime: NewTimestamp, mtime: NewTimestamp): Done {
  if (!entry.access.mayChange) return errno.rofs;
  const times = newTimes(atime, mtime, entry.files.host.clock.realtimeNs());
  if (typeof times === "number") return times;
  return done(entry.files, entry.operations.setTimes(entry.fd, times));
}

export function sync(entry: OpenEntry, dataOnly: boolean): Done {
  return done(entry.files, entry.operations.sync(entry.fd, dataOnly));
}

/** Boxed, since numbers are errnos. */
export function isSameObject(one: OpenEntry, other: OpenEntry): Answer<{ readonly same: boolean }> {
  if (one === other) return { same: true };
  return answered<FileStat, { readonly same: boolean }>(one.files, stat(one), (first) =>
    answered<FileStat, { readonly same: boolean }>(one.files, stat(other), (second) => ({
      same: first.dev === second.dev && first.ino === second.ino,
    })),
  );
}

/**
 * `lower` stays the same as long as the object is the same one, since libraries make an inode number of it; `upper` changes
 * with what is in it. Neither tells anything about the host.
 */
export function metadataHash(files: OpenFiles, found: FileStat): MetadataHash {
  const { dev, ino, size, mtimeNs } = found;
  return { lower: hash(files, [dev, ino]), upper: hash(files, [dev, ino, size, mtimeNs]) };
}

function hash({ secret }: OpenFiles, fields: readonly bigint[]): bigint {
  const digest = createHash("sha256").update(secret).update(fields.join(",")).digest();
  return digest.readBigUInt64LE();
}

export interface ReadBytes {
  readonly bytes: Uint8Array;
  readonly atEnd: boolean;
}

export function read(entry: OpenEntry, length: bigint, offset: bigint): Answer<ReadBytes> {
  const refused = refusedReading(entry, offset);
  if (refused !== 0) return refused;
  const wanted = length > BigInt(limits.readBytesMax) ? limits.readBytesMax : Number(length);
  const bytes = new Uint8Array(wanted);
  return counted<ReadBytes>(entry.files, readInto(entry, bytes, Number(offset)), (count) => ({
    bytes: bytes.subarray(0, count),
    atEnd: count < wanted,
  }));
}

/** How many bytes, or a negative errno. What is waited for is the caller's to wait for. */
export function readInto(entry: OpenEntry, target: Uint8Array, position: number): Transferred {
  if (target.byteLength === 0) return 0;
  if (!Number.isSafeInteger(position + target.byteLength)) return -errno.inval;
  return entry.operations.read(entry.fd, [target], position);
}

/** How many bytes were written, boxed since numbers are errnos. */
export function write(
  entry: OpenEntry,
  bytes: Uint8Array,
  offset: bigint,
): Answer<{ readonly written: number }> {
  const refused = refusedWriting(entry, offset);
  if (refused !== 0) return refused;
  const written = writeFrom(entry, bytes.subarray(0, limits.writeBytesMax), Number(offset));
  return counted(entry.files, written, (count) => ({ written: count }));
}

/** As `readInto`. `bytes` stays untouched until it has answered. */
export function writeFrom(entry: OpenEntry, bytes: Uint8Array, position: number): Transferred {
  if (bytes.byteLength === 0) return 0;
  if (!Number.isSafeInteger(position + bytes.byteLength)) return -errno.fbig;
  return entry.operations.write(entry.fd, [bytes], position);
}

/** Why nothing can be read from there on, or 0. */
export function refusedReading(entry: OpenEntry, offset: bigint): Errno {
  if (entry.kind !== "file") return errno.isdir;
  if (entry.access.flags.read !== true) return errno.badf;
  return offset > offsetMax ? errno.inval : 0;
}

export function refusedWriting(entry: OpenEntry, offset: bigint): Errno {
  if (entry.kind !== "file") return errno.isdir;
  if (entry.access.flags.write !== true) return errno.badf;
  return offset > offsetMax ? errno.fbig : 0;
}
