/**
 * The C library's calls that Node has no equivalent for: times with nanoseconds (Node takes seconds as a double, which is
 * 238 ns coarse today), reserving disk space, inodes of directory entries; and those that take an open directory and a name,
 * which Node can only do by way of `/proc/self/fd`, at twice the price. Through `node:ffi`, which is experimental: where it is
 * missing, callers do what Node can. Loaded at the first use, since Node prints a warning then.
 */
import { endianness } from "node:os";

export interface Libc {
  /** 0, or -1 with the reason lost. */
  utimensat(directory: number, path: Uint8Array, times: BigInt64Array, flags: number): number;
  /** 0, or the Linux errno. */
  posix_fallocate(fd: number, offset: bigint, length: bigint): number;
  /** Bytes of `struct linux_dirent64`, 0 at the end, or -1. */
  getdents64(fd: number, buffer: Uint8Array): number;
  /** Into `struct statx`; 0, or -1. */
  statx(directory: number, path: Uint8Array, flags: number, mask: number, out: Uint8Array): number;
  /**
   * The descriptor, or -1, as always where the kernel lacks the call. Nothing is resolved but below `directory`, no symlink,
   * and with `sameMount` nothing that is mounted there either.
   */
  openBeneath(directory: number, path: Uint8Array, flags: number, mode: number, sameMount: boolean): number;
  /** Why the last call failed: a Linux errno. To be asked for at once. */
  reason(): number;
}

let loaded: Libc | "missing" | undefined;

export function libc(): Libc | undefined {
  loaded ??= load() ?? "missing";
  return loaded === "missing" ? undefined : loaded;
}

const openat2Number = 437n;
const howBytes = 24;
/** RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS. */
const beneath = 0x08n | 0x04n | 0x02n;
/** RESOLVE_NO_XDEV as well. */
const beneathInMount = beneath | 0x01n;
/** O_CLOEXEC, which Node has no name for and sets by itself. */
const closeOnExec = 0o2000000;

/** The signatures hold for 64-bit Linux with glibc only. */
function load(): Libc | undefined {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) return undefined;
  if (endianness() !== "LE") return undefined;
  try {
    const ffi = process.getBuiltinModule("node:ffi");
    const { functions } = ffi.dlopen("libc.so.6", {
      utimensat: { return: "i32", arguments: ["i32", "pointer", "pointer", "i32"] },
      posix_fallocate: { return: "i32", arguments: ["i32", "i64", "i64"] },
      getdents64: { return: "i64", arguments: ["i32", "pointer", "u64"] },
      statx: { return: "i32", arguments: ["i32", "pointer", "i32", "u32", "pointer"] },
      syscall: { return: "i64", arguments: ["i64", "i64", "pointer", "pointer", "i64"] },
      __errno_location: { return: "pointer", arguments: [] },
    });
    const how = new BigUint64Array([0n, 0n, 0n]);
    const reasonAt = functions.__errno_location();
    const calls: Libc = {
      utimensat: (directory, path, times, flags) => functions.utimensat(directory, path, times, flags),
      posix_fallocate: (fd, offset, length) => functions.posix_fallocate(fd, offset, length),
      getdents64: (fd, buffer) => Number(functions.getdents64(fd, buffer, BigInt(buffer.byteLength))),
      statx: (directory, path, flags, mask, out) => functions.statx(directory, path, flags, mask, out),
      openBeneath(directory, path, flags, mode, sameMount) {
        how[0] = BigInt(flags | closeOnExec);
        how[1] = BigInt(mode);
        how[2] = sameMount ? beneathInMount : beneath;
        return Number(functions.syscall(openat2Number, BigInt(directory), path, how, BigInt(howBytes)));
      },
      reason: () => ffi.getInt32(reasonAt, 0),
    };
    return calls;
  } catch {
    return undefined;
  }
}
