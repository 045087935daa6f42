/**
 * The port between the node daemon and whatever executes modules. A driver knows nothing of restart policies,
 * sessions or the API: it prepares modules, starts runs, stops them, and tells how they ended.
 */

import type { Isolation } from "../../api/isolation.ts";
import type { AdoptedRun, RunEnd, RunId } from "../core/run.ts";
import type { Serving } from "../core/serving-config.ts";
import type { RequestFigures } from "../gateway/control.ts";

export type { AdoptedRun, RunEnd, RunId } from "../core/run.ts";
export type { Serving } from "../core/serving-config.ts";

export interface MountPoint {
  /** What the guest sees: absolute, normalized. */
  readonly guestPath: string;
  /** A directory on this machine, already checked against the allowed roots. */
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** What files and directories there may take together (see wasi/file-system/disk-quota.ts); no limit if absent. */
  readonly sizeBytesMax?: number;
}

/** Where an instance may connect to: a name, an address, or `*`, and a port, or 0 for any. */
export interface AllowedEndpoint {
  /** A DNS name in lower case without a final dot, an IPv4 or IPv6 address in its shortest form, or `*`. */
  readonly host: string;
  readonly port: number;
}

/** A listening socket that a preview 1 instance is given, and where a component may listen itself. */
export interface ListenerGrant {
  readonly name: string;
  /** An address of this machine, already checked against what the node allows. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** Empty: no network. */
export interface NetworkGrant {
  readonly allow: readonly AllowedEndpoint[];
  readonly listeners: readonly ListenerGrant[];
}

export const noNetworkGrant: NetworkGrant = { allow: [], listeners: [] };

/** See the field `deterministic` of a template. */
export interface Determinism {
  readonly seed: string;
  readonly startTimeMs: number;
}

export interface LogLimits {
  /** When the current file would pass this, it becomes the old file and the one before is dropped. */
  readonly fileBytesMax: number;
  /** What may be written over time, after a burst of a few seconds' worth; who writes faster is suspended. */
  readonly bytesPerSecondMax: number;
}

/** Everything that one run needs. Plain data: it crosses a process boundary. */
export interface RunSpec {
  readonly id: RunId;
  /** Instances of different namespaces never share a hosting process. */
  readonly namespace: string;
  readonly name: string;
  readonly module: PreparedModule;
  readonly args: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  readonly mounts: readonly MountPoint[];
  readonly network: NetworkGrant;
  /** What linear memory may grow to, in bytes. */
  readonly memoryBytesMax: number;
  readonly cpuRequestMillis: number;
  readonly cpuLimitMillis: number | undefined;
  /** What was asked for. A module that may not share a process gets one of its own all the same. */
  readonly isolation: Isolation;
  /** Units of work that this run may do; then it ends as trapped, with the reason FuelExhausted. */
  readonly fuelMax: number | undefined;
  readonly deterministic: Determinism | undefined;
  /** After so long without a daemon the hosting process stops this run by itself; it goes on if undefined. */
  readonly stopAloneAfterMs: number | undefined;
  readonly stopNotice: "none" | "stdin";
  /**
   * Absent: a command, which runs once. Present: memory and CPU are what all its activations have together, and `fuelMax` is what
   * each request may use. Its hosting process takes requests itself at the listener of `network`, if there is one.
   */
  readonly serving?: Serving;
  /**
   * A Unix socket on which somebody listens who is attached to this run (see shim/attachment.ts): its standard input comes
   * from there, and a copy of what it writes goes there. Absent: standard input is empty.
   */
  readonly attachment?: string;
  /**
   * The uid of the instance that this run is beside (see probes/side-runs.ts): where one process hosts both, they have one
   * CPU limit together.
   */
  readonly beside?: string;
  /** The folder of this instance's log files (see node-daemon/logs). */
  readonly logFolder: string;
  readonly logLimits: LogLimits;
}

/** A module that a driver has accepted. `file` is the driver's own form (for v8 the rewritten binary). */
export interface PreparedModule {
  readonly digest: string;
  readonly file: string;
  /** The least linear memory the module needs, in bytes, to compare with the limit before starting. */
  readonly memoryBytesMin: number;
  /** Features because of which it may not share a process with other instances. */
  readonly needsProcess: readonly string[];
}

export interface PrepareRequest {
  readonly digest: string;
  readonly file: string;
  /** For runs with `RunSpec.deterministic`: another translation, and more is refused. */
  readonly deterministic: boolean;
  /** What it is to be able to do; a command if absent. */
  readonly serves?: Serving["handler"];
}

export type PrepareOutcome =
  | { readonly kind: "prepared"; readonly module: PreparedModule }
  /** The module itself is at fault: trying again cannot help. `reason` in CamelCase, `message` says what to do. */
  | { readonly kind: "rejected"; readonly reason: string; readonly message: string };

export interface RunUsage {
  readonly id: RunId;
  /** Since the start of the run. */
  readonly cpuUs: number;
  /** Linear memory, and the call stack as far as it is known. */
  readonly memoryBytes: number;
  /** Units of work. */
  readonly fuel: number;
  /** How long it could have run and was held back by its CPU limit. */
  readonly throttledUs: number;
  /** What it was asked at a listener of its own (see {@link RunSpec.serving}); absent: nothing. */
  readonly requests?: RequestFigures;
}

/** What a driver reports, in order per instance. Called on the daemon's event loop; must not throw. */
export interface RunListener {
  started(id: RunId, atMs: number, isolation: Isolation): void;
  ended(id: RunId, atMs: number, end: RunEnd): void;
  usage(usages: readonly RunUsage[]): void;
  /** Old lines of this run's log were dropped to stay within the bound. Told once per run. */
  logsDropped(id: RunId): void;
  /** It listens at one more port that its template leaves open (see {@link RuntimeDriver.boundPortOf}). */
  listening(id: RunId): void;
  /** The process that hosts these runs is to go, for its age or its build: each is to be started anew, when it suits. */
  outdated(ids: readonly RunId[], why: string): void;
}

export interface RuntimeFacts {
  readonly name: string;
  readonly version: string;
  readonly features: readonly string[];
}

export interface GarbageRequest {
  /** Whether an instance uses the module, or is being made ready to. */
  isUsed(digest: string): boolean;
  /** Larger for later; undefined for a module that is not on this node any more. */
  lastUsed(digest: string): number | undefined;
  /** Told of each module of which nothing is left. */
  removed(digest: string): void;
  /** What may be kept, used or not. What is used stays in any case. */
  readonly bytesMax: number;
}

export interface GarbageOutcome {
  readonly keptBytes: number;
  readonly freedBytes: number;
}

export interface RuntimeDriver {
  /** Undefined when this machine lacks the runtime. */
  detect(signal: AbortSignal): Promise<RuntimeFacts | undefined>;
  /**
   * Takes over what an earlier daemon process left running. Called once, before `start`. Ends that the earlier daemon
   * may not have seen are reported here until {@link RuntimeDriver.settle}.
   */
  adopt(listener: RunListener, signal: AbortSignal): Promise<readonly AdoptedRun[]>;
  /** Validates and translates a fetched module; concurrent calls for the same share the work. */
  prepare(request: PrepareRequest, signal: AbortSignal): Promise<PrepareOutcome>;
  /** Removes its own forms of modules (see {@link PreparedModule}) that nobody uses; they can be made again. */
  collectGarbage(request: GarbageRequest): Promise<GarbageOutcome>;
  /** How many processes there are that host instances, by what they are for. */
  processes(): Readonly<Record<string, number>>;
  /** The outcome arrives at the listener: `started` and later `ended`, or `ended` alone. */
  start(spec: RunSpec): void;
  /** Repeating it with a smaller grace shortens the wait. Zero kills at the next safe point. */
  stop(uid: string, graceMs: number): void;
  /** The daemon has recorded this end on disk; the driver may forget it. */
  settle(id: RunId): void;
  /** The folder of the process that hosts a serving run, once that has started: its request socket is there (see node-daemon/link). */
  requestFolderOf(uid: string): string | undefined;
  /** Where a running instance listens whose template leaves the port open, by the name of the listener; undefined: nowhere yet. */
  boundPortOf(uid: string, listener: string): number | undefined;
  /** The scheduler heard this node so long ago: for `RunSpec.stopAloneAfterMs`. */
  heard(agoMs: number): void;
  /** `keep`: leaves running instances to the next daemon process. `stop`: ends them and the processes that host them. */
  close(what: "keep" | "stop"): Promise<void>;
}
