import type { DescriptorTable, DirectoryDescriptor } from "../descriptors.ts";
import type { GuestMemory } from "../guest-memory.ts";
import type { WasiHost } from "../host.ts";

/** What the functions of one instance share. */
export interface WasiContext {
  readonly host: WasiHost;
  readonly memory: GuestMemory;
  readonly descriptors: DescriptorTable;
  /** Directories whose listing is kept, the oldest first. */
  readonly listings: Set<DirectoryDescriptor>;
}

/** A function as the guest calls it: i32 arrive as signed numbers, i64 as signed bigints. Answers an errno. */
export type WasiFunction = (...args: never[]) => number | void | Promise<number>;
export type WasiFunctions = Readonly<Record<string, WasiFunction>>;

const rightsAll = (1n << 30n) - 1n;

/** The known bits of a guest's rights (i64). */
export function rightsOf(bits: bigint): number {
  return Number(bits & rightsAll);
}

export function unsigned64(bits: bigint): bigint {
  return BigInt.asUintN(64, bits);
}
