import { assertNever } from "../../../kit/errors.ts";
import { errno, type Errno } from "../abi.ts";
import type { NewTimes } from "../file-system/times.ts";
import type { NewTimestamp, Timestamp } from "./wit-types.ts";

const nsPerSecond = 1_000_000_000n;
/** Nanoseconds in 64 bits, which is what file systems keep: from 1677 to 2262. */
const nsMax = 2n ** 63n - 1n;

/** The times to set, or why they are none. */
export function newTimes(atime: NewTimestamp, mtime: NewTimestamp, nowNs: bigint): NewTimes | Errno {
  const atimeNs = chosenNs(atime, nowNs);
  const mtimeNs = chosenNs(mtime, nowNs);
  if (typeof atimeNs === "number") return atimeNs;
  if (typeof mtimeNs === "number") return mtimeNs;
  return { atimeNs, mtimeNs };
}

function chosenNs(time: NewTimestamp, nowNs: bigint): bigint | undefined | Errno {
  switch (time.tag) {
    case "no-change":
      return undefined;
    case "now":
      return nowNs;
    case "timestamp":
      return nanoseconds(time.val);
    default:
      return assertNever(time, "new timestamp");
  }
}

function nanoseconds({ seconds, nanoseconds: rest }: Timestamp): bigint | Errno {
  if (rest >= Number(nsPerSecond)) return errno.inval;
  const ns = seconds * nsPerSecond + BigInt(rest);
  return ns > nsMax || ns < -nsMax ? errno.overflow : ns;
}

/** Rounded down, so that the rest is never negative. */
export function timestamp(ns: bigint): Timestamp {
  const rest = ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond;
  return { seconds: (ns - rest) / nsPerSecond, nanoseconds: Number(rest) };
}
