import {
  directoryRights,
  errno,
  fdFlag,
  fdFlagsAll,
  fileRights,
  lookupSymlinkFollow,
  openFlag,
  openFlagsAll,
  right,
} from "../abi.ts";
import { refusal, type Descriptor, type DirectoryDescriptor } from "../descriptors.ts";
import { DirectoryCapability } from "../file-system/directory-capability.ts";
import { nextDescriptor, type OpenedEntry, type OpenRequest } from "../file-system/open.ts";
import { answered } from "./answers.ts";
import { rightsOf, type WasiContext, type WasiFunctions } from "./context.ts";
import { directoryWith, guestPath } from "./paths.ts";

/**
 * `path_open`. The new descriptor gets the rights that were asked for, as far as the directory hands them on and they mean
 * something for what was opened. Only reading and writing must be granted in full, else the open is refused: the
 * libraries of Rust and Go ask for every right at every open, read-only mounts included.
 */
export const pathOpenFunctions = {
  path_open(
    context: WasiContext,
    fd: number,
    lookup: number,
    path: number,
    length: number,
    openFlags: number,
    rights: bigint,
    inheriting: bigint,
    fdFlags: number,
    out: number,
  ): number | Promise<number> {
    const { memory, descriptors, host } = context;
    out >>>= 0;
    if (!memory.fits(out, 4)) return errno.fault;
    const directory = directoryWith(context, fd, neededOfDirectory(openFlags));
    if (typeof directory === "number") return directory;
    const text = guestPath(context, path, length);
    if (typeof text === "number") return text;
    const asked = rightsOf(rights);
    const refused = refusedFlags(openFlags, fdFlags, asked) || refusedRights(directory, asked);
    if (refused !== 0) return refused;
    const { hostDescriptorsMax } = host.limits;
    const changes = (openFlags & (openFlag.create | openFlag.truncate)) !== 0;
    // A refused open must have changed nothing; any other is refused once the number is known.
    const scarce = changes && nextDescriptor() >= hostDescriptorsMax;
    if (descriptors.full || scarce) return errno.mfile;

    const request: OpenRequest = {
      path: text,
      followSymlink: (lookup & lookupSymlinkFollow) !== 0,
      openFlags,
      fdFlags,
      read: (asked & right.fdRead) !== 0,
      write: (asked & right.fdWrite) !== 0,
    };
    const { files, fd: base } = directory.directory;
    return answered(
      context,
      files.open(base, request),
      (opened) => {
        // Others may have opened something while this one waited.
        if (opened.fd >= hostDescriptorsMax || descriptors.full) {
          files.close(opened.fd);
          return errno.mfile;
        }
        const descriptor = describe(opened, request, directory, asked, rightsOf(inheriting));
        memory.setU32(out, descriptors.add(descriptor));
        return 0;
      },
      (late) => files.close(late.fd),
    );
  },
} satisfies WasiFunctions;

function neededOfDirectory(openFlags: number): number {
  let needed: number = right.pathOpen;
  if ((openFlags & openFlag.create) !== 0) needed |= right.pathCreateFile;
  if ((openFlags & openFlag.truncate) !== 0) needed |= right.pathFilestatSetSize;
  return needed;
}

function refusedFlags(openFlags: number, fdFlags: number, asked: number): number {
  if ((openFlags & ~openFlagsAll) !== 0 || (fdFlags & ~fdFlagsAll) !== 0) return errno.inval;
  if ((openFlags & openFlag.directory) === 0) return 0;
  if ((openFlags & openFlag.create) !== 0) return errno.inval;
  return (openFlags & openFlag.truncate) !== 0 || (asked & right.fdWrite) !== 0 ? errno.isdir : 0;
}

function refusedRights(directory: DirectoryDescriptor, asked: number): number {
  return refusal(directory, asked & (right.fdRead | right.fdWrite) & ~directory.rightsInheriting);
}

function describe(
  opened: OpenedEntry,
  request: OpenRequest,
  parent: DirectoryDescriptor,
  asked: number,
  askedInheriting: number,
): Descriptor {
  const rightsBase = asked & parent.rightsInheriting;
  const rightsInheriting = askedInheriting & parent.rightsInheriting;
  const { readOnly } = parent;
  const { files } = parent.directory;
  if (opened.kind === "directory") {
    return {
      kind: "directory",
      directory: new DirectoryCapability(opened.fd, files),
      preopenPath: undefined,
      listing: undefined,
      flags: request.fdFlags & ~fdFlag.append,
      rightsBase: rightsBase & directoryRights,
      rightsInheriting,
      readOnly,
    };
  }
  return {
    kind: "file",
    files,
    hostFd: opened.fd,
    position: 0,
    flags: request.fdFlags,
    read: request.read,
    write: request.write,
    rightsBase: rightsBase & fileRights,
    rightsInheriting,
    readOnly,
  };
}
