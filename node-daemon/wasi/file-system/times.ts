import { lstatSync, lutimesSync, statSync, utimesSync } from "node:fs";

import { libc } from "./libc.ts";

/** Nanoseconds since the Unix epoch; undefined leaves a time as it is. */
export interface NewTimes {
  readonly atimeNs: bigint | undefined;
  readonly mtimeNs: bigint | undefined;
}

const currentDirectory = -100; // AT_FDCWD
const symlinkNoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
const omit = (1n << 30n) - 2n; // UTIME_OMIT
const nsPerSecond = 1_000_000_000n;

/**
 * Sets times of what is at the host path: the symlink itself if it is one (`follow` false), or what a descriptor has open
 * (`follow` true, for `/proc/self/fd/N` only). Exact where `libc` is to be had, else to 238 ns. May throw a system error.
 */
export function setTimes(path: string, follow: boolean, times: NewTimes): void {
  if (times.atimeNs === undefined && times.mtimeNs === undefined) return;
  if (setExactly(path, follow, times)) return;
  const needStat = times.atimeNs === undefined || times.mtimeNs === undefined;
  const stat = needStat ? (follow ? statSync : lstatSync)(path, { bigint: true }) : undefined;
  const atime = Number(times.atimeNs ?? stat?.atimeNs ?? 0n) / 1e9;
  const mtime = Number(times.mtimeNs ?? stat?.mtimeNs ?? 0n) / 1e9;
  (follow ? utimesSync : lutimesSync)(path, atime, mtime);
}

/** False when it is not possible, or failed: then the fallback either succeeds or says why. */
function setExactly(path: string, follow: boolean, times: NewTimes): boolean {
  const calls = libc();
  if (calls === undefined) return false;
  const pair = new BigInt64Array([...timespec(times.atimeNs), ...timespec(times.mtimeNs)]);
  return (
    calls.utimensat(currentDirectory, Buffer.from(`${path}\0`), pair, follow ? 0 : symlinkNoFollow) === 0
  );
}

function timespec(ns: bigint | undefined): readonly [bigint, bigint] {
  if (ns === undefined) return [0n, omit];
  // Before 1970 too, nanoseconds count forwards from the second.
  const rest = ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond;
  return [(ns - rest) / nsPerSecond, rest];
}
