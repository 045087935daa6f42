/**
 * The built-in runtime: V8, many instances per process, or one. This class follows runs, and knows which is in which shim;
 * `ShimPool` knows which shims there are, and `ShimHandle` one process and its connection.
 *
 *   start ─▶ a place in a shim ─▶ starting ─▶ running ─▶ ended ─ settle ─▶ forgotten
 *                                    │  shim died: lost   ▲
 *                                    └────────────────────┘
 * Invariants:
 * - A run is told `ended` exactly once by one driver, whatever its shim repeats, and even if the shim dies.
 * - The shim's inventory settles every doubt after a connection was lost: what it does not know and was not told as
 *   started is sent again.
 */
import { join } from "node:path";
import type { Clock } from "../../../kit/clock.ts";
import { Bug } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { type Random, systemRandom } from "../../../kit/random.ts";
import { engine } from "../../shim/engine.ts";
import { defaultShimLimits, type ShimLimits } from "../../shim/limits.ts";
import { type BoundListener, protocolVersion, type RunReport, runKey } from "../../shim/protocol.ts";
import { WakeTimer } from "../../wake-timer.ts";
import type {
  AdoptedRun,
  GarbageOutcome,
  GarbageRequest,
  PrepareOutcome,
  PrepareRequest,
  RunEnd,
  RunId,
  RunListener,
  RunSpec,
  RuntimeDriver,
  RuntimeFacts,
} from "../runtime-driver.ts";
import type { Run, Shim } from "./hosting.ts";
import { plainLauncher, type ShimLauncher } from "./launcher.ts";
import { driverLimits } from "./limits.ts";
import { ModulePreparer } from "./prepare.ts";
import { endOfDeath, forgotten } from "./run-end.ts";
import type { RunMessage, ShimDeath } from "./shim-handle.ts";
import { needsOf } from "./shim-needs.ts";
import { ShimPool } from "./shim-pool.ts";
import { collectTranslations } from "./translation-cache.ts";
import { installShimProgram } from "./shim-program.ts";

export interface V8DriverOptions {
  /** Holds what runs: survives a restart of the daemon. */
  readonly stateDir: string;
  /** Holds translated modules: may be emptied while nothing runs. */
  readonly cacheDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: Random;
  readonly shimLimits?: Partial<ShimLimits>;
  /** The Node that hosts instances; this process' own by default. */
  readonly execPath?: string;
  readonly launcher?: ShimLauncher;
  /** Of the program that shims run: an upgraded daemon has another. */
  readonly buildId?: string;
  /** Processes that are started ahead. */
  readonly spares?: number;
  /** For one run each; as many again may be shared. */
  readonly processesMax?: number;
  readonly shimAgeMsMax?: number;
}

export function createV8Driver(options: V8DriverOptions): RuntimeDriver {
  return new V8Driver(options);
}

class V8Driver implements RuntimeDriver {
  readonly #cacheDir: string;
  readonly #clock: Clock;
  readonly #pool: ShimPool;
  readonly #preparer: ModulePreparer;
  readonly #runs = new Map<string, Run>();
  readonly #byUid = new Map<string, Run>();
  readonly #overdue: WakeTimer<Run>;
  #listener: RunListener | undefined;
  /** While runs of an earlier daemon are gathered. */
  #adopting: AdoptedRun[] | undefined;
  #closed = false;

  constructor(options: V8DriverOptions) {
    const { clock, execPath = process.execPath, launcher = plainLauncher, random = systemRandom } = options;
    this.#cacheDir = options.cacheDir;
    this.#clock = clock;
    const program = installShimProgram(join(options.stateDir, "programs"));
    this.#pool = new ShimPool({
      shimsRoot: join(options.stateDir, "shims"),
      program,
      buildId: options.buildId ?? `${process.version}-p${protocolVersion}-${program.version}`,
      limits: { ...defaultShimLimits, ...options.shimLimits },
      execPath,
      launcher,
      spares: options.spares ?? driverLimits.spares,
      processesMax: options.processesMax ?? driverLimits.processesMax,
      shimAgeMsMax: options.shimAgeMsMax ?? driverLimits.shimAgeMsMax,
      clock,
      log: options.log.bind({ runtime: "v8" }),
      random,
      events: {
        ready: (shim, reports, found) => this.#onReady(shim, reports, found),
        message: (shim, message) => this.#onMessage(shim, message),
        died: (shim, death) => this.#onDied(shim, death),
        outdated: (shim, why) => this.#onOutdated(shim, why),
      },
    });
    this.#overdue = new WakeTimer(clock, (run) => this.#killStuck(run));
    this.#preparer = new ModulePreparer(options.cacheDir, clock);
  }

  detect(): Promise<RuntimeFacts | undefined> {
    // Promise Integration is what everything here rests on; the descriptors of /proc are what mounts rest on.
    if (typeof engine.Suspending !== "function" || process.platform !== "linux")
      return Promise.resolve(undefined);
    const features = ["wasi_snapshot_preview1", "wasi_unstable", "fuel", "memory-limit", "shared-process"];
    for (const tier of this.#pool.tiers) if (tier !== "shared") features.push(`isolation-${tier}`);
    return Promise.resolve({ name: "v8", version: process.versions.v8, features });
  }

  async adopt(listener: RunListener, signal: AbortSignal): Promise<readonly AdoptedRun[]> {
    signal.throwIfAborted();
    this.#listener = listener;
    const adopted: AdoptedRun[] = [];
    this.#adopting = adopted;
    await this.#pool.find();
    this.#adopting = undefined;
    return adopted;
  }

  prepare(request: PrepareRequest, signal: AbortSignal): Promise<PrepareOutcome> {
    return this.#preparer.prepare(request, signal);
  }

  collectGarbage(request: GarbageRequest): Promise<GarbageOutcome> {
    return collectTranslations(this.#cacheDir, request);
  }

  processes(): Readonly<Record<string, number>> {
    return this.#pool.counts();
  }

  start(spec: RunSpec): void {
    const key = runKey(spec.id);
    if (this.#runs.has(key)) throw new Bug(`run ${key} was started before`);
    const placement = this.#pool.place(needsOf(spec), this.#byUid.get(spec.beside ?? "")?.shim);
    if (placement.kind === "refused") {
      queueMicrotask(() => this.#listener?.ended(spec.id, this.#clock.now(), placement));
      return;
    }
    const { shim } = placement;
    const run: Run = {
      id: spec.id,
      stopNotice: spec.stopNotice,
      shim,
      state: "starting",
      spec,
      sent: false,
      moves: 0,
      logsDropped: false,
      listeners: [],
      stop: undefined,
    };
    this.#runs.set(key, run);
    this.#byUid.set(spec.id.uid, run);
    this.#assign(run, shim);
  }

  stop(uid: string, graceMs: number): void {
    const run = this.#byUid.get(uid);
    if (!run) return;
    if (run.state === "starting" && !run.sent) {
      queueMicrotask(() => this.#end(run, this.#clock.now(), { kind: "stopped" }));
      return;
    }
    const overdueMs = overdueMsOf(run, graceMs);
    const overdueAtMs = this.#clock.monotonic() + overdueMs;
    if (run.stop && run.stop.overdueAtMs <= overdueAtMs) return;
    run.stop = { graceMs, overdueAtMs };
    run.shim.handle.send({ kind: "stop", uid, graceMs });
    this.#overdue.after(overdueMs, run);
  }

  settle(id: RunId): void {
    const key = runKey(id);
    const run = this.#runs.get(key);
    if (run?.state !== "ended") return;
    this.#runs.delete(key);
    run.shim.runs.delete(run);
    run.shim.handle.send({ kind: "settle", id });
    this.#pool.leave(run.shim);
  }

  requestFolderOf(uid: string): string | undefined {
    const run = this.#byUid.get(uid);
    return run?.state === "running" ? run.shim.handle.folder : undefined;
  }

  boundPortOf(uid: string, listener: string): number | undefined {
    const run = this.#byUid.get(uid);
    if (run?.state !== "running") return undefined;
    return run.listeners.find(({ name }) => name === listener)?.port;
  }

  heard(agoMs: number): void {
    this.#pool.heard(agoMs);
  }

  async close(what: "keep" | "stop"): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#preparer.close();
    if (what === "stop") await this.#pool.stop();
    this.#overdue.close();
    this.#pool.close();
  }

  // What shims tell.

  #onReady(shim: Shim, reports: readonly RunReport[], found: boolean): void {
    const reported = new Map(reports.map((report) => [runKey(report.id), report]));
    for (const run of shim.runs) {
      const report = reported.get(runKey(run.id));
      if (report) this.#reconcile(run, report);
      else if (run.state === "running") this.#end(run, this.#clock.now(), forgotten);
      else if (run.state === "starting") this.#sendStart(run);
    }
    for (const [key, report] of reported) if (!this.#runs.has(key)) this.#onUnknown(shim, report, found);
  }

  /** Known to the shim, not to us: left by an earlier daemon, or settled while the connection was down. */
  #onUnknown(shim: Shim, report: RunReport, found: boolean): void {
    const { id, startedMs, ended } = report;
    if (!found || !this.#adopting) {
      shim.handle.send(ended ? { kind: "settle", id } : { kind: "stop", uid: id.uid, graceMs: 0 });
      return;
    }
    const run: Run = {
      id,
      stopNotice: report.stopNotice,
      shim,
      state: ended ? "ended" : startedMs === undefined ? "starting" : "running",
      spec: undefined,
      sent: true,
      moves: driverLimits.movesMax,
      logsDropped: report.logsDropped,
      listeners: report.listeners,
      stop: undefined,
    };
    this.#runs.set(runKey(id), run);
    shim.runs.add(run);
    if (ended) {
      this.#adopting.push({ kind: "ended", id, atMs: ended.atMs, end: ended.end });
      return;
    }
    this.#pool.enter(shim);
    this.#byUid.set(id.uid, run);
    this.#adopting.push({
      kind: "running",
      id,
      startedMs: startedMs ?? this.#clock.now(),
      isolation: shim.handle.identity.isolation,
    });
  }

  #onMessage(shim: Shim, message: RunMessage): void {
    if (message.kind === "usage") {
      this.#listener?.usage(message.usages.filter(({ id }) => this.#runs.get(runKey(id))?.shim === shim));
      return;
    }
    const run = this.#runs.get(runKey(message.id));
    if (run?.shim !== shim) {
      if (message.kind === "ended") shim.handle.send({ kind: "settle", id: message.id });
    } else if (message.kind === "started") this.#started(run, message.atMs);
    else if (message.kind === "ended") this.#ended(run, message.atMs, message.end);
    else if (message.kind === "listening") this.#listening(run, message.listeners);
    else this.#logsDropped(run);
  }

  #onDied(shim: Shim, death: ShimDeath): void {
    for (const run of shim.runs) {
      if (run.state === "starting" && !run.sent && !this.#closed) this.#move(run, death.why);
      else this.#end(run, this.#clock.now(), endOfDeath(run, death));
    }
  }

  #onOutdated(shim: Shim, why: string): void {
    const ids = [...shim.runs].filter(({ state }) => state !== "ended").map(({ id }) => id);
    if (ids.length > 0) this.#listener?.outdated(ids, why);
  }

  // Runs.

  #assign(run: Run, shim: Shim): void {
    run.shim = shim;
    shim.runs.add(run);
    this.#pool.enter(shim);
    if (shim.handle.isReady) this.#sendStart(run);
  }

  #sendStart(run: Run): void {
    const { handle } = run.shim;
    if (!run.spec) {
      // Adopted while it was starting, and now unknown.
      this.#end(run, this.#clock.now(), forgotten);
      return;
    }
    run.sent = true;
    if (handle.send({ kind: "start", spec: run.spec })) {
      if (run.stop) handle.send({ kind: "stop", uid: run.id.uid, graceMs: run.stop.graceMs });
      return;
    }
    const message = "arguments and environment are too large";
    this.#end(run, this.#clock.now(), {
      kind: "refused",
      reason: "ArgumentsInvalid",
      message,
      retryable: false,
    });
  }

  /** Its shim has no room for it, or is gone before it knew of it. */
  #move(run: Run, why: string): void {
    const from = run.shim;
    const { spec } = run;
    if (!spec || run.stop || ++run.moves > driverLimits.movesMax) {
      const end: RunEnd = run.stop
        ? { kind: "stopped" }
        : { kind: "refused", reason: "ShimUnavailable", message: why, retryable: true };
      this.#end(run, this.#clock.now(), end);
      return;
    }
    const placement = this.#pool.place(needsOf(spec), this.#byUid.get(spec.beside ?? "")?.shim);
    if (placement.kind === "refused") return this.#end(run, this.#clock.now(), placement);
    from.runs.delete(run);
    from.live--;
    run.sent = false;
    this.#assign(run, placement.shim);
    this.#pool.leave(from);
  }

  #reconcile(run: Run, report: RunReport): void {
    run.listeners = report.listeners;
    if (report.startedMs !== undefined) this.#started(run, report.startedMs);
    if (report.logsDropped) this.#logsDropped(run);
    if (report.ended) this.#ended(run, report.ended.atMs, report.ended.end);
    else if (run.stop) run.shim.handle.send({ kind: "stop", uid: run.id.uid, graceMs: run.stop.graceMs });
  }

  #started(run: Run, atMs: number): void {
    if (run.state !== "starting") return;
    run.state = "running";
    run.spec = undefined;
    this.#listener?.started(run.id, atMs, run.shim.handle.identity.isolation);
  }

  #listening(run: Run, listeners: readonly BoundListener[]): void {
    run.listeners = listeners;
    if (run.state === "running") this.#listener?.listening(run.id);
  }

  #logsDropped(run: Run): void {
    if (run.logsDropped) return;
    run.logsDropped = true;
    this.#listener?.logsDropped(run.id);
  }

  #ended(run: Run, atMs: number, end: RunEnd): void {
    if (run.state === "ended") return;
    if (end.kind === "refused" && end.reason === "ShimFull" && run.spec && !this.#closed) {
      run.shim.full = true;
      run.shim.handle.send({ kind: "settle", id: run.id });
      this.#move(run, end.message);
    } else this.#end(run, atMs, end);
  }

  #end(run: Run, atMs: number, end: RunEnd): void {
    if (run.state === "ended") return;
    run.state = "ended";
    run.spec = undefined;
    run.shim.live--;
    run.shim.full = false;
    if (this.#byUid.get(run.id.uid) === run) this.#byUid.delete(run.id.uid);
    this.#listener?.ended(run.id, atMs, end);
  }

  #killStuck(run: Run): void {
    const due = run.state !== "ended" && run.stop !== undefined;
    // Node's timers may fire a fraction of a millisecond early by this clock.
    if (!due || (run.stop?.overdueAtMs ?? 0) > this.#clock.monotonic() + 1) return;
    run.shim.handle.kill("SIGKILL", "a stop is overdue");
  }
}

/** Until a run that was told to stop is taken to be stuck. In a process of its own it may be, and then gets no second chance. */
function overdueMsOf({ shim, stopNotice }: Run, graceMs: number): number {
  if (shim.use !== "own") return graceMs + driverLimits.stuckMs;
  return (stopNotice === "none" ? 0 : graceMs) + driverLimits.ownStuckMs;
}
