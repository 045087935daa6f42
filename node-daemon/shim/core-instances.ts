/**
 * The core instances of one component: what meters, stops and bounds them is a set of globals in each, kept alike here.
 *
 * What the generated code gets of an instance are its exports with a wrapper around each function. Called by that code,
 * which stands on no stack that could suspend, a wrapper gives the guest a grant of fuel that it cannot refill. Handed to
 * another core instance, or to `promising`, it is unwrapped: between core instances no JavaScript stands.
 */
import { componentLimits } from "../components/limits.ts";
import type { CoreModuleFacts } from "../components/component-facts.ts";
import { GuestTrap } from "../wasi/component-resources.ts";
import { killFlag } from "../wasm/module-facts.ts";
import {
  engine,
  type WasmGlobal,
  type WasmImports,
  type WasmInstance,
  type WasmMemory,
  type WasmModule,
} from "./engine.ts";
import { tableElementsCap } from "./footprint.ts";
import { type GuestImports, type HostFunction, SuspendingCall } from "./guest-imports.ts";
import { pageBytes, stackBytesMax, stackLimits, syncCallFuel } from "./limits.ts";

interface Core {
  readonly fuel: WasmGlobal;
  /** What the fuel was set to last. */
  fuelSet: number;
  readonly kill: WasmGlobal;
  readonly memoryCap: WasmGlobal;
  readonly stack: WasmGlobal;
  /** All that it has, its own or imported, each once. */
  readonly memories: readonly WasmMemory[];
}

/** What is done around a synchronous call of the generated code into a guest. */
export interface SyncCalls {
  /** The first may throw; `fault` is what the call threw. */
  beginSyncCall(): void;
  endSyncCall(fault: unknown): void;
}

/** Of one that instances have one after another. */
export interface GivenMemory {
  /** As it is imported. */
  readonly name: string;
  /** Throws a RangeError when the machine does not give it. */
  take(): WasmMemory;
}

export class CoreInstances {
  readonly #calls: SyncCalls;
  readonly #imports: GuestImports;
  #memoryBytesMax: number;
  readonly #stackBytesMax: number;
  readonly #cores: Core[] = [];
  readonly #raw = new Map<object, unknown>();
  /** All that are known, each once. */
  readonly #memories = new Set<WasmMemory>();
  /** Of each core, while a synchronous call is under way. */
  #savedFuel: number[] | undefined;
  #flag: number = killFlag.none;
  /** Units used by all up to the last time that the fuel of each was set. */
  #fuelUsed = 0;

  constructor(calls: SyncCalls, imports: GuestImports, memoryBytesMax: number) {
    this.#calls = calls;
    this.#imports = imports;
    this.#memoryBytesMax = memoryBytesMax;
    this.#stackBytesMax = stackBytesMax(memoryBytesMax);
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const { buffer } of this.#memories) bytes += buffer.byteLength;
    return bytes;
  }

  /** Of the call stack that is suspended, if there is one. */
  get stackBytes(): number {
    return this.#cores.reduce((sum, { stack }) => sum + Math.max(0, this.#stackBytesMax - stack.value), 0);
  }

  get firstMemory(): WasmMemory | undefined {
    return this.#memories.values().next().value;
  }

  /** Units of work so far. */
  get fuelUsed(): number {
    return this.#cores.reduce((sum, { fuel, fuelSet }) => sum + fuelSet - fuel.value, this.#fuelUsed);
  }

  /** Throws what the engine throws. Runs no code of the guest. `given`: what it imports beside what it says itself. */
  instantiate(
    module: WasmModule,
    { facts }: CoreModuleFacts,
    imports: WasmImports,
    fuel: number,
    given?: GivenMemory,
  ): WasmInstance {
    const { hooks } = facts;
    if (this.#cores.length >= componentLimits.coreInstancesMax) {
      throw new GuestTrap(
        `instantiate a core module: there are ${this.#cores.length}, the most there may be`,
      );
    }
    const linked = this.#link(imports);
    (linked[hooks.module] ??= {})[hooks.yield] = this.#imports.outOfFuel;
    const instance = newInstance(module, linked, hooks.module, given);
    const global = (name: string) => instance.exports[name] as WasmGlobal;
    const memories = new Set<WasmMemory>();
    for (const names of Object.values(linked)) {
      for (const item of Object.values(names)) if (item instanceof engine.Memory) memories.add(item);
    }
    for (const item of Object.values(instance.exports)) if (item instanceof engine.Memory) memories.add(item);
    for (const memory of memories) this.#memories.add(memory);
    global(hooks.tableCap).value = tableElementsCap(facts);
    global(hooks.fuel).value = fuel;
    this.#cores.push({
      fuel: global(hooks.fuel),
      fuelSet: fuel,
      kill: global(hooks.kill),
      memoryCap: global(hooks.memoryCap),
      stack: global(hooks.stack),
      memories: [...memories],
    });
    global(hooks.kill).value = this.#flag;
    if (this.refreshCaps() < 0) throw new GuestTrap("the memory limit is passed");
    return instance;
  }

  /**
   * Of a module that the generated code brings itself, which chooses between an import that can suspend and one that
   * cannot. It has no fuel of its own and needs none.
   */
  instantiateOwn(module: WasmModule, imports: WasmImports): { readonly exports: object } {
    return { exports: this.exportsOf(new engine.Instance(module, this.#link(imports))) };
  }

  /** The exports as the generated code is to see them. */
  exportsOf(instance: WasmInstance): object {
    const { exports } = instance;
    return new Proxy<Record<string | symbol, unknown>>(Object.create(null) as Record<string, unknown>, {
      get: (seen, name) => {
        if (name in seen || typeof name === "symbol") return seen[name];
        const item = exports[name];
        return (seen[name] = typeof item === "function" ? this.#wrap(item as HostFunction) : item);
      },
    });
  }

  /** Of what `exportsOf` shows. */
  rawOf(item: unknown): unknown {
    return typeof item === "function" ? (this.#raw.get(item) ?? item) : item;
  }

  setFuel(units: number): void {
    for (const core of this.#cores) this.#setFuelOf(core, units);
  }

  #setFuelOf(core: Core, units: number): void {
    this.#fuelUsed += core.fuelSet - core.fuel.value;
    core.fuelSet = units;
    core.fuel.value = units;
  }

  /** Before a stack of the guest begins. What others have suspended keep in their own frames what is left of theirs. */
  beginStack(): void {
    for (const { stack } of this.#cores) stack.value = this.#stackBytesMax;
  }

  /** From now on no code of the guest runs beyond its next check. */
  kill(): void {
    this.#flag = killFlag.killed;
    for (const core of this.#cores) {
      core.kill.value = killFlag.killed;
      this.#setFuelOf(core, 0);
    }
  }

  /** Another limit, until the next one. Answers as `refreshCaps`. */
  allow(memoryBytesMax: number): number {
    this.#memoryBytesMax = memoryBytesMax;
    return this.refreshCaps();
  }

  /** Each may grow by what all together may grow by. Answers how many bytes that is; it can be negative. */
  refreshCaps(): number {
    const room = this.#memoryBytesMax - this.memoryBytes;
    const roomPages = Math.max(0, Math.floor(room / pageBytes));
    for (const { memories, memoryCap } of this.#cores) {
      let pages = 0;
      for (const { buffer } of memories) pages += buffer.byteLength / pageBytes;
      memoryCap.value = pages + roomPages;
    }
    return room;
  }

  #wrap(raw: HostFunction): HostFunction {
    const wrapper = (...args: unknown[]): unknown => this.#callSync(raw, args);
    this.#raw.set(wrapper, raw);
    return wrapper;
  }

  #callSync(raw: HostFunction, args: unknown[]): unknown {
    if (this.#savedFuel) return raw(...args);
    this.#calls.beginSyncCall();
    this.#savedFuel = this.#cores.map(({ fuel }) => fuel.value);
    const stacks = this.#cores.map(({ stack }) => stack.value);
    if (this.#flag === killFlag.none) {
      for (const core of this.#cores) {
        this.#setFuelOf(core, syncCallFuel);
        core.kill.value = killFlag.cannotYield;
        // Below it there may be a guest, or none and a number that the last one left.
        core.stack.value = Math.max(core.stack.value, stackLimits.syncBytes);
      }
    }
    let fault: unknown;
    try {
      return raw(...args);
    } catch (thrown) {
      if (thrown instanceof engine.SuspendError) fault = waited(thrown);
      else fault = this.#outOfFuel ? tooLong(thrown) : thrown;
      throw thrown;
    } finally {
      this.#restore(this.#savedFuel);
      for (const [index, left] of stacks.entries()) this.#setStack(index, left);
      this.#savedFuel = undefined;
      this.#calls.endSyncCall(fault);
    }
  }

  #setStack(index: number, left: number): void {
    const core = this.#cores[index];
    if (core) core.stack.value = left;
  }

  get #outOfFuel(): boolean {
    return this.#flag === killFlag.none && this.#cores.some(({ fuel }) => fuel.value < 0);
  }

  /** What the call used is taken from what the guest had before it. */
  #restore(saved: readonly number[]): void {
    if (this.#flag !== killFlag.none) return;
    for (const [index, core] of this.#cores.entries()) {
      const used = syncCallFuel - core.fuel.value;
      this.#setFuelOf(core, Math.max(0, (saved[index] ?? 0) - used));
      core.kill.value = killFlag.none;
    }
  }

  #link(imports: WasmImports): WasmImports {
    const linked: WasmImports = {};
    for (const [module, names] of Object.entries(imports)) {
      const items: Record<string, unknown> = {};
      for (const [name, item] of Object.entries(names)) {
        const raw = this.rawOf(item);
        // What is unwrapped is the guest's own; all other functions are of the generated code.
        const generated = item instanceof SuspendingCall || (raw === item && typeof item === "function");
        items[name] = generated ? this.#imports.link(item) : raw;
      }
      linked[module] = items;
    }
    return linked;
  }
}

function tooLong(thrown: unknown): unknown {
  return withStackOf(
    thrown,
    "a call that cannot be suspended took too long: an allocation for the host, a destructor or what cleans up after a call",
  );
}

function waited(thrown: unknown): unknown {
  return withStackOf(
    thrown,
    "a call that cannot be suspended has called what waits: an allocation for the host, a destructor or what cleans up after a call",
  );
}

/** The guest's. */
function withStackOf(thrown: unknown, message: string): GuestTrap {
  const trap = new GuestTrap(message);
  if (thrown instanceof Error && thrown.stack !== undefined) trap.stack = thrown.stack;
  return trap;
}

/** The machine did not give the memory; the engine says it with the class that has other meanings too. */
export class MemoryUnavailable extends RangeError {}

function newInstance(
  module: WasmModule,
  imports: WasmImports,
  hooksModule: string,
  given: GivenMemory | undefined,
): WasmInstance {
  try {
    if (given) (imports[hooksModule] ??= {})[given.name] = given.take();
    return new engine.Instance(module, imports);
  } catch (thrown) {
    throw thrown instanceof RangeError ? new MemoryUnavailable(thrown.message) : thrown;
  }
}
