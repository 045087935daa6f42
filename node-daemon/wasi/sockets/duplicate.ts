/**
 * A second descriptor of a socket, which Node has no call for: with it a listener can leave the event loop while the kernel
 * goes on queueing connections. Through `node:ffi`, which is experimental: undefined where it is missing.
 */
type Fcntl = (fd: number, command: number, least: number) => number;

/** F_DUPFD_CLOEXEC of Linux. */
const duplicateCloseOnExec = 1030;

let loaded: Fcntl | "missing" | undefined;

export function duplicate(fd: number): number | undefined {
  loaded ??= load() ?? "missing";
  if (loaded === "missing") return undefined;
  const copy = loaded(fd, duplicateCloseOnExec, 0);
  return copy >= 0 ? copy : undefined;
}

/** The signature holds for 64-bit Linux with glibc only. */
function load(): Fcntl | undefined {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) return undefined;
  try {
    const ffi = process.getBuiltinModule("node:ffi");
    const { functions } = ffi.dlopen("libc.so.6", {
      fcntl: { return: "i32", arguments: ["i32", "i32", "i32"] },
    });
    return (fd, command, least) => functions.fcntl(fd, command, least);
  } catch {
    return undefined;
  }
}
