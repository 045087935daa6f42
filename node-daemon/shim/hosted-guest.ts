import type { RequestFigures } from "../gateway/control.ts";
import type { RunEnd, RunSpec } from "../runtimes/runtime-driver.ts";
import type { Preopen } from "../wasi/host.ts";
import type { Network } from "../wasi/sockets/network.ts";
import type { Needs, ShimBudget } from "./budget.ts";
import type { InstanceStreams, SharedHost } from "./instance-host.ts";
import type { Account } from "./account.ts";
import type { RunQueue } from "./run-queue.ts";
import type { GuestEvents } from "./guest.ts";
import type { DirectPorts } from "./direct/direct-port.ts";
import type { RequestDoor } from "./serving/request-door.ts";

/** What every kind of guest is made from. */
export interface HostedParts {
  readonly shared: SharedHost;
  readonly queue: RunQueue;
  readonly account: Account;
  readonly spec: RunSpec;
  readonly events: HostedEvents;
  readonly budget: ShimBudget;
  readonly doors: RequestDoor;
  readonly direct: DirectPorts;
}

export interface HostedEvents extends GuestEvents {
  /** Takes more of the heap of the process, beyond `needs`; false when there is none. */
  needHeap(bytes: number): boolean;
  /** A bug of ours that has hit a part of the run only. */
  mishap(error: unknown): void;
}

/** A module or a component in an instance: made once it is loaded, started once, closed once. */
export interface HostedGuest {
  /** Units of work so far. */
  readonly fuelUsed: number;
  /** 0 once it is closed. */
  readonly memoryBytes: number;
  readonly killed: boolean;
  /** What it takes of the process, beside its own memory. */
  readonly needs: Needs;
  /** The least memory that it can start with. */
  readonly memoryBytesMin: number;
  /** What follows in the same turn is charged to it. */
  turn(): Promise<void>;
  /** As `WasiHost.wait`, for what the instance waits for before it runs. */
  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T>;
  /** Makes the instance. Throws what the engine and WASI throw; what is acquired goes to `held`. */
  instantiate(
    held: DisposableStack,
    preopens: readonly Preopen[],
    network: Network,
    streams: InstanceStreams,
  ): void;
  /** Before it runs, what takes its time. Throws a `Refusal`. */
  open?(): Promise<void>;
  /** Once nothing of it runs any more; what broke the guest is in the end. */
  run(): Promise<RunEnd>;
  /** What keeps its memory mappings as long as it is reachable. Of one that has run and is not closed. */
  readonly mapped: object | undefined;
  /** It is to come to its end by itself. */
  drain?(): void;
  /** What it was asked at a listener of its own. */
  readonly requests?: RequestFigures | undefined;
  /** The end of `run` follows. */
  kill(): void;
  /** Lets go of the guest's memory. */
  close(): void;
}
