/**
 * Runs beside an instance, for its exec probes and its preStop: a fresh instance of the same module each time, so the one
 * that runs is never called while it is suspended.
 *
 *   run ─▶ starting ─▶ running ──ends──▶ ended ─▶ settled, log read and removed
 *             │            │ timeout, or nobody wants it any more: killed ▲
 *             └─ not running in time: killed ─────────────────────────────┘
 *
 * Invariants:
 * - A side run is nobody's instance: it is in no ledger and no status. A daemon that starts again finds it with a uid that it
 *   does not know, and stops it. Each has a uid of its own, so one that is slow to die is in no other's way.
 * - Its log is at most two small files in a folder of its own, and goes with the run.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { readLogTail } from "../logs/log-tail.ts";
import type { LogLimits, RunEnd, RunId, RunSpec, RuntimeDriver } from "../runtimes/runtime-driver.ts";
import { probeLimits, sideLogFileBytesMax } from "./limits.ts";

/** For what it is; one of each at a time for a run of an instance. */
export type SidePurpose = "startup" | "readiness" | "liveness" | "preStop";

export interface SideRequest {
  readonly driver: RuntimeDriver;
  /** The instance's own, with its uid and its folders. */
  readonly spec: RunSpec;
  readonly purpose: SidePurpose;
  readonly args: readonly string[];
  /** Begins when it runs. */
  readonly timeoutMs: number;
  /** Nobody wants it any more. */
  readonly signal: AbortSignal;
}

export type SideOutcome =
  /** `output`: the end of what it wrote, unless it exited with 0. */
  | { readonly kind: "ended"; readonly end: RunEnd; readonly output: string }
  | { readonly kind: "timedOut"; readonly output: string }
  | { readonly kind: "notStarted"; readonly message: string };

interface SideRun {
  readonly request: SideRequest;
  readonly id: RunId;
  readonly ended: PromiseWithResolvers<RunEnd>;
  timer: Timer;
  killedFor: "timeout" | "start" | "signal" | undefined;
}

export class SideRuns {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Tells the uids of this daemon from those of the one before. */
  readonly #generation: string;
  readonly #runs = new Map<string, SideRun>();
  #next = 0;

  constructor(options: { readonly clock: Clock; readonly log: Log; readonly generation: string }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#generation = options.generation;
  }

  /** Rejects only for a bug. */
  async run(request: SideRequest): Promise<SideOutcome> {
    if (request.signal.aborted) return { kind: "notStarted", message: "nobody wants it any more" };
    const spec = this.#specOf(request);
    const side = this.#begin(request, spec.id);
    const abort = () => this.#kill(side, "signal");
    request.signal.addEventListener("abort", abort, { once: true });
    try {
      request.driver.start(spec);
      const end = await side.ended.promise;
      request.driver.settle(side.id);
      return await this.#outcomeOf(side, end, spec.logFolder);
    } finally {
      request.signal.removeEventListener("abort", abort);
      side.timer.cancel();
      this.#runs.delete(side.id.uid);
      await rm(spec.logFolder, { recursive: true, force: true }).catch((err: unknown) =>
        this.#log.warn("log of a side run not removed", { folder: spec.logFolder, err }),
      );
    }
  }

  /** As the driver tells it; false when the run is none of these. */
  started({ uid }: RunId): boolean {
    const side = this.#runs.get(uid);
    if (!side) return false;
    side.timer.cancel();
    if (side.killedFor === undefined)
      side.timer = this.#clock.setTimer(side.request.timeoutMs, () => this.#kill(side, "timeout"));
    return true;
  }

  /** As the driver tells it; false when the run is none of these. */
  ended({ uid }: RunId, end: RunEnd): boolean {
    const side = this.#runs.get(uid);
    side?.ended.resolve(end);
    return side !== undefined;
  }

  #begin(request: SideRequest, id: RunId): SideRun {
    const timer = this.#clock.setTimer(probeLimits.startMsMax, () => this.#kill(side, "start"));
    const side: SideRun = { request, id, ended: Promise.withResolvers(), timer, killedFor: undefined };
    this.#runs.set(id.uid, side);
    return side;
  }

  /** The end comes from the driver, which kills the whole process if it has to. */
  #kill(side: SideRun, why: "timeout" | "start" | "signal"): void {
    side.killedFor ??= why;
    side.timer.cancel();
    side.request.driver.stop(side.id.uid, 0);
  }

  #specOf({ spec, purpose, args }: SideRequest): RunSpec {
    const name = `${purpose}-${this.#generation}-${this.#next++}`;
    const logLimits: LogLimits = { ...spec.logLimits, fileBytesMax: sideLogFileBytesMax };
    // It runs once, also beside an instance that serves.
    const { serving: _serving, ...command } = spec;
    return {
      ...command,
      id: { uid: `${spec.id.uid}.${name}`, run: 0 },
      beside: spec.id.uid,
      args: [...spec.args.slice(0, 1), ...args],
      // The sockets are the instance's; a second listener at the same place would take its connections, or fail.
      network: { ...spec.network, listeners: [] },
      stopNotice: "none",
      logFolder: join(sideLogsOf(spec.logFolder), name),
      logLimits,
    };
  }

  async #outcomeOf(side: SideRun, end: RunEnd, folder: string): Promise<SideOutcome> {
    if (side.killedFor === "start") {
      const message = `it was not running after ${probeLimits.startMsMax / 1000} s`;
      return { kind: "notStarted", message };
    }
    if (end.kind === "refused") return { kind: "notStarted", message: `${end.reason}: ${end.message}` };
    if (end.kind === "exited" && end.exitCode === 0) return { kind: "ended", end, output: "" };
    const output = await outputOf(folder);
    // It may have ended by itself just before it would have been killed.
    const timedOut = side.killedFor === "timeout" && end.kind === "stopped";
    return timedOut ? { kind: "timedOut", output } : { kind: "ended", end, output };
  }
}

/** Instances' uids have no dot. */
export function isSideRun({ uid }: RunId): boolean {
  return uid.includes(".");
}

/** Beside the instance's own logs, so that it goes with the instance at the latest. */
export function sideLogsOf(logFolder: string): string {
  return join(logFolder, "..", "side-logs");
}

async function outputOf(folder: string): Promise<string> {
  const bytesMax = probeLimits.outputBytesMax;
  return await readLogTail({ folder, linesMax: 20, bytesMax }).catch(
    (thrown: unknown) => `(its output cannot be read: ${errorMessage(thrown)})`,
  );
}
