/**
 * The two C library calls that Node has no equivalent for: times with nanoseconds (Node takes seconds as a double, which
 * is 238 ns coarse today) and reserving disk space. Through `node:ffi`, which is experimental: where it is missing, callers
 * fall back to what Node can do. Loaded at the first use, since Node prints a warning then.
 */
import { endianness } from "node:os";

interface Libc {
  /** 0, or -1 with the reason lost. */
  utimensat(directory: number, path: Uint8Array, times: BigInt64Array, flags: number): number;
  /** 0, or the Linux errno. */
  posix_fallocate(fd: number, offset: bigint, length: bigint): number;
}

let loaded: Libc | "missing" | undefined;

export function libc(): Libc | undefined {
  loaded ??= load() ?? "missing";
  return loaded === "missing" ? undefined : loaded;
}

/** The signatures hold for 64-bit Linux with glibc only. */
function load(): Libc | undefined {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) return undefined;
  if (endianness() !== "LE") return undefined;
  try {
    const ffi = process.getBuiltinModule("node:ffi");
    const { functions } = ffi.dlopen("libc.so.6", {
      utimensat: { return: "i32", arguments: ["i32", "pointer", "pointer", "i32"] },
      posix_fallocate: { return: "i32", arguments: ["i32", "i64", "i64"] },
    });
    return {
      utimensat: (directory, path, times, flags) => functions.utimensat(directory, path, times, flags),
      posix_fallocate: (fd, offset, length) => functions.posix_fallocate(fd, offset, length),
    };
  } catch {
    return undefined;
  }
}
