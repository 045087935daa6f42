/** The values of `wasi:filesystem/types@0.2` as jco's bindings take them. */
import { errno, fileType, type Errno } from "../abi.ts";
import { errorName, type ErrorName } from "../component-files/error-codes.ts";
import { timestamp } from "../component-files/new-times.ts";
import { Speech, type Said } from "../component-files/results.ts";
import type { Timestamp } from "../component-files/wit-types.ts";
import type { ListingEntry } from "../file-system/listing.ts";
import type { FileStat } from "../file-system/operations.ts";

export type ErrorCode = ErrorName | "would-block";

export type DescriptorType =
  | "unknown"
  | "block-device"
  | "character-device"
  | "directory"
  | "symbolic-link"
  | "regular-file"
  | "socket";

export interface DescriptorStat {
  readonly type: DescriptorType;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Timestamp | undefined;
  readonly dataModificationTimestamp: Timestamp | undefined;
  readonly statusChangeTimestamp: Timestamp | undefined;
}

export interface DirectoryEntry {
  readonly type: DescriptorType;
  readonly name: string;
}

export function entryValue({ type, name }: ListingEntry): DirectoryEntry {
  return { type: typeName(type), name };
}

export type Answered<T> = Said<T, ErrorCode>;

export function errorCode(code: Errno): ErrorCode {
  return code === errno.again ? "would-block" : (errorName(code) ?? "io");
}

export const speech = new Speech(errorCode);

const typeNames: ReadonlyMap<number, DescriptorType> = new Map([
  [fileType.blockDevice, "block-device"],
  [fileType.characterDevice, "character-device"],
  [fileType.directory, "directory"],
  [fileType.regularFile, "regular-file"],
  [fileType.socketStream, "socket"],
  [fileType.symbolicLink, "symbolic-link"],
]);

export function typeName(type: number): DescriptorType {
  return typeNames.get(type) ?? "unknown";
}

/** Seconds have no sign in WASI 0.2: what is older than 1970 has no time. */
function datetime(ns: bigint): Timestamp | undefined {
  return ns < 0n ? undefined : timestamp(ns);
}

export function statValue(stat: FileStat): DescriptorStat {
  return {
    type: typeName(stat.type),
    linkCount: stat.nlink,
    size: stat.size,
    dataAccessTimestamp: datetime(stat.atimeNs),
    dataModificationTimestamp: datetime(stat.mtimeNs),
    statusChangeTimestamp: datetime(stat.ctimeNs),
  };
}
