/** Test support: serving runs in this process, with the parts of a real shim but for its sockets. */
import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { systemRandom } from "../../../kit/random.ts";
import { threadCpuMs } from "../../../kit/thread-cpu.ts";
import { noNetworkGrant, type RunEnd, type RunSpec, type Serving } from "../../runtimes/runtime-driver.ts";
import { ListingCache } from "../../wasi/file-system/listing-cache.ts";
import { SpareSockets } from "../../wasi/sockets/spare-sockets.ts";
import { rewriteModule } from "../../wasm/rewrite.ts";
import { ShimBudget, systemCapacity } from "../budget.ts";
import { directPorts } from "../direct/direct-ports.ts";
import { GuestTimers } from "../guest-timers.ts";
import { Instance, type InstanceParts } from "../instance.ts";
import { defaultShimLimits, openFilesMax } from "../limits.ts";
import { factsFile, ModuleStore } from "../module-store.ts";
import { MountTable } from "../mount-table.ts";
import { RunQueue } from "../run-queue.ts";
import { FakeExchange, type FakeOptions } from "./fake-exchange.ts";
import { RequestDoor } from "./request-door.ts";
import type { CalleeExchange, RequestHead } from "../../link/exchange.ts";

const mebibyte = 2 ** 20;

export const wagi: Serving = {
  handler: "wagi",
  concurrency: 4,
  queueMax: 8,
  requestsPerInstance: 1,
  timeoutMs: 10_000,
  idleTimeoutMs: 10_000,
  bodyBytesMax: mebibyte,
};

export interface ServiceOptions {
  readonly serving?: Partial<Serving>;
  readonly spec?: Partial<RunSpec>;
  readonly clock?: Clock;
  readonly instancesMax?: number;
}

/** One run, and whoever asks it. */
export class TestService implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "wherry-serving-"));
  readonly instance: Instance;
  readonly budget: ShimBudget;
  readonly #end: Promise<RunEnd>;
  #accept: (exchange: CalleeExchange) => void = () => {};
  #started: () => void = () => {};
  /** Also when it ends before. */
  readonly started: Promise<void>;

  /** `module`: a core module as it is, or the file of anything that a driver has prepared. */
  constructor(module: Uint8Array | string, options: ServiceOptions = {}) {
    const file =
      typeof module === "string" ? module : this.#prepared(module, options.spec?.deterministic !== undefined);
    const parts = this.#parts(options);
    this.budget = parts.budget;
    const spec: RunSpec = {
      id: { uid: "one", run: 0 },
      namespace: "default",
      name: "one",
      module: { digest: "sha256:0", file, memoryBytesMin: 0, needsProcess: [] },
      args: ["one"],
      env: [],
      mounts: [],
      network: noNetworkGrant,
      memoryBytesMax: 8 * mebibyte,
      cpuRequestMillis: 0,
      cpuLimitMillis: undefined,
      isolation: "shared",
      fuelMax: undefined,
      deterministic: undefined,
      stopAloneAfterMs: undefined,
      stopNotice: "none",
      logFolder: join(this.folder, "logs"),
      logLimits: { fileBytesMax: mebibyte, bytesPerSecondMax: 1024 * mebibyte },
      ...options.spec,
      serving: { ...wagi, ...options.serving },
    };
    const started = new Promise<void>((resolve) => (this.#started = resolve));
    const events = {
      started: () => this.#started(),
      used: () => {},
      logsDropped: () => {},
      listening: () => {},
    };
    this.instance = new Instance(parts, spec, events);
    this.#end = this.instance.host();
    this.started = Promise.race([started, this.#end.then(() => undefined)]);
  }

  get end(): Promise<RunEnd> {
    return this.#end;
  }

  /** A request that has arrived; its body is to be sent. */
  async open(head: Partial<RequestHead> = {}, options: FakeOptions = {}): Promise<FakeExchange> {
    await this.started;
    const exchange = new FakeExchange(head, options);
    this.#accept(exchange);
    return exchange;
  }

  /** One that is over. */
  async ask(head: Partial<RequestHead> = {}, body?: string): Promise<FakeExchange> {
    const exchange = await this.open(body === undefined ? head : { bodyLength: body.length, ...head });
    if (body !== undefined) exchange.send(body);
    await exchange.ended;
    return exchange;
  }

  /** What is in the log, whole once the instance has ended. */
  logged(): string {
    return readdirSync(join(this.folder, "logs"))
      .map((name) => readFileSync(join(this.folder, "logs", name), "utf8"))
      .join("");
  }

  #prepared(module: Uint8Array, deterministic: boolean): string {
    const result = rewriteModule(module, undefined, deterministic ? "deterministic" : "recyclable");
    if (result.kind === "rejected") throw new Error(`${result.reason}: ${result.message}`);
    const file = join(this.folder, "module.wasm");
    writeFileSync(file, result.bytes);
    writeFileSync(factsFile(file), JSON.stringify({ facts: result.facts }));
    return file;
  }

  #parts({ clock = systemClock, instancesMax }: ServiceOptions): InstanceParts {
    const limits = { ...defaultShimLimits, instancesMax: instancesMax ?? defaultShimLimits.instancesMax };
    const schedule = (step: () => void) => void setImmediate(step);
    const timers = new GuestTimers({ clock: systemClock, schedule, onBug: () => {} });
    const queue = new RunQueue({
      now: () => performance.now(),
      cpuMs: threadCpuMs,
      schedule,
      whenDrained: (step) => queueMicrotask(() => process.nextTick(step)),
      timers,
    });
    return {
      modules: new ModuleStore(limits, clock),
      mounts: new MountTable({ monotonic: () => performance.now(), descriptorsMax: 1_000 }),
      budget: new ShimBudget(limits, systemCapacity(), clock, (flavor) => {
        globalThis.gc?.({ type: "major", flavor });
      }),
      doors: new RequestDoor((accept) => {
        this.#accept = accept;
        return Promise.resolve();
      }),
      direct: directPorts({ clock: systemClock, random: systemRandom, log: silentLog }, 1_000),
      ownHeapBytes: () => 0,
      timers,
      queue,
      clock,
      wasiClock: {
        realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
        monotonicNs: () => process.hrtime.bigint(),
        resolutionNs: 1_000n,
      },
      random: (target) => void randomFillSync(target),
      listings: new ListingCache(),
      wasiLimits: { openFilesMax, hostDescriptorsMax: 1_000 },
      spares: new SpareSockets(100),
      log: silentLog,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.instance.stop(0);
    await this.#end;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
