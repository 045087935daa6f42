/** The values of `wasi:filesystem/types@0.3` as jco's bindings take them. */
import { errno, fileType, type Errno } from "../abi.ts";
import { errorName, type ErrorName } from "../component-files/error-codes.ts";
import { timestamp } from "../component-files/new-times.ts";
import { Speech } from "../component-files/results.ts";
import type { Timestamp } from "../component-files/wit-types.ts";
import type { ListingEntry } from "../file-system/listing.ts";
import type { FileStat } from "../file-system/operations.ts";

export type ErrorCode =
  | { readonly tag: ErrorName }
  | { readonly tag: "other"; readonly val: string | undefined };

export type DescriptorType =
  | {
      readonly tag:
        | "block-device"
        | "character-device"
        | "directory"
        | "symbolic-link"
        | "regular-file"
        | "socket";
    }
  | { readonly tag: "other"; readonly val: string | undefined };

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

export function errorCode(code: Errno): ErrorCode {
  const name = errorName(code);
  if (name !== undefined) return { tag: name };
  // WASI 0.3 has no word for it: nothing of it would block.
  return { tag: "other", val: code === errno.again ? "would block" : undefined };
}

export const speech = new Speech(errorCode);

const typeValues: ReadonlyMap<number, DescriptorType> = new Map([
  [fileType.blockDevice, { tag: "block-device" }],
  [fileType.characterDevice, { tag: "character-device" }],
  [fileType.directory, { tag: "directory" }],
  [fileType.regularFile, { tag: "regular-file" }],
  [fileType.socketStream, { tag: "socket" }],
  [fileType.symbolicLink, { tag: "symbolic-link" }],
]);
const otherType: DescriptorType = { tag: "other", val: undefined };

export function typeValue(type: number): DescriptorType {
  return typeValues.get(type) ?? otherType;
}

export function statValue(stat: FileStat): DescriptorStat {
  return {
    type: typeValue(stat.type),
    linkCount: stat.nlink,
    size: stat.size,
    dataAccessTimestamp: timestamp(stat.atimeNs),
    dataModificationTimestamp: timestamp(stat.mtimeNs),
    statusChangeTimestamp: timestamp(stat.ctimeNs),
  };
}

export function entryValue({ type, name }: ListingEntry): DirectoryEntry {
  return { type: typeValue(type), name };
}
