import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import type {
  PrepareOutcome,
  RunEnd,
  RunId,
  RunListener,
  RunSpec,
  RuntimeDriver,
} from "../../node-daemon/runtimes/runtime-driver.ts";
import { createV8Driver } from "../../node-daemon/runtimes/v8/driver.ts";
import { conformanceLimits } from "./limits.ts";

/** A run under way. */
export interface StartedRun {
  readonly end: Promise<RunEnd>;
  /** Once it is known. */
  ended(): RunEnd | undefined;
}

/** Wherry's own driver with real hosting processes, in a folder of its own that goes with it. */
export class NodeRunner implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "wherry-conformance-"));
  readonly #driver: RuntimeDriver;
  readonly #ends = new Map<string, PromiseWithResolvers<RunEnd>>();
  #closed: Promise<void> | undefined;

  private constructor() {
    this.#driver = createV8Driver({
      stateDir: join(this.folder, "state"),
      cacheDir: join(this.folder, "cache"),
      clock: systemClock,
      log: silentLog,
    });
  }

  static async open(): Promise<NodeRunner> {
    const runner = new NodeRunner();
    const listener: RunListener = {
      started: () => {},
      ended: (id, _atMs, end) => runner.#onEnded(id, end),
      usage: () => {},
      logsDropped: () => {},
      listening: () => {},
      outdated: () => {},
    };
    await runner.#driver.adopt(listener, AbortSignal.timeout(conformanceLimits.prepareMs));
    return runner;
  }

  prepare(file: string): Promise<PrepareOutcome> {
    const digest = `sha256:${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
    return this.#driver.prepare(
      { digest, file, deterministic: false },
      AbortSignal.timeout(conformanceLimits.prepareMs),
    );
  }

  start(spec: RunSpec): StartedRun {
    const end = Promise.withResolvers<RunEnd>();
    this.#ends.set(spec.id.uid, end);
    let known: RunEnd | undefined;
    void end.promise.then((value) => (known = value));
    this.#driver.start(spec);
    return { end: end.promise, ended: () => known };
  }

  kill(uid: string): void {
    this.#driver.stop(uid, 0);
  }

  /** Ends every run and process, and removes the folder. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#driver
      .close("stop")
      .finally(() => rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 }));
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onEnded(id: RunId, end: RunEnd): void {
    this.#ends.get(id.uid)?.resolve(end);
    this.#ends.delete(id.uid);
    this.#driver.settle(id);
  }
}
