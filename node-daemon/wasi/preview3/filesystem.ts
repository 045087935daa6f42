/** `wasi:filesystem` of WASI 0.3, on the mounts of an instance. */
import { preopened } from "../component-files/open-entry.ts";
import { openFilesOf } from "../component-files/open-files.ts";
import type { OfferedInterface } from "../component-interfaces.ts";
import type { ComponentHost } from "../host.ts";
import { Descriptor } from "./descriptor.ts";

/** A new descriptor of each mount, at every call. */
function getDirectories(host: ComponentHost): readonly (readonly [Descriptor, string])[] {
  const files = openFilesOf(host);
  return host.preopens.map((preopen) => [
    Descriptor.of(preopened(files, preopen, "requested")),
    preopen.guestPath,
  ]);
}

/** The async functions. The others answer at once: with streams and futures. */
const suspendingMethods = [
  "advise",
  "create-directory-at",
  "get-flags",
  "get-type",
  "is-same-object",
  "link-at",
  "metadata-hash",
  "metadata-hash-at",
  "open-at",
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
].map((name) => `[method]descriptor.${name}`);

export const filesystemInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:filesystem/types@0.3",
    functions: [
      ...["append-via-stream", "read-directory", "read-via-stream", "write-via-stream"].map(
        (name) => `[method]descriptor.${name}`,
      ),
      ...suspendingMethods,
    ],
    suspending: suspendingMethods,
    async: suspendingMethods,
    make: () => ({ Descriptor }),
  },
  {
    name: "wasi:filesystem/preopens@0.3",
    functions: ["get-directories"],
    suspending: [],
    make: (host) => ({ getDirectories: () => getDirectories(host) }),
  },
];
