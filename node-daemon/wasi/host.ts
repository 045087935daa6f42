import type { DirectoryCapability } from "./file-system/directory-capability.ts";
import type { ListingCache } from "./file-system/listing-cache.ts";

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

export interface InputSource {
  /** At most `maxBytes` (at least 1) that are there, `end` for good, or `wait`. The bytes are copied at once. */
  read(maxBytes: number): Uint8Array | "end" | "wait";
  /**
   * Calls `wake` once, when `read` would not answer `wait`: before returning if that is so already. Returns how to
   * cancel.
   */
  onReadable(wake: () => void): () => void;
}

export interface OutputSink {
  /** How many bytes were accepted, 0 when full. `bytes` is guest memory: what is kept has to be copied. */
  write(bytes: Uint8Array): number;
  /** Calls `wake` once, when `write` would accept something: before returning if that is so already. */
  onWritable(wake: () => void): () => void;
}

/** What the hosting shim gives to one instance. */
export interface WasiHost {
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Become descriptors 3, 4, … in this order. Acquired here, released by `close`. */
  readonly preopens: readonly Preopen[];
  /** Shared by all instances of the process. */
  readonly listings: ListingCache;
  readonly stdin: InputSource;
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
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
   * At most one wait at a time.
   */
  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T>;
  /** Calls `fire` once after `delayMs` (at most 2^31-1; longer waits are armed again in here); returns how to cancel. */
  setTimer(delayMs: number, fire: () => void): () => void;
  /** Lets the other instances run: to the back of the run queue. */
  yield(): Promise<void>;
  /** A function of ours failed in a way it never should: the guest got EIO. */
  onBug?(error: unknown): void;
}
