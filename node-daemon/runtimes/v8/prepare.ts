/**
 * Accepts modules: validated, translated, cached on disk by digest and rewriter version.
 *
 *   prepare ─▶ same digest under way? ─▶ in the cache? ─▶ queue ─▶ worker thread ─▶ files
 *                  │ share                  │ done        bounded    one at a time
 *
 * The worker is started when needed and ended when idle: it holds the memory of the largest module it has seen.
 */
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Clock, type Timer } from "../../../kit/clock.ts";
import { errorCode, errorMessage, WherryError } from "../../../kit/errors.ts";
import { componentsKey } from "../../components/cache-key.ts";
import { componentBytesMin, componentFiles, type ComponentFacts } from "../../components/component-facts.ts";
import { offer } from "../../components/offer.ts";
import { factsFile } from "../../shim/module-store.ts";
import { rewriterVersion } from "../../wasm/rewrite.ts";
import type { PrepareOutcome, PrepareRequest } from "../runtime-driver.ts";
import type { Rejection } from "./check-module.ts";
import { checkComponentUse, checkModuleUse, type Use } from "./check-use.ts";
import { driverLimits } from "./limits.ts";
import { needsProcess } from "./shared-features.ts";
import {
  memoryBytesMin,
  type PrepareAnswer,
  type PreparedFacts,
  type PrepareMode,
  type PrepareTask,
} from "./prepare-task.ts";

interface Job {
  readonly task: PrepareTask;
  readonly done: (answer: PrepareAnswer) => void;
}

const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./prepare-worker.ts" : "./prepare-worker.js",
  import.meta.url,
);

export class ModulePreparer {
  readonly #cacheDir: string;
  readonly #clock: Clock;
  readonly #componentsKey = componentsKey(offer);
  readonly #shared = new Map<string, Promise<PrepareOutcome>>();
  #waiting: Job[] = [];
  #current: Job | undefined;
  #worker: Worker | undefined;
  #timer: Timer | undefined;
  #tasks = 0;

  constructor(cacheDir: string, clock: Clock) {
    this.#cacheDir = cacheDir;
    this.#clock = clock;
  }

  /** Rejects with the signal's reason; the work itself goes on for whoever else wants it, and for the cache. */
  prepare(request: PrepareRequest, signal: AbortSignal): Promise<PrepareOutcome> {
    signal.throwIfAborted();
    const key = `${request.digest} ${request.deterministic} ${request.serves ?? ""}`;
    let outcome = this.#shared.get(key);
    if (!outcome) {
      outcome = this.#prepare(request).finally(() => this.#shared.delete(key));
      this.#shared.set(key, outcome);
    }
    return untilAborted(outcome, signal);
  }

  async close(): Promise<void> {
    const abandoned = [this.#current, ...this.#waiting].filter((job) => job !== undefined);
    this.#current = undefined;
    this.#waiting = [];
    await this.#endWorker();
    for (const job of abandoned) job.done(failed(job, "prepare-closed", "the driver is closing"));
  }

  async #prepare({ digest, file, deterministic, serves: use }: PrepareRequest): Promise<PrepareOutcome> {
    const base = join(this.#cacheDir, `${digest.replaceAll(/[^\w.-]/g, "-")}-r${rewriterVersion}`);
    const mode = modeOf(deterministic, use);
    const target = `${base}${mode === "plain" ? "" : `-${mode}`}.wasm`;
    const componentTarget = `${base}-${this.#componentsKey}`;
    const cached =
      (await readCached(target, use)) ??
      (deterministic ? undefined : await readCachedComponent(componentTarget, use));
    if (cached) return "kind" in cached ? cached : prepared(digest, cached);
    await mkdir(this.#cacheDir, { recursive: true, mode: 0o750 });
    const answer = await this.#enqueue({ file, target, mode, use, componentTarget });
    switch (answer.kind) {
      case "prepared":
        return prepared(digest, answer);
      case "rejected":
        return { kind: "rejected", reason: answer.reason, message: answer.message };
      default:
        throw new WherryError("prepare-failed", `prepare module ${digest} from ${file}: ${answer.message}`, {
          retryable: answer.code !== "ENOENT",
        });
    }
  }

  #enqueue(task: Omit<PrepareTask, "task">): Promise<PrepareAnswer> {
    if (this.#waiting.length >= driverLimits.preparingMax) {
      throw new WherryError(
        "prepare-busy",
        `prepare module ${task.file}: ${this.#waiting.length} are waiting`,
        {
          retryable: true,
        },
      );
    }
    return new Promise((done) => {
      this.#waiting.push({ task: { ...task, task: this.#tasks++ }, done });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current) return;
    this.#timer?.cancel();
    const job = this.#waiting.shift();
    this.#current = job;
    if (!job) {
      this.#timer = this.#clock.setTimer(driverLimits.idleWorkerMs, () => void this.#endWorker());
      return;
    }
    this.#worker ??= this.#startWorker();
    this.#worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(job.task);
    this.#timer = this.#clock.setTimer(driverLimits.prepareMs, () => {
      this.#finish(rejected(job, `translating it took longer than ${driverLimits.prepareMs / 1000} s`));
    });
  }

  #startWorker(): Worker {
    const worker = new Worker(workerFile, {
      resourceLimits: { maxOldGenerationSizeMb: driverLimits.prepareHeapMb },
      env: {},
    });
    worker.on("message", (answer: PrepareAnswer) => {
      if (this.#current?.task.task !== answer.task) return;
      if (answer.kind === "rejected" && answer.worn === true) this.#finish(answer);
      else this.#settle(answer);
    });
    worker.on("error", (thrown) => {
      if (this.#worker !== worker || !this.#current) return;
      const tooLarge = errorCode(thrown) === "ERR_WORKER_OUT_OF_MEMORY";
      const why = `translating it needed more than ${driverLimits.prepareHeapMb} MB`;
      const job = this.#current;
      this.#finish(tooLarge ? rejected(job, why) : failed(job, errorCode(thrown), errorMessage(thrown)));
    });
    return worker;
  }

  /** Ends the worker with the job: it is busy, or dead. */
  #finish(answer: PrepareAnswer): void {
    void this.#endWorker();
    this.#settle(answer);
  }

  #settle(answer: PrepareAnswer): void {
    const job = this.#current;
    this.#current = undefined;
    this.#worker?.unref();
    job?.done(answer);
    this.#next();
  }

  async #endWorker(): Promise<void> {
    this.#timer?.cancel();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function modeOf(deterministic: boolean, use: Use): PrepareMode {
  if (deterministic) return "deterministic";
  return use === "wagi" ? "recyclable" : "plain";
}

interface Cached {
  readonly file: string;
  readonly memoryBytesMin: number;
  readonly needsProcess: readonly string[];
}

/** Undefined unless both files are whole. */
async function readCached(target: string, use: Use): Promise<Cached | Rejection | undefined> {
  try {
    const prepared = JSON.parse(await readFile(factsFile(target), "utf8")) as PreparedFacts;
    if ((await stat(target)).size !== prepared.moduleBytes) return undefined;
    const { facts } = prepared;
    const useless = checkModuleUse(facts, use);
    if (useless) return useless;
    return {
      file: target,
      memoryBytesMin: memoryBytesMin(facts),
      needsProcess: needsProcess(facts.features),
    };
  } catch {
    return undefined;
  }
}

/** Undefined unless all files are whole. */
async function readCachedComponent(folder: string, use: Use): Promise<Cached | Rejection | undefined> {
  try {
    const file = join(folder, componentFiles.facts);
    const facts = JSON.parse(await readFile(file, "utf8")) as ComponentFacts;
    const sizes: [string, number][] = facts.modules.map((module) => [module.file, module.bytes]);
    sizes.push([componentFiles.script, facts.scriptBytes]);
    for (const [name, bytes] of sizes) {
      if ((await stat(join(folder, name))).size !== bytes) return undefined;
    }
    const useless = checkComponentUse(facts, use);
    if (useless) return useless;
    const features = facts.modules.flatMap((module) => module.facts.features);
    return { file, memoryBytesMin: componentBytesMin(facts), needsProcess: needsProcess(features) };
  } catch {
    return undefined;
  }
}

function prepared(digest: string, { file, memoryBytesMin, needsProcess }: Cached): PrepareOutcome {
  return { kind: "prepared", module: { digest, file, memoryBytesMin, needsProcess } };
}

function rejected(job: Job, why: string): PrepareAnswer {
  const message = `the module is too complex for this node: ${why}`;
  return { task: job.task.task, kind: "rejected", reason: "ModuleTooLarge", message };
}

function failed(job: Job, code: string | undefined, message: string): PrepareAnswer {
  return { task: job.task.task, kind: "failed", code, message };
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
