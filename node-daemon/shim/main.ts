/**
 * A shim: `node main.ts <folder>`. Hosts instances of one namespace for a daemon that comes and goes.
 *
 *   started ── claimed (at once, when its configuration says for whom) ──▶ hosting ── told to exit, or left empty ──▶ gone
 */
import { readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { randomFillSync } from "node:crypto";
import { type Clock, systemClock, type Timer } from "../../kit/clock.ts";
import { assertNever, errorCode } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import { threadCpuMs } from "../../kit/thread-cpu.ts";
import { listenRequests } from "../link/shim-requests.ts";
import type { RunId } from "../runtimes/runtime-driver.ts";
import type { WasiClock } from "../wasi/host.ts";
import { payWith } from "../wasi/file-system/payer.ts";
import { SpareSockets } from "../wasi/sockets/spare-sockets.ts";
import { ListingCache } from "../wasi/file-system/listing-cache.ts";
import { Alone } from "./alone.ts";
import { guestDescriptorsMax, ShimBudget, systemCapacity } from "./budget.ts";
import { directPorts } from "./direct/direct-ports.ts";
import { DaemonLink } from "./daemon-link.ts";
import { GuestTimers } from "./guest-timers.ts";
import { exitMs, openFilesMax, type ShimLimits, spareSocketsMax } from "./limits.ts";
import { ModuleStore } from "./module-store.ts";
import { MountTable } from "./mount-table.ts";
import { openOwnLog } from "./own-log.ts";
import { processStartTicks } from "./process-identity.ts";
import {
  type Claim,
  configName,
  ownRunName,
  type OwnRunRecord,
  processName,
  runKey,
  type ShimIdentity,
  socketName,
  type ToShim,
} from "./protocol.ts";
import { RunQueue } from "./run-queue.ts";
import { RequestDoor } from "./serving/request-door.ts";
import { Shim, type ShimEvents } from "./shim.ts";
import { stackTraceLimit } from "./trap.ts";

/** Written by the daemon that starts the shim, so both are of one build. */
interface ShimConfig extends ShimIdentity {
  readonly limits: ShimLimits;
  /** Of the engine's heap, where a guest can fill it. */
  readonly heapMb?: number;
}

const wasiClock: WasiClock = {
  realtimeNs: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n,
  monotonicNs: () => process.hrtime.bigint(),
  resolutionNs: 1000n,
};

class ShimProcess {
  readonly #config: ShimConfig;
  #identity: ShimIdentity;
  readonly #alone: Alone;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #shim: Shim;
  readonly #link: DaemonLink;
  readonly #modules: ModuleStore;
  readonly #mounts: MountTable;
  #aloneTimer: Timer | undefined;
  #exitWhenEmpty = false;
  #exitWhenEnded = false;

  constructor(config: ShimConfig, clock: Clock, log: Log) {
    const { shimId, namespace, buildId, isolation } = config;
    this.#config = config;
    this.#identity = { shimId, namespace, buildId, isolation };
    this.#clock = clock;
    this.#log = log;
    this.#alone = new Alone(clock, config.limits.orphanMs, {
      stop: (uid, graceMs) => this.#shim.stop(uid, graceMs),
      orphaned: () => this.terminate(true),
    });
    this.#modules = new ModuleStore(config.limits, clock);
    const descriptorsMax = guestDescriptorsMax();
    this.#mounts = new MountTable({ monotonic: () => clock.monotonic(), descriptorsMax });
    const schedule = (step: () => void) => void setImmediate(step);
    const timers = new GuestTimers({
      clock,
      schedule,
      onBug: (thrown) => log.error("bug in a timer", { err: String(thrown) }),
    });
    const queue = new RunQueue({
      now: () => performance.now(),
      cpuMs: threadCpuMs,
      schedule,
      // The queue of ticks is served once there is no microtask.
      whenDrained: (step) => queueMicrotask(() => process.nextTick(step)),
      timers,
    });
    payWith(() => queue.payer());
    const parts = {
      modules: this.#modules,
      mounts: this.#mounts,
      budget: new ShimBudget(config.limits, systemCapacity(), clock, (flavor) => {
        globalThis.gc?.({ type: "major", flavor });
      }),
      doors: new RequestDoor(async (accept) => {
        await listenRequests(".", accept, { clock, log });
      }),
      direct: directPorts({ clock, random: systemRandom, log }, descriptorsMax),
      ownHeapBytes: config.heapMb === undefined ? () => 0 : heapGrowth(),
      timers,
      queue,
      clock,
      wasiClock,
      random: (target: Uint8Array) => void randomFillSync(target),
      listings: new ListingCache(),
      wasiLimits: { openFilesMax, hostDescriptorsMax: descriptorsMax },
      spares: new SpareSockets(spareSocketsMax(descriptorsMax)),
      log,
    };
    const owner = (): ShimIdentity => this.#identity;
    this.#shim = new Shim(parts, config.limits, this.#events(), owner, this.#alone);
    this.#link = new DaemonLink(
      owner,
      {
        receive: (message) => this.#receive(message),
        inventory: () => this.#shim.reports(),
        connectedChanged: (connected) => {
          this.#alone.setConnected(connected);
          this.#onEmpty();
        },
      },
      log,
    );
  }

  #events(): ShimEvents {
    return {
      started: (id, atMs) => {
        const own = this.#identity.isolation !== "shared";
        if (own) this.#recordOwnRun(id);
        this.#link.tell({ kind: "started", id, atMs });
        // The guest's first instruction may be one that never ends, and then nothing here is ever said again.
        if (own) this.#link.flush();
      },
      ended: (id, atMs, end) => {
        this.#link.tell({ kind: "ended", id, atMs, end });
        if (this.#exitWhenEnded && this.#shim.running === 0) this.#exit();
      },
      logsDropped: (id) => this.#link.tell({ kind: "logsDropped", id }),
      listening: (id, listeners) => this.#link.tell({ kind: "listening", id, listeners }),
      usage: (usages) => this.#link.tellUsage(usages),
      emptied: () => this.#onEmpty(),
    };
  }

  /** What a daemon knows of it that finds it silent. */
  #recordOwnRun(id: RunId): void {
    const report = this.#shim.reports().find((known) => runKey(known.id) === runKey(id));
    if (report) writeJson(ownRunName, { identity: this.#identity, report } satisfies OwnRunRecord);
  }

  #claim({ namespace, isolation }: Claim): void {
    const { namespace: owner } = this.#identity;
    if (owner === namespace) return;
    // Its runs will be refused.
    if (owner !== undefined) return this.#log.error("claimed for another namespace", { owner, namespace });
    this.#identity = { ...this.#identity, namespace, isolation };
    // For whoever looks at the folder: what holds is what it says.
    writeJson(configName, { ...this.#config, ...this.#identity });
    this.#log.info("claimed", { namespace, isolation });
  }

  async listen(path: string): Promise<void> {
    await this.#link.listen(path);
    this.#onEmpty();
  }

  /** Stops everything, then exits; by force when that takes too long. */
  terminate(asked: boolean): void {
    this.#exitWhenEnded = true;
    this.#shim.stopAll(asked);
    if (this.#shim.running === 0) this.#exit();
    else this.#clock.setTimer(exitMs, () => this.#leave(1));
  }

  #receive(message: ToShim): void {
    switch (message.kind) {
      case "claim":
        return this.#claim(message);
      case "heard":
        return this.#alone.heard(message.agoMs);
      case "start":
        return this.#shim.start(message.spec);
      case "stop":
        return this.#shim.stop(message.uid, message.graceMs);
      case "settle":
        return this.#shim.settle(message.id);
      case "exit":
        if (message.when === "now") return this.terminate(true);
        this.#exitWhenEmpty = true;
        return this.#onEmpty();
      default:
        return assertNever(message, "message");
    }
  }

  /** Without a daemon and without a run it waits a little for either, then goes. */
  #onEmpty(): void {
    this.#aloneTimer?.cancel();
    this.#aloneTimer = undefined;
    if (!this.#shim.empty) return;
    if (this.#exitWhenEmpty) this.#exit();
    else if (!this.#link.connected) {
      this.#aloneTimer = this.#clock.setTimer(this.#config.limits.aloneMs, () => {
        if (this.#shim.empty && !this.#link.connected) this.#exit();
      });
    }
  }

  #exit(): void {
    this.#log.info("exiting");
    this.#alone.close();
    this.#modules.close();
    this.#clock.setTimer(exitMs, () => this.#leave(1));
    void this.#link.close().then(() => this.#leave(0));
  }

  /** An orderly exit waits for all threads, also for one that hangs in a file system. */
  #leave(code: number): never {
    if (this.#mounts.threads > 0) process.kill(process.pid, "SIGKILL");
    process.exit(code);
  }
}

/** Whole, or not at all. */
function writeJson(name: string, value: unknown): void {
  writeFileSync(`${name}.new`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${name}.new`, name);
}

/** Bytes in the engine's heap beyond what is there now. */
function heapGrowth(): () => number {
  const before = getHeapStatistics().used_heap_size;
  return () => Math.max(0, getHeapStatistics().used_heap_size - before);
}

async function main(folder: string): Promise<void> {
  const config = JSON.parse(readFileSync(join(folder, configName), "utf8")) as ShimConfig;
  const log = openOwnLog({ shim: config.shimId, namespace: config.namespace });
  Error.stackTraceLimit = stackTraceLimit;
  const shim = new ShimProcess(config, systemClock, log);
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  process.on("SIGTERM", () => shim.terminate(false));
  // A bug of ours outside any instance: the others have done nothing to deserve an end.
  process.on("uncaughtException", (error) => log.error("uncaught exception", { err: error.stack }));
  process.on("unhandledRejection", (error) => log.error("unhandled rejection", { err: String(error) }));
  // The path of a Unix socket is short; that of the state folder may not be.
  process.chdir(folder);
  const identity = { pid: process.pid, startTicks: processStartTicks(process.pid) };
  writeJson(processName, identity);
  try {
    unlinkSync(socketName);
  } catch (thrown) {
    if (errorCode(thrown) !== "ENOENT") throw thrown;
  }
  await shim.listen(socketName);
  log.info("listening", { pid: process.pid });
}

await main(process.argv[2] ?? ".");
