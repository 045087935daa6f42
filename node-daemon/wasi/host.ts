import type { DirectoryCapability } from "./file-system/directory-capability.ts";
import type { ResourceCount } from "./component-resources.ts";
import type { FileStat } from "./file-system/operations.ts";
import type { ListingCache } from "./file-system/listing-cache.ts";
import type { Network } from "./sockets/network.ts";
import type { InputSource, OutputSink } from "./streams.ts";

export type { InputSource, OutputSink, StreamFailure } from "./streams.ts";

export interface WasiClock {
  /** Nanoseconds since the Unix epoch. */
  realtimeNs(): bigint;
  /** Nanoseconds from an arbitrary origin, never going back. */
  monotonicNs(): bigint;
  /** What both tick in. */
  readonly resolutionNs: bigint;
}

export interface Preopen {
  /** What the guest calls it, `/data` for example. */
  readonly guestPath: string;
  readonly directory: DirectoryCapability;
  readonly readOnly: boolean;
}

/** How the attributes of files are shown to a guest that is not to see those of this machine. */
export interface FileView {
  stat(stat: FileStat): FileStat;
  inode(inode: bigint): bigint;
}

/** What the hosting shim gives to one instance. */
export interface WasiHost {
  /** As they are if absent. Only for preview 1. */
  readonly fileView?: FileView | undefined;
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Become descriptors 3, 4, … in this order. Acquired here, released by `close`. */
  readonly preopens: readonly Preopen[];
  /** Shared by all instances of the process. */
  readonly listings: ListingCache;
  readonly stdin: InputSource;
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
  readonly network: Network;
  readonly clock: WasiClock;
  /** CPU time that the instance has used; without it the CPU clocks answer ENOTSUP. */
  cpuNs?(): bigint;
  readonly random: (target: Uint8Array) => void;
  readonly limits: {
    /** Open descriptors, stdio and preopens included; beyond it EMFILE. */
    readonly openFilesMax: number;
    /**
     * Of the process: beyond so many open descriptors, whosever they are, guests get EMFILE. The rest is for logs, mounts
     * and what else the process itself opens.
     */
    readonly hostDescriptorsMax: number;
  };
  /** Called by `proc_exit`, which then returns: the host makes the guest trap on the way back into it. */
  exit(code: number): void;
  /**
   * Suspends the guest: `begin` starts waiting and returns how to cancel; the promise resolves with what `wake` was
   * given first (it may be called before `begin` returns), or with `whenKilled` if the host kills the instance meanwhile.
   * Preview 1 waits for one thing at a time; a component may have several waits.
   */
  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T>;
  /** Calls `fire` once after `delayMs` (at most 2^31-1; longer waits are armed again in here); returns how to cancel. */
  setTimer(delayMs: number, fire: () => void): () => void;
  /** Lets the other instances run: to the back of the run queue. */
  yield(): Promise<void>;
  /** A function of ours failed in a way it never should: the guest got EIO. */
  onBug?(error: unknown): void;
}

/** Leaves the host's part of a call whose guest has ended or was killed. Reaches nobody. */
export class GuestEnded extends Error {}

/** What the hosting shim gives to one component. Whoever needs to leave a call early throws `GuestEnded`. */
export interface ComponentHost extends Omit<WasiHost, "exit"> {
  /** Ends the guest; what it calls afterwards, or still waits for, ends with `GuestEnded` as well. */
  exit(code: number): never;
  /** Whether it was ended or killed: its waits have settled with `whenKilled`. */
  readonly ended: boolean;
  /** What the component holds by handle, of `limits.resourcesMax`. */
  readonly resources: ResourceCount;
  /**
   * What interfaces keep for this component, by who keeps it. Not in weak maps of theirs: the engine's young generation takes what these
   * hold for used, so that each component, and all that it has, would grow old.
   */
  readonly kept: Map<object, unknown>;
  /**
   * Calls `finish` when the guest has returned and before it is ended, so that output that it handed over is not lost. The
   * end waits for it, but not for ever. Returns how to cancel.
   */
  onReturn(finish: () => Promise<void>): () => void;
  /** Calls `close` once, when the instance is torn down, after its last wait has settled. */
  onEnd(close: () => void): void;
}
