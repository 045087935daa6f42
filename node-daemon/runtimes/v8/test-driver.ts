/** Test support: a driver with real shims in a folder of its own, and what it told. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import type { Isolation } from "../../../api/isolation.ts";
import type { ShimLimits } from "../../shim/limits.ts";
import type { ProcessIdentity } from "../../shim/process-identity.ts";
import {
  type AdoptedRun,
  noNetworkGrant,
  type PreparedModule,
  type PrepareOutcome,
  type RunEnd,
  type RunId,
  type RunListener,
  type RunSpec,
  type RunUsage,
  type RuntimeDriver,
  type Serving,
} from "../runtime-driver.ts";
import { createV8Driver, type V8DriverOptions } from "./driver.ts";

const mebibyte = 2 ** 20;

/** Keeps what it is told, and wakes whoever waits for it. */
export class Recorder implements RunListener {
  readonly startedUids: string[] = [];
  readonly isolations = new Map<string, Isolation>();
  readonly ends: { readonly id: RunId; readonly end: RunEnd }[] = [];
  readonly usages: RunUsage[] = [];
  readonly dropped: RunId[] = [];
  readonly outdatedRuns: RunId[] = [];
  /** For who measures. */
  onEnd: (id: RunId) => void = () => {};
  readonly #waiting = new Set<() => void>();

  started(id: RunId, _atMs: number, isolation: Isolation): void {
    this.isolations.set(id.uid, isolation);
    this.startedUids.push(id.uid);
    this.#wake();
  }

  ended(id: RunId, _atMs: number, end: RunEnd): void {
    this.ends.push({ id, end });
    this.onEnd(id);
    this.#wake();
  }

  usage(usages: readonly RunUsage[]): void {
    this.usages.push(...usages);
    this.#wake();
  }

  logsDropped(id: RunId): void {
    this.dropped.push(id);
    this.#wake();
  }

  listening(): void {
    this.#wake();
  }

  outdated(ids: readonly RunId[]): void {
    this.outdatedRuns.push(...ids);
    this.#wake();
  }

  /** Resolves as soon as the answer is not undefined. */
  until<T>(question: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const ask = () => {
        const answer = question();
        if (answer === undefined) return;
        this.#waiting.delete(ask);
        resolve(answer);
      };
      this.#waiting.add(ask);
      ask();
    });
  }

  hasStarted(count: number): Promise<true> {
    return this.until(() => (this.startedUids.length >= count ? true : undefined));
  }

  endOf(uid: string): Promise<RunEnd> {
    return this.until(() => this.ends.find(({ id }) => id.uid === uid)?.end);
  }

  hasEnded(count: number): Promise<true> {
    return this.until(() => (this.ends.length >= count ? true : undefined));
  }

  #wake(): void {
    for (const ask of this.#waiting) ask();
  }
}

/** Shims go, and their folders with them, while somebody looks. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** A folder with the state of one node: several drivers can follow one another on it. */
export class TestNode implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "wherry-v8-"));
  readonly #limits: Partial<ShimLimits>;
  readonly #drivers: RuntimeDriver[] = [];
  #files = 0;

  constructor(limits: Partial<ShimLimits> = {}) {
    this.#limits = limits;
  }

  async open(
    options: Partial<V8DriverOptions> = {},
    told = new Recorder(),
  ): Promise<{
    readonly driver: RuntimeDriver;
    readonly told: Recorder;
    readonly adopted: readonly AdoptedRun[];
  }> {
    const driver = createV8Driver({
      stateDir: join(this.folder, "state"),
      cacheDir: join(this.folder, "cache"),
      clock: systemClock,
      log: silentLog,
      shimLimits: { orphanMs: 60_000, ...this.#limits },
      // A process that a test does not need is one that it does not wait for.
      spares: 0,
      ...options,
    });
    this.#drivers.push(driver);
    const adopted = await driver.adopt(told, AbortSignal.timeout(20_000));
    return { driver, told, adopted };
  }

  write(module: Uint8Array): { readonly file: string; readonly digest: string } {
    const file = join(this.folder, `module-${this.#files++}.wasm`);
    writeFileSync(file, module);
    return { file, digest: `sha256:${createHash("sha256").update(module).digest("hex")}` };
  }

  prepare(driver: RuntimeDriver, module: Uint8Array, serves?: Serving["handler"]): Promise<PrepareOutcome> {
    const { file, digest } = this.write(module);
    const request = { digest, file, deterministic: false, ...(serves && { serves }) };
    return driver.prepare(request, AbortSignal.timeout(20_000));
  }

  async prepared(
    driver: RuntimeDriver,
    module: Uint8Array,
    serves?: Serving["handler"],
  ): Promise<PreparedModule> {
    const outcome = await this.prepare(driver, module, serves);
    if (outcome.kind === "rejected") throw new Error(`${outcome.reason}: ${outcome.message}`);
    return outcome.module;
  }

  spec(uid: string, module: PreparedModule, more: Partial<RunSpec> = {}): RunSpec {
    return {
      id: { uid, run: 0 },
      namespace: "default",
      name: uid,
      module,
      args: [uid],
      env: [],
      mounts: [],
      network: noNetworkGrant,
      memoryBytesMax: 4 * mebibyte,
      cpuRequestMillis: 0,
      cpuLimitMillis: undefined,
      isolation: "shared",
      fuelMax: undefined,
      deterministic: undefined,
      stopAloneAfterMs: undefined,
      stopNotice: "none",
      logFolder: join(this.folder, "logs", uid),
      logLimits: { fileBytesMax: mebibyte, bytesPerSecondMax: 1024 * mebibyte },
      ...more,
    };
  }

  /** Of the shims that are there. */
  shimPids(): number[] {
    return [...this.owners().keys()];
  }

  /** Of those that nobody has claimed and that listen. */
  spares(): number[] {
    return [...this.owners()].flatMap(([pid, owner]) => (owner === undefined ? [pid] : []));
  }

  /** The namespace of each process. */
  owners(): Map<number, string | undefined> {
    const root = join(this.folder, "state", "shims");
    const owners = new Map<number, string | undefined>();
    for (const shim of existsSync(root) ? readdirSync(root) : []) {
      const identity = readIfThere(join(root, shim, "process.json"));
      if (identity === undefined) continue;
      const { pid } = JSON.parse(identity) as ProcessIdentity;
      const config = readIfThere(join(root, shim, "config.json")) ?? "{}";
      owners.set(pid, (JSON.parse(config) as { readonly namespace?: string }).namespace);
    }
    return owners;
  }

  log(uid: string): string {
    const file = join(this.folder, "logs", uid, "current.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => driver.close("stop")));
    for (const pid of this.shimPids()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
