/** The generated script of a component, compiled once for all its instances. */
import { Script } from "node:vm";
import { wrapFunctionBody } from "./script.ts";

/** What one instance hands to its script, in the order of `scriptParameters`. */
export interface ScriptGlobals {
  readonly WebAssembly: object;
  readonly console: object;
  readonly setTimeout: (callback: () => unknown, delayMs?: number) => number;
  readonly setInterval: (callback: () => unknown, delayMs?: number) => number;
  readonly clearTimeout: (id: number) => void;
  readonly clearInterval: (id: number) => void;
  readonly queueMicrotask: (callback: () => unknown) => void;
  readonly TextDecoder: new (label?: string, options?: object) => object;
  /** See patches.ts. */
  readonly limits: object;
  /** Its own to keep: empty at first. */
  readonly tasks: object;
}

/** The exports of a component: interfaces by their full names. */
export type ComponentExports = Readonly<
  Record<string, Readonly<Record<string, (...args: unknown[]) => unknown>>>
>;

export type Instantiate = (
  getCoreModule: (file: string) => unknown,
  imports: Readonly<Record<string, unknown>>,
  instantiateCore: (module: never, imports?: never) => unknown,
) => ComponentExports | Promise<ComponentExports>;

export type Bindings = (globals: ScriptGlobals) => Instantiate;

export function compileBindings(body: string, name: string): Bindings {
  const script = new Script(wrapFunctionBody(body), { filename: `component:${name}` });
  const make = script.runInThisContext() as (...parameters: unknown[]) => Instantiate;
  return (globals) =>
    make(
      globals.WebAssembly,
      globals.console,
      globals.setTimeout,
      globals.setInterval,
      globals.clearTimeout,
      globals.clearInterval,
      globals.queueMicrotask,
      Object.freeze({ WebAssembly: globals.WebAssembly }),
      globals.TextDecoder,
      globals.limits,
      globals.tasks,
    );
}
