/** `wasi:filesystem` of WASI 0.2, on the mounts of an instance. */
import { FileFailure } from "../component-files/file-failure.ts";
import { preopened } from "../component-files/open-entry.ts";
import { openFilesOf } from "../component-files/open-files.ts";
import type { OfferedInterface } from "../component-interfaces.ts";
import type { ComponentHost } from "../host.ts";
import { Descriptor } from "./descriptor.ts";
import { DirectoryEntryStream } from "./directory-entry-stream.ts";
import { errorCode, type ErrorCode } from "./filesystem-values.ts";
import type { IoError } from "./stream-error.ts";

/** A new descriptor of each mount, at every call. */
function getDirectories(host: ComponentHost): readonly (readonly [Descriptor, string])[] {
  const files = openFilesOf(host);
  return host.preopens.map((preopen) => [
    Descriptor.of(preopened(files, preopen, "inherited")),
    preopen.guestPath,
  ]);
}

/** Undefined when it was not a file's stream that broke. */
function filesystemErrorCode({ failure }: IoError): ErrorCode | undefined {
  return failure instanceof FileFailure ? errorCode(failure.errno) : undefined;
}

const suspendingMethods = [
  "append-via-stream",
  "create-directory-at",
  "is-same-object",
  "link-at",
  "metadata-hash",
  "metadata-hash-at",
  "open-at",
  "read",
  "read-directory",
  "readlink-at",
  "remove-directory-at",
  "rename-at",
  "set-size",
  "set-times",
  "set-times-at",
  "stat",
  "stat-at",
  "symlink-at",
  "sync",
  "sync-data",
  "unlink-file-at",
  "write",
].map((name) => `[method]descriptor.${name}`);
const readEntry = "[method]directory-entry-stream.read-directory-entry";

export const filesystemInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:filesystem/types@0.2",
    functions: [
      ...["advise", "get-flags", "get-type", "read-via-stream", "write-via-stream"].map(
        (name) => `[method]descriptor.${name}`,
      ),
      ...suspendingMethods,
      readEntry,
      "filesystem-error-code",
    ],
    suspending: [...suspendingMethods, readEntry],
    make: () => ({ Descriptor, DirectoryEntryStream, filesystemErrorCode }),
  },
  {
    name: "wasi:filesystem/preopens@0.2",
    functions: ["get-directories"],
    suspending: [],
    make: (host) => ({ getDirectories: () => getDirectories(host) }),
  },
];
