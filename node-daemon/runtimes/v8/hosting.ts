/** What the driver knows of runs and of the processes that host them; plain state, which `driver.ts` and `shim-pool.ts` change. */
import type { Timer } from "../../../kit/clock.ts";
import type { RunId, RunSpec } from "../runtime-driver.ts";
import type { BoundListener } from "../../shim/protocol.ts";
import type { ShimHandle } from "./shim-handle.ts";

export interface Run {
  readonly id: RunId;
  readonly stopNotice: RunSpec["stopNotice"];
  shim: Shim;
  state: "starting" | "running" | "ended";
  /** Until it is known to have started. */
  spec: RunSpec | undefined;
  /** The shim may know it. */
  sent: boolean;
  /** How often it went to another shim. */
  moves: number;
  logsDropped: boolean;
  /** Ports that its template leaves open, as its shim says. */
  listeners: readonly BoundListener[];
  stop: { readonly graceMs: number; readonly overdueAtMs: number } | undefined;
}

/** `spare`: for nobody yet. `shared`: for any run of its namespace. `own`: for one run, and gone with it. */
export type ShimUse = "spare" | "shared" | "own";

export interface Shim {
  readonly handle: ShimHandle;
  readonly runs: Set<Run>;
  use: ShimUse;
  /** Left by an earlier daemon, and what it runs is not known yet. */
  found: boolean;
  /** Runs that have not ended. */
  live: number;
  /** It refused a start; until one of its runs ends. */
  full: boolean;
  /** Why nothing new is started in it. */
  outdated: string | undefined;
  /** It was asked to exit. */
  retiring: boolean;
  emptyTimer: Timer | undefined;
  ageTimer: Timer | undefined;
  readonly gone: PromiseWithResolvers<void>;
}
