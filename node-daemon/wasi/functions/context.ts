import type { DescriptorTable } from "../descriptors.ts";
import type { GuestMemory } from "../guest-memory.ts";
import type { WasiHost } from "../host.ts";

/** What arguments and environment take in the guest's memory. */
export interface StartStrings {
  readonly argsBytes: number;
  readonly envBytes: number;
}

/** What the functions of one instance share. */
export interface WasiContext {
  readonly host: WasiHost;
  readonly memory: GuestMemory;
  readonly descriptors: DescriptorTable;
  readonly strings: StartStrings;
}

/** An errno. Only `proc_exit` answers nothing; only the functions in `suspendingFunctions` may answer a promise. */
export type WasiAnswer = number | void | Promise<number>;
/**
 * A function as the guest calls it, behind the context of its instance: i32 arrive as signed numbers, i64 as signed
 * bigints. One for all instances, since a node hosts thousands and most never call most of them.
 */
export type WasiFunction = (context: WasiContext, ...args: never[]) => WasiAnswer;
export type WasiFunctions = Readonly<Record<string, WasiFunction>>;

const rightsAll = (1n << 30n) - 1n;

/** The known bits of a guest's rights (i64). */
export function rightsOf(bits: bigint): number {
  return Number(bits & rightsAll);
}

export function unsigned64(bits: bigint): bigint {
  return BigInt.asUintN(64, bits);
}
