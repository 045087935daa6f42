/** What is done at paths below an open directory. Nothing here resolves one: that is the files' own work (walk.ts). */
import { errno, type Errno } from "../abi.ts";
import type { Answer, Done, FileStat } from "../file-system/operations.ts";
import { limits } from "../limits.ts";
import { answered, done } from "./answers.ts";
import { newTimes } from "./new-times.ts";
import type { OpenEntry } from "./open-entry.ts";
import type { NewTimestamp, PathFlags } from "./wit-types.ts";

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function statAt(base: OpenEntry, pathFlags: PathFlags, path: string): Answer<FileStat> {
  const refused = refusedAt(base, path, false);
  if (refused !== 0) return refused;
  const stat = base.operations.statAt(base.fd, path, pathFlags.symlinkFollow === true);
  return answered(base.files, stat, (found) => found);
}

export function setTimesAt(
  base: OpenEntry,
  pathFlags: PathFlags,
  path: string,
  atime: NewTimestamp,
  mtime: NewTimestamp,
): Done {
  const refused = refusedAt(base, path, true);
  if (refused !== 0) return refused;
  const times = newTimes(atime, mtime, base.files.host.clock.realtimeNs());
  if (typeof times === "number") return times;
  const follow = pathFlags.symlinkFollow === true;
  return done(base.files, base.operations.setTimesAt(base.fd, path, follow, times));
}

export function createDirectoryAt(base: OpenEntry, path: string): Done {
  return refusedAt(base, path, true) || done(base.files, base.operations.createDirectory(base.fd, path));
}

export function removeDirectoryAt(base: OpenEntry, path: string): Done {
  const refused = refusedAt(base, path, true);
  if (refused !== 0) return refused;
  const { files, operations } = base;
  const removed = done(files, operations.removeDirectory(base.fd, path));
  if (!path.endsWith("/")) return removed;
  const explained = (code: Errno): Done => (code === errno.notdir ? reasonBehind(base, path) : code);
  return removed instanceof Promise ? removed.then(explained) : explained(removed);
}

/** A link with a slash behind it is no directory to Linux, wherever it leads. To WASI one that leads outside is refused as such. */
function reasonBehind(base: OpenEntry, path: string): Done {
  const found = answered<FileStat, never>(
    base.files,
    base.operations.statAt(base.fd, path, true),
    () => errno.notdir,
  );
  const reason = (code: Errno) => (code === errno.perm ? errno.perm : errno.notdir);
  return found instanceof Promise ? found.then(reason) : reason(found);
}

export function unlinkFileAt(base: OpenEntry, path: string): Done {
  return refusedAt(base, path, true) || done(base.files, base.operations.unlink(base.fd, path));
}

export function linkAt(
  from: OpenEntry,
  pathFlags: PathFlags,
  fromPath: string,
  to: OpenEntry,
  toPath: string,
): Done {
  const refused = refusedBetween(from, fromPath, to, toPath);
  if (refused !== 0) return refused;
  // Not offered anywhere: a link to what a symlink leads to.
  if (pathFlags.symlinkFollow === true) return errno.inval;
  return done(from.files, from.operations.link(from.fd, fromPath, to.fd, toPath));
}

export function renameAt(from: OpenEntry, fromPath: string, to: OpenEntry, toPath: string): Done {
  return (
    refusedBetween(from, fromPath, to, toPath) ||
    done(from.files, from.operations.rename(from.fd, fromPath, to.fd, toPath))
  );
}

export function symlinkAt(base: OpenEntry, target: string, path: string): Done {
  const refused = refusedAt(base, path, true) || refusedPath(target);
  if (refused !== 0) return refused;
  return done(base.files, base.operations.symlink(target, base.fd, path));
}

/** The target as text, boxed since numbers are errnos. */
export function readlinkAt(base: OpenEntry, path: string): Answer<{ readonly target: string }> {
  const refused = refusedAt(base, path, false);
  if (refused !== 0) return refused;
  return answered<Uint8Array, { readonly target: string }>(
    base.files,
    base.operations.readlink(base.fd, path),
    (bytes) => {
      // It is no path that the guest could use, and says where on the host things are.
      if (bytes[0] === 0x2f) return errno.perm;
      try {
        return { target: strictDecoder.decode(bytes) };
      } catch {
        return errno.ilseq;
      }
    },
  );
}

/** Why nothing is done at that path, or 0. */
export function refusedAt(base: OpenEntry, path: string, changes: boolean): Errno {
  if (base.kind !== "directory") return errno.notdir;
  const refused = refusedPath(path);
  if (refused !== 0) return refused;
  return changes && !base.access.mayChange ? errno.rofs : 0;
}

function refusedBetween(from: OpenEntry, fromPath: string, to: OpenEntry, toPath: string): Errno {
  const refused = refusedAt(from, fromPath, true) || refusedAt(to, toPath, true);
  if (refused !== 0) return refused;
  return from.operations === to.operations ? 0 : errno.xdev;
}

/** Why the text is no path, or 0. */
function refusedPath(path: string): Errno {
  if (path.length > limits.pathBytesMax || Buffer.byteLength(path) > limits.pathBytesMax) {
    return errno.nametoolong;
  }
  if (!path.isWellFormed()) return errno.ilseq;
  return path.includes("\0") ? errno.inval : 0;
}
