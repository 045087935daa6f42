import type { Timer } from "../../kit/clock.ts";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { type InstanceLog, openInstanceLog } from "../logs/instance-log.ts";
import type { RunEnd, RunId, RunSpec } from "../runtimes/runtime-driver.ts";
import type { Preopen } from "../wasi/host.ts";
import { Preview1 } from "../wasi/preview1.ts";
import type { ModuleFacts } from "../wasm/module-facts.ts";
import type { ShimBudget } from "./budget.ts";
import { engine, type WasmInstance, type WasmMemory } from "./engine.ts";
import { heapBytesOf, tableElementsMin } from "./footprint.ts";
import { Guest, type GuestEvents } from "./guest.ts";
import { InstanceHost, type SharedHost } from "./instance-host.ts";
import { openMounts } from "./instance-mounts.ts";
import { heap } from "./limits.ts";
import { LogOutput } from "./log-output.ts";
import type { LoadedModule, ModuleStore } from "./module-store.ts";
import type { MountTable } from "./mount-table.ts";
import { emptyInput, NoticeInput } from "./notice-input.ts";
import { Refusal } from "./refusal.ts";
import type { RunQueue } from "./run-queue.ts";
import { describeTrap } from "./trap.ts";

const pageBytes = 65_536;
const none: readonly WasmMemory[] = [];

/** What all instances of a shim share. */
export interface InstanceParts extends SharedHost {
  readonly modules: ModuleStore;
  readonly mounts: MountTable;
  readonly budget: ShimBudget;
  readonly queue: RunQueue;
  readonly log: Log;
}

/** One object for all instances. */
export interface InstanceEvents {
  /** About to run its first instruction. */
  started(id: RunId): void;
  /** Used CPU time. Called often. */
  used(id: RunId): void;
  logsDropped(id: RunId): void;
}

/** One run: preparing, running, closing. `host` is called once and goes through all of it. */
export class Instance implements GuestEvents {
  readonly #parts: InstanceParts;
  readonly #spec: RunSpec;
  readonly #events: InstanceEvents;
  readonly #guest: Guest;
  readonly #stdin: NoticeInput | undefined;
  /** Once something was written. */
  #log: InstanceLog | undefined;
  /** All that are exported, each once. */
  #memories: readonly WasmMemory[] = none;
  /** Of those that are not: as they started, since nothing can be learnt of their growth. */
  #hiddenBytes = 0;
  #memoryBytesLast = 0;
  #killAtMs = Number.POSITIVE_INFINITY;
  #killTimer: Timer | undefined;
  #running = false;
  /** The first bug of ours that hit this instance. */
  #bug: unknown;

  constructor(parts: InstanceParts, spec: RunSpec, events: InstanceEvents) {
    this.#parts = parts;
    this.#spec = spec;
    this.#events = events;
    this.#guest = new Guest(parts.queue, this);
    this.#stdin = spec.stopNotice === "stdin" ? new NoticeInput() : undefined;
  }

  get cpuUs(): number {
    return Math.round(this.#guest.usedMs * 1000);
  }

  get memoryBytes(): number {
    if (this.#memories.length === 0) return this.#memoryBytesLast;
    return this.#hiddenBytes + sizeOf(this.#memories);
  }

  /** With the shorter of all graces that were asked for. */
  stop(graceMs: number): void {
    this.#stdin?.end();
    if (!this.#stdin || !this.#running || graceMs <= 0) {
      this.#killTimer?.cancel();
      this.#guest.kill();
      return;
    }
    const killAtMs = this.#parts.clock.monotonic() + graceMs;
    if (killAtMs >= this.#killAtMs) return;
    this.#killAtMs = killAtMs;
    this.#killTimer?.cancel();
    this.#killTimer = this.#parts.clock.setTimer(graceMs, () => this.#guest.kill());
  }

  /** Never rejects. When it resolves everything is released, and what the guest wrote is on disk. */
  async host(): Promise<RunEnd> {
    const { modules } = this.#parts;
    const { module } = this.#spec;
    const held = new DisposableStack();
    held.defer(() => modules.release(module.file));
    try {
      return await this.#run(held);
    } catch (thrown) {
      return this.#refusalOf(thrown);
    } finally {
      this.#killTimer?.cancel();
      this.#guest.close();
      this.#memoryBytesLast = this.memoryBytes;
      this.#memories = none;
      try {
        held.dispose();
      } catch (thrown) {
        this.bug(thrown);
      }
      await this.#log?.close();
    }
  }

  async #run(held: DisposableStack): Promise<RunEnd> {
    const loaded = await loadModule(this.#parts.modules, this.#spec.module.file);
    this.#checkMemory(loaded.facts);
    const reservation = await this.#parts.budget.reserve({
      memories: loaded.facts.memories.length,
      heapBytes: heapBytesOf(loaded.facts, this.#spec),
    });
    if (!reservation)
      throw new Refusal("ShimFull", "the hosting process has no room for another instance", true);
    held.defer(() => reservation.close());
    await this.#guest.turn();
    if (this.#guest.killed) return { kind: "stopped" };
    const preopens = await openMounts(this.#parts.mounts, this.#spec.mounts, this.#guest, held);
    if (preopens === undefined) return { kind: "stopped" };
    const instance = this.#instantiate(held, loaded, preopens);
    reservation.hold(this.#memories[0] ?? instance);
    this.#running = true;
    this.#events.started(this.#spec.id);
    try {
      await this.#guest.activate(instance, loaded.facts.hooks.start);
    } catch (thrown) {
      return this.#endOf(loaded.facts, thrown);
    }
    return this.#endOf(loaded.facts, undefined);
  }

  #openLog(): InstanceLog {
    this.#log ??= openInstanceLog({
      folder: this.#spec.logFolder,
      limits: this.#spec.logLimits,
      clock: this.#parts.clock,
      onDropped: () => this.#events.logsDropped(this.#spec.id),
    });
    return this.#log;
  }

  #checkMemory(facts: ModuleFacts): void {
    const needed = memoryBytesMin(facts) + tableElementsMin(facts) * heap.perTableElement;
    const allowed = this.#spec.memoryBytesMax;
    if (needed <= allowed) return;
    throw new Refusal(
      "MemoryLimitTooSmall",
      `the module needs ${needed} bytes of memory to start, its limit is ${allowed}: set resources.limits.memory to ` +
        `${Math.ceil(needed / 2 ** 20)}Mi or more`,
      false,
    );
  }

  #instantiate(held: DisposableStack, loaded: LoadedModule, preopens: readonly Preopen[]): WasmInstance {
    const streams = {
      stdin: this.#stdin ?? emptyInput,
      stdout: new LogOutput(() => this.#openLog().sink("stdout")),
      stderr: new LogOutput(() => this.#openLog().sink("stderr")),
    };
    const host = new InstanceHost(this.#parts, this.#spec, this.#guest, preopens, streams);
    const preview1 = new Preview1(host);
    held.defer(() => preview1.close());
    const pagesMax = Math.floor(this.#spec.memoryBytesMax / pageBytes);
    const instance = this.#guest.instantiate(loaded, preview1, pagesMax);
    const memory = instance.exports["memory"];
    if (memory instanceof engine.Memory) preview1.bindMemory(memory);
    this.#memories = exportedMemories(loaded.facts, instance);
    this.#hiddenBytes = memoryBytesMin(loaded.facts) - sizeOf(this.#memories);
    if (this.#memories.length === 0) this.#memoryBytesLast = this.#hiddenBytes;
    return instance;
  }

  #endOf(facts: ModuleFacts, thrown: unknown): RunEnd {
    if (this.#bug !== undefined) return bugEnd(this.#bug);
    const { exitCode, killed } = this.#guest;
    if (exitCode !== undefined) return { kind: "exited", exitCode };
    if (thrown === undefined && !killed) return { kind: "exited", exitCode: 0 };
    if (killed) return { kind: "stopped" };
    return describeTrap(thrown, facts.imports.filter((entry) => entry.kind === "function").length);
  }

  /** What kept the run from starting. */
  #refusalOf(thrown: unknown): RunEnd {
    const refused = (reason: string, message: string, retryable: boolean): RunEnd => ({
      kind: "refused",
      reason,
      message,
      retryable,
    });
    if (thrown instanceof Refusal) return refused(thrown.reason, thrown.message, thrown.retryable);
    if (errorCode(thrown) === "wasi-start-invalid")
      return refused("ArgumentsInvalid", errorMessage(thrown), false);
    // The engine's word for memory that the machine did not give.
    if (thrown instanceof RangeError) {
      // Another process may have what this one lacks, unless this is its only instance.
      const shared = this.#parts.budget.instances > 1;
      if (shared) this.#parts.budget.exhausted();
      return refused(shared ? "ShimFull" : "OutOfMemory", `instantiate the module: ${thrown.message}`, true);
    }
    // An active segment out of bounds.
    if (thrown instanceof engine.RuntimeError) return describeTrap(thrown, 0);
    this.bug(thrown);
    return bugEnd(thrown);
  }

  // As its guest sees it.

  used(): void {
    this.#events.used(this.#spec.id);
  }

  bug(error: unknown): void {
    this.#parts.log.error("bug while hosting an instance", { ...this.#spec.id, err: String(error) });
    this.#bug ??= error;
    this.#guest.kill();
  }
}

function memoryBytesMin({ memories }: ModuleFacts): number {
  return memories.reduce((sum, memory) => sum + memory.minPages * pageBytes, 0);
}

/** A module may export one memory under many names. */
function exportedMemories({ exports }: ModuleFacts, instance: WasmInstance): readonly WasmMemory[] {
  const memories: WasmMemory[] = [];
  for (const { name, kind } of exports) {
    if (kind !== "memory") continue;
    const memory = instance.exports[name] as WasmMemory;
    if (!memories.includes(memory)) memories.push(memory);
  }
  return memories;
}

function sizeOf(memories: readonly WasmMemory[]): number {
  let bytes = 0;
  for (const { buffer } of memories) bytes += buffer.byteLength;
  return bytes;
}

async function loadModule(modules: ModuleStore, file: string): Promise<LoadedModule> {
  try {
    return await modules.acquire(file);
  } catch (thrown) {
    const invalid = thrown instanceof engine.CompileError;
    const message = `load the prepared module: ${errorMessage(thrown)}`;
    throw new Refusal(invalid ? "ModuleInvalid" : "ModuleUnavailable", message, !invalid);
  }
}

function bugEnd(error: unknown): RunEnd {
  return {
    kind: "trapped",
    reason: "InternalError",
    message: `a bug in the runtime, not in the module: ${errorMessage(error)}`,
  };
}
