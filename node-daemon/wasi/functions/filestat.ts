import { size, timesFlag, timesFlagsAll } from "../abi.ts";
import type { FileStat } from "../file-system/operations.ts";
import type { NewTimes } from "../file-system/times.ts";
import type { GuestMemory } from "../guest-memory.ts";
import { unsigned64, type WasiContext } from "./context.ts";

/** The times to set, or undefined when the flags contradict each other. */
export function newTimes(atime: bigint, mtime: bigint, flags: number, nowNs: bigint): NewTimes | undefined {
  if ((flags & ~timesFlagsAll) !== 0) return undefined;
  const both = (one: number, other: number) => (flags & one) !== 0 && (flags & other) !== 0;
  if (both(timesFlag.atime, timesFlag.atimeNow) || both(timesFlag.mtime, timesFlag.mtimeNow))
    return undefined;
  const chosen = (explicit: number, now: number, value: bigint) =>
    (flags & explicit) !== 0 ? unsigned64(value) : (flags & now) !== 0 ? nowNs : undefined;
  return {
    atimeNs: chosen(timesFlag.atime, timesFlag.atimeNow, atime),
    mtimeNs: chosen(timesFlag.mtime, timesFlag.mtimeNow, mtime),
  };
}

/** How a guest wants the attributes of a file: the two versions of preview 1 differ. */
export interface FilestatForm {
  readonly bytes: number;
  /** Answers 0. */
  write(memory: GuestMemory, out: number, stat: FileStat): number;
}

export const filestatForm: FilestatForm = { bytes: size.filestat, write: writeFilestat };

/** The attributes of a file as the guest may see them. */
export function shown({ host }: WasiContext, stat: FileStat): FileStat {
  return host.fileView?.stat(stat) ?? stat;
}

function writeFilestat(memory: GuestMemory, out: number, stat: FileStat): number {
  const { view } = memory;
  view.setBigUint64(out, stat.dev, true);
  view.setBigUint64(out + 8, stat.ino, true);
  view.setBigUint64(out + 16, 0n, true);
  view.setUint8(out + 16, stat.type);
  view.setBigUint64(out + 24, stat.nlink, true);
  view.setBigUint64(out + 32, stat.size, true);
  view.setBigUint64(out + 40, BigInt.asUintN(64, stat.atimeNs), true);
  view.setBigUint64(out + 48, BigInt.asUintN(64, stat.mtimeNs), true);
  view.setBigUint64(out + 56, BigInt.asUintN(64, stat.ctimeNs), true);
  return 0;
}
