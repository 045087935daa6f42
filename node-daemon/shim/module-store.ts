import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock, Timer } from "../../kit/clock.ts";
import { type Bindings, compileBindings } from "../components/bindings.ts";
import {
  componentFiles,
  type ComponentFacts,
  type CoreModuleFacts,
  isComponentFile,
} from "../components/component-facts.ts";
import { withGivenMemory } from "../wasm/given-memory.ts";
import type { ModuleFacts } from "../wasm/module-facts.ts";
import { engine, type WasmModule } from "./engine.ts";
import {
  compileAsideMsMax,
  compileAtOnceBytesMax,
  compileMsPerByteMax,
  optimizeMsPerByteMax,
  type ShimLimits,
  tierWaitMsMax,
} from "./limits.ts";
import { optimized } from "./optimized.ts";

export interface LoadedModule {
  readonly kind: "module";
  readonly module: WasmModule;
  readonly facts: ModuleFacts;
  /** It imports its memory under this name, from `Hooks.module`; undefined if it brings its own. */
  readonly givenMemory: string | undefined;
}

/** `given`: the memory is to be imported, if it can be (see wasm/given-memory.ts). */
export type MemoryOrigin = "own" | "given";

export interface LoadedComponent {
  readonly kind: "component";
  readonly facts: ComponentFacts;
  /** In the order of the facts. */
  readonly modules: readonly WasmModule[];
  readonly givenMemory: ImportedMemory | undefined;
  readonly bindings: Bindings;
}

/** Of a component: one of its core modules imports its memory under this name, from `Hooks.module`. */
export interface ImportedMemory {
  readonly facts: CoreModuleFacts;
  readonly name: string;
}

export type Loaded = LoadedModule | LoadedComponent;

interface Slot {
  readonly loading: Promise<Loaded>;
  users: number;
  /** Since when nobody uses it. */
  idleSinceMs: number;
}

/** Where the facts of a rewritten module are, given the module's own file. */
export function factsFile(moduleFile: string): string {
  return moduleFile.replace(/\.wasm$/, ".json");
}

/**
 * Compiled modules, one per file, shared by all instances. A module without users stays for a while; how many and how
 * long is bounded, by one timer for all.
 */
export class ModuleStore {
  readonly #limits: ShimLimits;
  readonly #clock: Clock;
  readonly #slots = new Map<string, Slot>();
  #sweep: Timer | undefined;

  constructor(limits: ShimLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** To be released once, also when it rejects. Who is the first to need a module pays for its compilation, in milliseconds. */
  acquire(file: string, pay: (ms: number) => void, memory: MemoryOrigin = "own"): Promise<Loaded> {
    const key = slotKey(file, memory);
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { loading: load(file, memory, this.#clock, pay), users: 0, idleSinceMs: 0 };
      this.#slots.set(key, slot);
      // Another attempt reads again.
      const failed = slot;
      slot.loading.catch(() => {
        if (this.#slots.get(key) === failed) this.#slots.delete(key);
      });
    }
    slot.users++;
    return slot.loading;
  }

  release(file: string, memory: MemoryOrigin = "own"): void {
    const slot = this.#slots.get(slotKey(file, memory));
    if (!slot || --slot.users > 0) return;
    slot.idleSinceMs = this.#clock.monotonic();
    this.#dropIdle();
  }

  get size(): number {
    return this.#slots.size;
  }

  close(): void {
    this.#sweep?.cancel();
    this.#slots.clear();
  }

  #dropIdle(): void {
    const now = this.#clock.monotonic();
    const idle = [...this.#slots]
      .filter(([, slot]) => slot.users <= 0)
      .sort(([, a], [, b]) => b.idleSinceMs - a.idleSinceMs);
    for (const [index, [file, slot]] of idle.entries()) {
      const old = now - slot.idleSinceMs >= this.#limits.idleModuleMs;
      if (old || index >= this.#limits.idleModulesMax) this.#slots.delete(file);
    }
    if (idle.length === 0 || this.#sweep) return;
    this.#sweep = this.#clock.setTimer(this.#limits.idleModuleMs, () => {
      this.#sweep = undefined;
      this.#dropIdle();
    });
  }
}

function slotKey(file: string, memory: MemoryOrigin): string {
  return memory === "own" ? file : `${memory} ${file}`;
}

/** What it says should be optimized first is optimized by then, so that its first instance is as fast as its last. */
async function load(
  file: string,
  memory: MemoryOrigin,
  clock: Clock,
  pay: (ms: number) => void,
): Promise<Loaded> {
  const loaded = isComponentFile(file)
    ? await loadComponent(file, memory, clock, pay)
    : await loadModule(file, memory, clock, pay);
  const bytes = hintedBytes(loaded);
  if (bytes === 0) return loaded;
  const beganMs = performance.now();
  await optimized(clock, tierWaitMsMax);
  pay(Math.min(performance.now() - beganMs, bytes * optimizeMsPerByteMax));
  return loaded;
}

function hintedBytes({ facts }: Loaded): number {
  if ("hintedBytes" in facts) return facts.hintedBytes;
  return facts.modules.reduce((sum, module) => sum + module.facts.hintedBytes, 0);
}

async function loadModule(
  file: string,
  memory: MemoryOrigin,
  clock: Clock,
  pay: (ms: number) => void,
): Promise<LoadedModule> {
  const [bytes, factsJson] = await Promise.all([readFile(file), readFile(factsFile(file), "utf8")]);
  const { facts } = JSON.parse(factsJson) as { readonly facts: ModuleFacts };
  const given = memory === "given" ? withGivenMemory(bytes, facts) : undefined;
  const module = await compile(given?.bytes ?? bytes, clock, pay);
  return { kind: "module", module, facts, givenMemory: given?.name };
}

/**
 * On a thread of the engine's, which does not say what it takes; a small module at once, which is no longer than a slice.
 *
 * With tier hints and few threads, the engine has been seen to lose a compilation, and all after it, when many small modules
 * came together (see ADR 19): it answered nothing, for good. A module that it does not answer for in time is compiled here.
 */
async function compile(bytes: Uint8Array, clock: Clock, pay: (ms: number) => void): Promise<WasmModule> {
  const beganMs = performance.now();
  const module =
    bytes.byteLength <= compileAtOnceBytesMax ? new engine.Module(bytes) : await compileAside(bytes, clock);
  pay(Math.min(performance.now() - beganMs, bytes.byteLength * compileMsPerByteMax));
  return module;
}

function compileAside(bytes: Uint8Array, clock: Clock): Promise<WasmModule> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(compileAsideMsMax, () => {
      try {
        resolve(new engine.Module(bytes));
      } catch (thrown) {
        reject(thrown);
      }
    });
    engine
      .compile(bytes)
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

async function loadComponent(
  file: string,
  memory: MemoryOrigin,
  clock: Clock,
  pay: (ms: number) => void,
): Promise<LoadedComponent> {
  const folder = dirname(file);
  const facts = JSON.parse(await readFile(file, "utf8")) as ComponentFacts;
  const [script, ...binaries] = await Promise.all([
    readFile(join(folder, componentFiles.script), "utf8"),
    ...facts.modules.map((core) => readFile(join(folder, core.file))),
  ]);
  const linked =
    memory === "given" ? withImportedMemory(facts, binaries) : { binaries, givenMemory: undefined };
  const modules = await Promise.all(linked.binaries.map((bytes) => compile(bytes, clock, pay)));
  const beganMs = performance.now();
  const bindings = compileBindings(script, basename(folder));
  pay(performance.now() - beganMs);
  return { kind: "component", facts, modules, givenMemory: linked.givenMemory, bindings };
}

/** `binaries` in the order of the facts. */
export function withImportedMemory(
  { modules, memoryOf }: Pick<ComponentFacts, "modules" | "memoryOf">,
  binaries: readonly Uint8Array[],
): { readonly binaries: readonly Uint8Array[]; readonly givenMemory: ImportedMemory | undefined } {
  const index = modules.findIndex(({ file }) => file === memoryOf);
  const [facts, bytes] = [modules[index], binaries[index]];
  const given = facts && bytes && withGivenMemory(bytes, facts.facts);
  if (!given) return { binaries, givenMemory: undefined };
  return { binaries: binaries.with(index, given.bytes), givenMemory: { facts, name: given.name } };
}
