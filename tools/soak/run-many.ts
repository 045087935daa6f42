import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { PreparedModule, RunEnd, RuntimeDriver } from "../../node-daemon/runtimes/runtime-driver.ts";
import { type Recorder, TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { guests } from "../../node-daemon/shim/test-guests.ts";
import type { Broken } from "./judge-many.ts";
import type { Mutant } from "./mutant.ts";

export interface RunSummary {
  started: number;
  readonly ends: Map<string, number>;
  readonly broken: Broken[];
}

export interface RunOptions {
  readonly batch: number;
  /** How long a run that does not end by itself is let run. */
  readonly runMs: number;
  readonly signal?: AbortSignal;
  progress?(summary: RunSummary): void;
}

const mebibyte = 2 ** 20;
const memoryBytesMax = 8 * mebibyte;
/** Far more than a stop takes on a busy machine. */
const hangMs = 60_000;
/** What a shim may keep beyond what it took before: compiled code of idle modules, and the engine's heap. */
const keptBytesMax = 400 * mebibyte;

/**
 * Runs modules in real shims, in batches, and stops what does not end. Whatever they do, the shim must live, each end must
 * be told, none may be an error of ours, and the memory must come back.
 */
export async function runMany(mutants: Iterable<Mutant>, options: RunOptions): Promise<RunSummary> {
  const summary: RunSummary = { started: 0, ends: new Map(), broken: [] };
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const soak = new Soak(node, driver, told, options, summary);
  await soak.warmUp();
  let batch: Mutant[] = [];
  for (const mutant of mutants) {
    if (options.signal?.aborted === true) break;
    batch.push(mutant);
    if (batch.length < options.batch) continue;
    await soak.run(batch);
    batch = [];
    options.progress?.(summary);
  }
  if (batch.length > 0) await soak.run(batch);
  return summary;
}

class Soak {
  readonly #node: TestNode;
  readonly #driver: RuntimeDriver;
  readonly #told: Recorder;
  readonly #options: RunOptions;
  readonly #summary: RunSummary;
  readonly #mount: string;
  #baseline = 0;
  #neighbours = 0;

  constructor(
    node: TestNode,
    driver: RuntimeDriver,
    told: Recorder,
    options: RunOptions,
    summary: RunSummary,
  ) {
    this.#node = node;
    this.#driver = driver;
    this.#told = told;
    this.#options = options;
    this.#summary = summary;
    this.#mount = join(node.folder, "mount");
    mkdirSync(join(this.#mount, "folder"), { recursive: true });
    writeFileSync(join(this.#mount, "file"), "text");
  }

  /** A guest of ours stays all the time: that it lives shows that its shim does. */
  async warmUp(): Promise<void> {
    const neighbour = await this.#node.prepared(this.#driver, guests.sleeps(60_000));
    const uid = `neighbour-${this.#neighbours++}`;
    this.#driver.start(this.#node.spec(uid, neighbour));
    await this.#told.until(() => (this.#told.startedUids.includes(uid) ? true : undefined));
    this.#baseline = this.#residentBytes();
  }

  async run(batch: readonly Mutant[]): Promise<void> {
    const running: Mutant[] = [];
    for (const mutant of batch) {
      const module = await this.#prepare(mutant);
      if (module === undefined) continue;
      this.#driver.start(this.#spec(mutant, module));
      running.push(mutant);
    }
    this.#summary.started += running.length;
    await sleep(this.#options.runMs);
    for (const { index } of running) this.#driver.stop(`mutant-${index}`, 0);
    for (const mutant of running) await this.#take(mutant);
    // Those that have a process of their own keep it until then.
    for (const { id } of this.#told.ends) this.#driver.settle(id);
    if (this.#told.ends.some(({ id }) => id.uid.startsWith("neighbour"))) await this.#replaceNeighbour(batch);
    await this.#checkMemory(batch);
    this.#forget();
  }

  #spec({ index }: Mutant, module: PreparedModule) {
    return this.#node.spec(`mutant-${index}`, module, {
      args: ["mutant", "argument"],
      env: [["NAME", "value"]],
      mounts: [{ guestPath: "/", hostPath: this.#mount, readOnly: true }],
      memoryBytesMax,
      logLimits: { fileBytesMax: 65_536, bytesPerSecondMax: mebibyte },
    });
  }

  async #prepare(mutant: Mutant): Promise<PreparedModule | undefined> {
    try {
      const outcome = await this.#node.prepare(this.#driver, mutant.binary);
      if (outcome.kind === "prepared") return outcome.module;
      this.#count(`rejected: ${outcome.reason}`);
    } catch (thrown) {
      this.#breaks(mutant, `prepare failed: ${String(thrown)}`);
    }
    return undefined;
  }

  async #take(mutant: Mutant): Promise<void> {
    const end = await Promise.race([
      this.#told.endOf(`mutant-${mutant.index}`),
      sleep(hangMs, undefined, { ref: false }),
    ]);
    if (end === undefined) this.#breaks(mutant, `not stopped within ${hangMs / 1000} s`);
    else this.#judge(mutant, end);
  }

  #judge(mutant: Mutant, end: RunEnd): void {
    const reason = "reason" in end ? `: ${end.reason}` : "";
    this.#count(`${end.kind}${reason}`);
    const message = "message" in end ? end.message : "";
    if (end.kind === "lost" || ("reason" in end && end.reason === "InternalError")) {
      this.#breaks(mutant, `${end.kind}${reason}: ${message}`);
    }
    if (message.length > 4_096) this.#breaks(mutant, `a message of ${message.length} characters`);
  }

  async #replaceNeighbour(batch: readonly Mutant[]): Promise<void> {
    const indices = batch.map(({ index }) => index).join(", ");
    this.#summary.broken.push({ index: batch[0]?.index ?? -1, what: `a shim died of one of ${indices}` });
    await this.warmUp();
  }

  /** Garbage goes when the engine sees fit: it is given time, and modules that are idle are dropped for new ones. */
  async #checkMemory(batch: readonly Mutant[]): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      if (this.#residentBytes() <= this.#baseline + keptBytesMax) return;
      await sleep(200);
    }
    const kept = Math.round((this.#residentBytes() - this.#baseline) / mebibyte);
    const indices = batch.map(({ index }) => index).join(", ");
    this.#summary.broken.push({
      index: batch[0]?.index ?? -1,
      what: `a shim kept ${kept} MiB after ${indices}`,
    });
  }

  /** Of all shims. */
  #residentBytes(): number {
    return this.#node.shimPids().reduce((sum, pid) => {
      try {
        const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1] ?? "0");
        return sum + pages * 4_096;
      } catch {
        return sum;
      }
    }, 0);
  }

  /** A long soak keeps nothing of what is over. */
  #forget(): void {
    for (const name of readdirSync(this.#node.folder)) {
      if (name.endsWith(".wasm") || name === "cache" || name === "logs") {
        rmSync(join(this.#node.folder, name), { recursive: true, force: true });
      }
    }
    this.#told.ends.length = 0;
    this.#told.startedUids.length = 0;
    this.#told.usages.length = 0;
  }

  #count(what: string): void {
    this.#summary.ends.set(what, (this.#summary.ends.get(what) ?? 0) + 1);
  }

  #breaks(mutant: Mutant, what: string): void {
    this.#summary.broken.push({ index: mutant.index, what: `${what} (${mutant.story})` });
  }
}
