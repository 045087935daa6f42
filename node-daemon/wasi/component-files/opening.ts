/** Opening files and directories, counted and with the rights that are handed on. */
import { errno, fdFlag, openFlag, type Errno } from "../abi.ts";
import { DirectoryCapability } from "../file-system/directory-capability.ts";
import type { OpenedEntry, OpenRequest } from "../file-system/open.ts";
import type { Answer } from "../file-system/operations.ts";
import { answered } from "./answers.ts";
import { refusedWriting } from "./descriptors.ts";
import { OpenEntry } from "./open-entry.ts";
import type { Reservation } from "./open-files.ts";
import { refusedAt } from "./paths.ts";
import type { DescriptorFlags, OpenFlags, PathFlags } from "./wit-types.ts";

export function openAt(
  base: OpenEntry,
  pathFlags: PathFlags,
  path: string,
  openFlags: OpenFlags,
  flags: DescriptorFlags,
): Answer<OpenEntry> {
  const changes = openFlags.create === true || openFlags.truncate === true;
  const wanted = changes || flags.write === true || flags.mutateDirectory === true;
  const refused = refusedAt(base, path, wanted) || refusedFlags(openFlags, flags);
  if (refused !== 0) return refused;
  const request = openRequest(pathFlags, path, openFlags, flags);
  return counting(
    base,
    changes,
    () => base.operations.open(base.fd, request),
    (opened, reservation) => childOf(base, opened, request, flags, reservation),
  );
}

/** The same file once more, so that each write goes to its end, whoever else writes there. */
export function openToAppend(entry: OpenEntry): Answer<OpenEntry> {
  const refused = refusedWriting(entry, 0n);
  if (refused !== 0) return refused;
  const { files, operations, access } = entry;
  const fdFlags = syncFlags(access.flags) | fdFlag.append;
  return counting(
    entry,
    false,
    () => {
      const fd = operations.reopen(entry.fd, { read: false, write: true, fdFlags });
      return fd instanceof Promise ? fd.then(reopened) : reopened(fd);
    },
    ({ fd }, reservation) => new OpenEntry(files, { kind: "file", fd, operations }, access, reservation),
  );
}

function reopened(fd: number): OpenedEntry | Errno {
  return fd < 0 ? -fd : { kind: "file", fd };
}

/** Has a place for what `open` opens, from before it does, and closes what there is no room for or what comes too late. */
function counting(
  base: OpenEntry,
  changes: boolean,
  open: () => Answer<OpenedEntry>,
  make: (opened: OpenedEntry, reservation: Reservation) => OpenEntry,
): Answer<OpenEntry> {
  const { files, operations } = base;
  const reservation = files.reserve(changes);
  if (typeof reservation === "number") return reservation;
  const close = ({ fd }: OpenedEntry) => operations.close(fd);
  const entryOf = (opened: OpenedEntry): Answer<OpenEntry> => {
    if (files.affords(opened.fd)) return make(opened, reservation);
    close(opened);
    return errno.mfile;
  };
  const settle = (entry: OpenEntry | Errno) => {
    if (typeof entry === "number") reservation.close();
    return entry;
  };
  const failed = (thrown: unknown): never => {
    reservation.close();
    throw thrown;
  };
  try {
    const entry = answered(files, open(), entryOf, close);
    return entry instanceof Promise ? entry.then(settle, failed) : settle(entry);
  } catch (thrown) {
    return failed(thrown);
  }
}

function refusedFlags(openFlags: OpenFlags, flags: DescriptorFlags): Errno {
  if (openFlags.directory !== true) return 0;
  if (openFlags.create === true) return errno.inval;
  return openFlags.truncate === true || flags.write === true ? errno.isdir : 0;
}

/** Who creates may write, and who asks for nothing may read. */
function openRequest(
  pathFlags: PathFlags,
  path: string,
  openFlags: OpenFlags,
  flags: DescriptorFlags,
): OpenRequest {
  let bits = 0;
  if (openFlags.create === true) bits |= openFlag.create;
  if (openFlags.directory === true) bits |= openFlag.directory;
  if (openFlags.truncate === true) bits |= openFlag.truncate;
  // Means nothing by itself.
  if (openFlags.create === true && openFlags.exclusive === true) bits |= openFlag.exclusive;
  return {
    path,
    followSymlink: pathFlags.symlinkFollow === true,
    openFlags: bits,
    fdFlags: syncFlags(flags),
    read: flags.read === true || flags.write !== true,
    write: flags.write === true || openFlags.create === true,
  };
}

function syncFlags(flags: DescriptorFlags): number {
  let bits = 0;
  if (flags.fileIntegritySync === true) bits |= fdFlag.sync;
  if (flags.dataIntegritySync === true) bits |= fdFlag.dsync;
  if (flags.requestedWriteSync === true) bits |= fdFlag.rsync;
  return bits;
}

function childOf(
  base: OpenEntry,
  opened: OpenedEntry,
  request: OpenRequest,
  asked: DescriptorFlags,
  reservation: Reservation,
): OpenEntry {
  const { files, operations, access } = base;
  const { mayChange, mutation } = access;
  const sync = {
    fileIntegritySync: asked.fileIntegritySync === true,
    dataIntegritySync: asked.dataIntegritySync === true,
    requestedWriteSync: asked.requestedWriteSync === true,
  };
  if (opened.kind === "file") {
    const flags = { ...sync, read: request.read, write: request.write };
    return new OpenEntry(
      files,
      { kind: "file", fd: opened.fd, operations },
      { flags, mayChange, mutation },
      reservation,
    );
  }
  const mutateDirectory = asked.mutateDirectory === true;
  const directory = new DirectoryCapability(opened.fd, operations);
  return new OpenEntry(
    files,
    { kind: "directory", directory },
    {
      flags: { ...sync, read: true, mutateDirectory },
      mayChange: mayChange && (mutateDirectory || mutation === "inherited"),
      mutation,
    },
    reservation,
  );
}
