import { Preview1 } from "../wasi/preview1.ts";
import type { RunEnd, RunSpec } from "../runtimes/runtime-driver.ts";
import type { Preopen } from "../wasi/host.ts";
import type { Network } from "../wasi/sockets/network.ts";
import type { ModuleFacts } from "../wasm/module-facts.ts";
import type { Needs } from "./budget.ts";
import { engine, type WasmInstance, type WasmMemory } from "./engine.ts";
import { heapBytesOf, tableElementsMin } from "./footprint.ts";
import { DeterministicRun } from "./deterministic-run.ts";
import { Guest } from "./guest.ts";
import type { HostedGuest, HostedParts } from "./hosted-guest.ts";
import { InstanceHost, type InstanceStreams, type SharedHost } from "./instance-host.ts";
import { heap, pageBytes, stackBytesMax } from "./limits.ts";
import type { LoadedModule } from "./module-store.ts";
import { describeTrap, fuelExhausted } from "./trap.ts";

const none: readonly WasmMemory[] = [];

/** A core module that is a WASI preview 1 command. */
export class HostedModule implements HostedGuest {
  readonly #loaded: LoadedModule;
  readonly #shared: SharedHost;
  readonly #spec: RunSpec;
  readonly #guest: Guest;
  #instance: WasmInstance | undefined;
  /** Each once. */
  #memories: readonly WasmMemory[] = none;

  constructor({ shared, queue, account, spec, events }: HostedParts, loaded: LoadedModule) {
    this.#loaded = loaded;
    this.#shared = shared;
    this.#spec = spec;
    const { memoryBytesMax, fuelMax } = spec;
    const limits = {
      memoryPagesMax: Math.floor(memoryBytesMax / pageBytes),
      stackBytesMax: stackBytesMax(memoryBytesMax),
      fuelMax,
    };
    this.#guest = new Guest(queue, account, limits, events);
  }

  get fuelUsed(): number {
    return this.#guest.fuelUsed;
  }

  get memoryBytes(): number {
    return this.#instance ? sizeOf(this.#memories) + this.#guest.stackBytes : 0;
  }

  get killed(): boolean {
    return this.#guest.killed;
  }

  get needs(): Needs {
    const { facts } = this.#loaded;
    const memories64 = facts.memories.filter(({ memory64 }) => memory64).length;
    return { memories: facts.memories.length, memories64, heapBytes: heapBytesOf(facts, this.#spec) };
  }

  get memoryBytesMin(): number {
    const { facts } = this.#loaded;
    return memoryBytesMin(facts) + tableElementsMin(facts) * heap.perTableElement;
  }

  get mapped(): object | undefined {
    return this.#memories[0] ?? this.#instance;
  }

  turn(): Promise<void> {
    return this.#guest.turn();
  }

  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    return this.#guest.wait(begin, whenKilled);
  }

  instantiate(
    held: DisposableStack,
    preopens: readonly Preopen[],
    network: Network,
    streams: InstanceStreams,
  ): void {
    const { facts } = this.#loaded;
    const { deterministic } = this.#spec;
    const fixed = deterministic && new DeterministicRun(deterministic);
    if (fixed) this.#guest.afterCall = () => fixed.settle();
    const host = new InstanceHost(this.#shared, this.#spec, this.#guest, preopens, network, streams, fixed);
    const preview1 = new Preview1(host);
    held.defer(() => preview1.close());
    const imports = Guest.imports(facts, preview1.suspending, { guest: this.#guest, preview1 });
    const instance = this.#guest.instantiate(this.#loaded, imports);
    const memory = instance.exports["memory"];
    if (memory instanceof engine.Memory) preview1.bindMemory(memory);
    this.#memories = memoriesOf(facts, instance);
    this.#instance = instance;
  }

  async run(): Promise<RunEnd> {
    if (!this.#instance) return { kind: "stopped" };
    try {
      await this.#guest.activate(this.#instance, this.#loaded.facts.hooks.start);
    } catch (thrown) {
      return this.#endOf(thrown);
    }
    return this.#endOf(undefined);
  }

  kill(): void {
    this.#guest.kill();
  }

  close(): void {
    this.#guest.close();
    this.#memories = none;
    this.#instance = undefined;
  }

  #endOf(thrown: unknown): RunEnd {
    const { exitCode, killed } = this.#guest;
    if (exitCode !== undefined) return { kind: "exited", exitCode };
    if (thrown === undefined && !killed) return { kind: "exited", exitCode: 0 };
    if (this.#guest.exhausted) return fuelExhausted(this.fuelUsed, this.#spec.fuelMax ?? 0);
    if (killed) return { kind: "stopped" };
    const { imports } = this.#loaded.facts;
    const functionImports = imports.filter((entry) => entry.kind === "function").length;
    return describeTrap(thrown, functionImports, stackBytesMax(this.#spec.memoryBytesMax));
  }
}

function memoryBytesMin({ memories }: ModuleFacts): number {
  return memories.reduce((sum, memory) => sum + memory.minPages * pageBytes, 0);
}

/** A module may export one memory under many names. */
export function memoriesOf({ exports, hooks }: ModuleFacts, instance: WasmInstance): readonly WasmMemory[] {
  const memories: WasmMemory[] = [];
  const add = (name: string) => {
    const memory = instance.exports[name] as WasmMemory;
    if (!memories.includes(memory)) memories.push(memory);
  };
  for (const { name, kind } of exports) if (kind === "memory") add(name);
  for (const name of hooks.memories) add(name);
  return memories;
}

export function sizeOf(memories: readonly WasmMemory[]): number {
  let bytes = 0;
  for (const { buffer } of memories) bytes += buffer.byteLength;
  return bytes;
}
