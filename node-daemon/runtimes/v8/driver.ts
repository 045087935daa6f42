/**
 * The built-in runtime: V8, many instances per process. This class knows which run is in which shim, and nothing of how
 * a shim works; `ShimHandle` knows processes and connections, and nothing of runs.
 *
 *   start ─▶ shim of the namespace with room, or a new one ─▶ starting ─▶ running ─▶ ended ─ settle ─▶ forgotten
 *                                                               │  shim died: lost  ▲
 *                                                               └───────────────────┘
 * Invariants:
 * - A run is told `ended` exactly once by one driver, whatever its shim repeats, and even if the shim dies.
 * - The shim's inventory settles every doubt after a connection was lost: what it does not know and was not told as
 *   started is sent again.
 * - A namespace never shares a shim with another.
 */
import { join } from "node:path";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { Bug, errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { type Random, systemRandom } from "../../../kit/random.ts";
import { engine } from "../../shim/engine.ts";
import { defaultShimLimits, type ShimLimits } from "../../shim/limits.ts";
import { protocolVersion, type RunReport, runKey } from "../../shim/protocol.ts";
import { rewriterVersion } from "../../wasm/rewrite.ts";
import type {
  AdoptedRun,
  PrepareOutcome,
  PrepareRequest,
  RunEnd,
  RunId,
  RunListener,
  RunSpec,
  RuntimeDriver,
  RuntimeFacts,
} from "../runtime-driver.ts";
import { plainLauncher, type ShimLauncher } from "./launcher.ts";
import { driverLimits } from "./limits.ts";
import { ModulePreparer } from "./prepare.ts";
import { createShimFolder, listShimFolders, readIdentity, removeShimFolder } from "./shim-folder.ts";
import { mainFile, nodeFlags } from "./shim-program.ts";
import { type RunMessage, ShimHandle, type ShimHandleEvents } from "./shim-handle.ts";

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
}

export function createV8Driver(options: V8DriverOptions): RuntimeDriver {
  return new V8Driver(options);
}

interface Run {
  readonly id: RunId;
  shim: Shim;
  state: "starting" | "running" | "ended";
  /** Until it is known to have started. */
  spec: RunSpec | undefined;
  /** The shim may know it. */
  sent: boolean;
  /** How often it went to another shim. */
  moves: number;
  logsDropped: boolean;
  stop: { readonly graceMs: number; readonly overdueAtMs: number } | undefined;
}

interface Shim {
  readonly handle: ShimHandle;
  readonly runs: Set<Run>;
  /** Runs that have not ended. */
  live: number;
  /** It refused a start; until one of its runs ends. */
  full: boolean;
  /** It was asked to exit. */
  retiring: boolean;
  emptyTimer: Timer | undefined;
  gone: PromiseWithResolvers<void>;
}

class V8Driver implements RuntimeDriver {
  readonly #options: V8DriverOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #random: Random;
  readonly #shimLimits: ShimLimits;
  readonly #shimsRoot: string;
  readonly #buildId = `${process.version}-p${protocolVersion}-r${rewriterVersion}`;
  readonly #preparer: ModulePreparer;
  readonly #shims = new Map<ShimHandle, Shim>();
  readonly #runs = new Map<string, Run>();
  readonly #byUid = new Map<string, Run>();
  readonly #stopping = new Set<Run>();
  #overdueTimer: Timer | undefined;
  #nextOverdueAtMs = Number.POSITIVE_INFINITY;
  #listener: RunListener | undefined;
  #adopting: { readonly found: AdoptedRun[]; readonly waiting: Map<ShimHandle, () => void> } | undefined;
  #closed = false;

  constructor(options: V8DriverOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log.bind({ runtime: "v8" });
    this.#random = options.random ?? systemRandom;
    this.#shimLimits = { ...defaultShimLimits, ...options.shimLimits };
    this.#shimsRoot = join(options.stateDir, "shims");
    this.#preparer = new ModulePreparer(options.cacheDir, options.clock);
  }

  detect(): Promise<RuntimeFacts | undefined> {
    // Promise Integration is what everything here rests on; the descriptors of /proc are what mounts rest on.
    if (typeof engine.Suspending !== "function" || process.platform !== "linux")
      return Promise.resolve(undefined);
    const features = ["wasi_snapshot_preview1", "wasi_unstable", "fuel", "memory-limit", "shared-process"];
    return Promise.resolve({ name: "v8", version: process.versions.v8, features });
  }

  async adopt(listener: RunListener, signal: AbortSignal): Promise<readonly AdoptedRun[]> {
    signal.throwIfAborted();
    this.#listener = listener;
    const adopting = { found: [] as AdoptedRun[], waiting: new Map<ShimHandle, () => void>() };
    this.#adopting = adopting;
    const folders = await listShimFolders(this.#shimsRoot);
    await Promise.all(folders.map((folder) => this.#adoptShim(folder, adopting.waiting)));
    this.#adopting = undefined;
    return adopting.found;
  }

  prepare(request: PrepareRequest, signal: AbortSignal): Promise<PrepareOutcome> {
    return this.#preparer.prepare(request, signal);
  }

  start(spec: RunSpec): void {
    const key = runKey(spec.id);
    if (this.#runs.has(key)) throw new Bug(`run ${key} was started before`);
    const shim = this.#chooseShim(spec.namespace);
    const run: Run = {
      id: spec.id,
      shim,
      state: "starting",
      spec,
      sent: false,
      moves: 0,
      logsDropped: false,
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
    const overdueAtMs = this.#clock.monotonic() + graceMs + driverLimits.stuckMs;
    if (run.stop && run.stop.overdueAtMs <= overdueAtMs) return;
    run.stop = { graceMs, overdueAtMs };
    this.#stopping.add(run);
    run.shim.handle.send({ kind: "stop", uid, graceMs });
    this.#watchStops(overdueAtMs);
  }

  settle(id: RunId): void {
    const key = runKey(id);
    const run = this.#runs.get(key);
    if (run?.state !== "ended") return;
    this.#runs.delete(key);
    run.shim.runs.delete(run);
    run.shim.handle.send({ kind: "settle", id });
    this.#retireIfEmpty(run.shim);
  }

  async close(what: "keep" | "stop"): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#preparer.close();
    if (what === "stop") await this.#stopShims();
    this.#overdueTimer?.cancel();
    for (const shim of this.#shims.values()) {
      shim.emptyTimer?.cancel();
      shim.handle.close();
    }
    this.#shims.clear();
  }

  // Shims.

  async #adoptShim(folder: string, waiting: Map<ShimHandle, () => void>): Promise<void> {
    const identity = await readIdentity(folder);
    if (!identity) return removeShimFolder(folder);
    const { handle } = this.#addShim(folder, identity);
    const settled = new Promise<void>((resolve) => waiting.set(handle, resolve));
    await handle.find();
    await settled;
  }

  #chooseShim(namespace: string): Shim {
    for (const shim of this.#shims.values()) {
      const { identity } = shim.handle;
      const fits = !shim.full && !shim.retiring && shim.live < this.#shimLimits.instancesMax;
      if (fits && identity.namespace === namespace && identity.buildId === this.#buildId) return shim;
    }
    const shimId = this.#random.uuid();
    const folder = join(this.#shimsRoot, shimId);
    const shim = this.#addShim(folder, { shimId, namespace, buildId: this.#buildId });
    void this.#spawn(shim);
    return shim;
  }

  async #spawn(shim: Shim): Promise<void> {
    const { handle } = shim;
    try {
      await createShimFolder(handle.folder, handle.identity, this.#shimLimits);
      if (this.#closed) return;
      const { execPath = process.execPath, launcher = plainLauncher } = this.#options;
      const plan = { folder: handle.folder, execPath, nodeFlags, mainFile };
      handle.watch(
        launcher.launch({
          ...plan,
          isolation: "shared",
          readOnlyPaths: [],
          writablePaths: [],
          network: true,
        }),
      );
    } catch (thrown) {
      this.#onDied(handle, `the process that was to host it could not be started: ${errorMessage(thrown)}`);
    }
  }

  #addShim(folder: string, identity: ShimHandle["identity"]): Shim {
    const events: ShimHandleEvents = {
      ready: (handle, reports) => this.#onReady(handle, reports),
      message: (handle, message) => this.#onMessage(handle, message),
      died: (handle, why) => this.#onDied(handle, why),
    };
    const handle = new ShimHandle({ folder, identity, clock: this.#clock, log: this.#log, events });
    const shim: Shim = {
      handle,
      runs: new Set(),
      live: 0,
      full: false,
      retiring: false,
      emptyTimer: undefined,
      gone: Promise.withResolvers(),
    };
    this.#shims.set(handle, shim);
    return shim;
  }

  #onReady(handle: ShimHandle, reports: readonly RunReport[]): void {
    const shim = this.#shims.get(handle);
    if (!shim) return;
    const reported = new Map(reports.map((report) => [runKey(report.id), report]));
    for (const run of shim.runs) {
      const report = reported.get(runKey(run.id));
      if (report) this.#reconcile(run, report);
      else if (run.state === "running") this.#end(run, this.#clock.now(), forgotten);
      else if (run.state === "starting") this.#sendStart(run);
    }
    for (const [key, report] of reported) if (!this.#runs.has(key)) this.#onUnknown(shim, report);
    this.#adopting?.waiting.get(handle)?.();
    this.#retireIfEmpty(shim);
  }

  /** Known to the shim, not to us: left by an earlier daemon, or settled while the connection was down. */
  #onUnknown(shim: Shim, report: RunReport): void {
    const { id, startedMs, ended } = report;
    if (!this.#adopting?.waiting.has(shim.handle)) {
      shim.handle.send(ended ? { kind: "settle", id } : { kind: "stop", uid: id.uid, graceMs: 0 });
      return;
    }
    const run: Run = {
      id,
      shim,
      state: ended ? "ended" : startedMs === undefined ? "starting" : "running",
      spec: undefined,
      sent: true,
      moves: driverLimits.movesMax,
      logsDropped: report.logsDropped,
      stop: undefined,
    };
    this.#runs.set(runKey(id), run);
    shim.runs.add(run);
    if (ended) {
      this.#adopting.found.push({ kind: "ended", id, atMs: ended.atMs, end: ended.end });
      return;
    }
    shim.live++;
    this.#byUid.set(id.uid, run);
    this.#adopting.found.push({
      kind: "running",
      id,
      startedMs: startedMs ?? this.#clock.now(),
      isolation: "shared",
    });
  }

  #onDied(handle: ShimHandle, why: string): void {
    const shim = this.#shims.get(handle);
    if (!shim) return;
    this.#shims.delete(handle);
    shim.emptyTimer?.cancel();
    for (const run of shim.runs) {
      if (run.state === "starting" && !run.sent && !this.#closed) this.#move(run, why);
      else this.#end(run, this.#clock.now(), { kind: "lost", message: why });
    }
    this.#adopting?.waiting.get(handle)?.();
    shim.gone.resolve();
  }

  #retireIfEmpty(shim: Shim): void {
    if (shim.runs.size > 0 || shim.retiring || shim.emptyTimer || this.#closed) return;
    if (!this.#shims.has(shim.handle)) return;
    shim.emptyTimer = this.#clock.setTimer(driverLimits.emptyShimMs, () => {
      shim.emptyTimer = undefined;
      if (shim.runs.size > 0) return;
      shim.retiring = true;
      shim.handle.send({ kind: "exit", when: "empty" });
    });
  }

  async #stopShims(): Promise<void> {
    const shims = [...this.#shims.values()];
    const timer = this.#clock.setTimer(driverLimits.closeMs, () => {
      for (const { handle } of this.#shims.values()) handle.kill("SIGKILL", "it does not end");
    });
    for (const shim of shims) {
      if (shim.handle.isReady) shim.handle.send({ kind: "exit", when: "now" });
      else if (shim.handle.pid === undefined) this.#onDied(shim.handle, "it was never started");
      else shim.handle.kill("SIGTERM", "the driver is closing");
    }
    await Promise.all(shims.map((shim) => shim.gone.promise));
    timer.cancel();
  }

  // Runs.

  #assign(run: Run, shim: Shim): void {
    run.shim = shim;
    shim.emptyTimer?.cancel();
    shim.emptyTimer = undefined;
    shim.runs.add(run);
    shim.live++;
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
    from.runs.delete(run);
    from.live--;
    run.sent = false;
    this.#assign(run, this.#chooseShim(spec.namespace));
  }

  #reconcile(run: Run, report: RunReport): void {
    if (report.startedMs !== undefined) this.#started(run, report.startedMs);
    if (report.logsDropped) this.#logsDropped(run);
    if (report.ended) this.#ended(run, report.ended.atMs, report.ended.end);
    else if (run.stop) run.shim.handle.send({ kind: "stop", uid: run.id.uid, graceMs: run.stop.graceMs });
  }

  #onMessage(handle: ShimHandle, message: RunMessage): void {
    if (message.kind === "usage") {
      this.#listener?.usage(message.usages.filter(({ id }) => this.#runs.has(runKey(id))));
      return;
    }
    const run = this.#runs.get(runKey(message.id));
    if (run?.shim.handle !== handle) {
      if (message.kind === "ended") handle.send({ kind: "settle", id: message.id });
    } else if (message.kind === "started") this.#started(run, message.atMs);
    else if (message.kind === "ended") this.#ended(run, message.atMs, message.end);
    else this.#logsDropped(run);
  }

  #started(run: Run, atMs: number): void {
    if (run.state !== "starting") return;
    run.state = "running";
    run.spec = undefined;
    this.#listener?.started(run.id, atMs, "shared");
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
    this.#stopping.delete(run);
    if (this.#byUid.get(run.id.uid) === run) this.#byUid.delete(run.id.uid);
    this.#listener?.ended(run.id, atMs, end);
  }

  /** One timer for all stops, for the one that is overdue first. */
  #watchStops(overdueAtMs: number): void {
    if (overdueAtMs >= this.#nextOverdueAtMs) return;
    this.#nextOverdueAtMs = overdueAtMs;
    this.#overdueTimer?.cancel();
    this.#overdueTimer = this.#clock.setTimer(Math.max(0, overdueAtMs - this.#clock.monotonic()), () => {
      this.#nextOverdueAtMs = Number.POSITIVE_INFINITY;
      this.#killStuck();
      for (const { stop } of this.#stopping) if (stop) this.#watchStops(stop.overdueAtMs);
    });
  }

  #killStuck(): void {
    const now = this.#clock.monotonic();
    const stuck = new Set<ShimHandle>();
    for (const run of this.#stopping) {
      if (!run.stop || run.stop.overdueAtMs > now) continue;
      stuck.add(run.shim.handle);
      // Told as lost when the process is gone; not to be looked at again before.
      this.#stopping.delete(run);
    }
    for (const handle of stuck) handle.kill("SIGKILL", "a stop is overdue");
  }
}

const forgotten: RunEnd = { kind: "lost", message: "the process that hosted it does not know it any more" };
