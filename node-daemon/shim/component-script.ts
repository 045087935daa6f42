/** Runs the generated code of a component: it makes the core instances, and its exports are what can be called. */
import type { ComponentExports } from "../components/bindings.ts";
import type { ComponentFacts } from "../components/component-facts.ts";
import type { InterfaceMembers } from "../wasi/component-interfaces.ts";
import type { WasmImports, WasmModule } from "./engine.ts";
import { type HostFunction, SuspendingCall } from "./guest-imports.ts";
import type { LoadedComponent } from "./module-store.ts";
import { type ScriptTimers, sharedEngine, silentConsole } from "./script-globals.ts";
import { countingDecoder, type ScriptLimits } from "./script-limits.ts";

/** How a component ended by itself. */
export type ComponentOutcome =
  | { readonly kind: "returned"; readonly ok: boolean; readonly value?: unknown }
  /** It has failed, as was told, or was killed. */
  | { readonly kind: "ended" };

export interface CoreModule {
  readonly module: WasmModule;
  readonly facts: ComponentFacts["modules"][number];
}

export interface ScriptParts {
  readonly timers: ScriptTimers;
  readonly limits: ScriptLimits;
  /** Where it notes which task runs. */
  readonly tasks: Record<string, unknown>;
  /** Calls it and takes what it throws, or what its promise rejects with, for the guest's end. */
  guarded(callback: () => unknown): void;
  instantiateCore(core: CoreModule, imports: WasmImports): unknown;
  /** Of a module that the generated code brings itself. */
  instantiateOwn(module: WasmModule, imports: WasmImports): object;
  /** Stands for that of the engine. */
  promising(exported: unknown): HostFunction;
  failed(thrown: unknown): void;
}

/** Undefined when it has failed, as was told, or was killed. Never rejects. */
export async function instantiateScript(
  { bindings, modules, facts }: LoadedComponent,
  interfaces: Readonly<Record<string, InterfaceMembers>>,
  parts: ScriptParts,
): Promise<ComponentExports | undefined> {
  const { timers, limits, tasks } = parts;
  try {
    const instantiate = bindings({
      WebAssembly: engineFor(parts),
      console: silentConsole,
      setTimeout: timers.setTimeout,
      setInterval: timers.setInterval,
      clearTimeout: timers.clear,
      clearInterval: timers.clear,
      queueMicrotask: (callback) => queueMicrotask(() => parts.guarded(callback)),
      TextDecoder: countingDecoder(limits),
      limits,
      tasks,
    });
    const cores = coreModules(facts, modules);
    return await instantiate(
      (file) => cores.get(file),
      interfaces,
      (core: CoreModule, imports: WasmImports = {}) => parts.instantiateCore(core, imports),
    );
  } catch (thrown) {
    parts.failed(thrown);
    return undefined;
  }
}

/** Calls an export. Where it throws the error of a result, that has no value. Never rejects. */
export async function callExport(
  call: HostFunction | undefined,
  args: readonly unknown[],
  parts: Pick<ScriptParts, "failed">,
): Promise<ComponentOutcome> {
  try {
    return { kind: "returned", ok: true, value: await call?.(...args) };
  } catch (thrown) {
    // `run` has a result without a value: its error is thrown as one that holds undefined.
    if (isReturnedError(thrown)) return { kind: "returned", ok: false };
    parts.failed(thrown);
    return { kind: "ended" };
  }
}

/** Called with `new`; what it answers is an object, and so the result. */
function ownInstance(parts: ScriptParts, module: WasmModule, imports: WasmImports): object {
  return parts.instantiateOwn(module, imports);
}

function engineFor(parts: ScriptParts): object {
  return {
    ...sharedEngine,
    Suspending: SuspendingCall,
    Instance: ownInstance.bind(undefined, parts),
    promising: (exported: unknown) => parts.promising(exported),
  };
}

function coreModules(facts: ComponentFacts, modules: readonly WasmModule[]): ReadonlyMap<string, CoreModule> {
  const found = new Map<string, CoreModule>();
  for (const [index, module] of modules.entries()) {
    const core = facts.modules[index];
    if (core) found.set(core.file, { module, facts: core });
  }
  return found;
}

function isReturnedError(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    Object.hasOwn(thrown, "payload") &&
    (thrown as { payload?: unknown }).payload === undefined
  );
}
