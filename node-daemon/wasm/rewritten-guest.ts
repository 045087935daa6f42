/** Test support: rewrites a module and runs it in V8, as a host would. */
import type { ModuleFacts, RewriteLimits, RewriteMode } from "./rewrite.ts";
import { rewriteModule } from "./rewrite.ts";

type HostFunction = (...values: never[]) => unknown;
type Exported = ((...values: readonly unknown[]) => unknown) & { value: unknown; length: number };
type Imports = Record<string, Record<string, unknown>>;

/** The part of the JavaScript API that tests use; `lib` declares it only together with the DOM. */
export interface Engine {
  validate(bytes: Uint8Array): boolean;
  compile(bytes: Uint8Array): Promise<object>;
  promising(callee: Exported): (...values: readonly unknown[]) => Promise<unknown>;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: Imports) => { readonly exports: Record<string, Exported> };
  readonly Suspending: new (callee: HostFunction) => object;
  readonly Table: new (descriptor: { element: string; initial: number }) => { get(index: number): Exported };
}

// Node defines it on every global object.
export const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;

export class RewrittenGuest {
  readonly facts: ModuleFacts;
  readonly bytes: Uint8Array;
  /** How often it has yielded. */
  yields = 0;
  /** What a yield does beyond refilling the fuel. */
  onYield: () => unknown = () => undefined;
  /** What a yield refills to. */
  slice = 1_000_000;
  #used = 0;
  #filled = 0;
  readonly #exports: Record<string, Exported>;

  constructor(
    binary: Uint8Array,
    options: {
      readonly imports?: Imports;
      readonly suspending?: boolean;
      readonly limits?: RewriteLimits;
      readonly mode?: RewriteMode;
    } = {},
  ) {
    const result = rewriteModule(binary, options.limits, options.mode);
    if (result.kind === "rejected") throw new Error(`${result.reason}: ${result.message}`);
    this.facts = result.facts;
    this.bytes = result.bytes;
    const { hooks } = result.facts;
    const onFuelSpent = () => {
      this.yields++;
      this.fuel = this.slice;
      return this.onYield();
    };
    const imported = options.suspending === true ? new engine.Suspending(onFuelSpent) : onFuelSpent;
    const imports = { ...options.imports, [hooks.module]: { [hooks.yield]: imported } };
    this.#exports = new engine.Instance(new engine.Module(result.bytes), imports).exports;
    this.fuel = this.slice;
  }

  item(name: string): Exported {
    const item = this.#exports[name];
    if (item === undefined) throw new Error(`the guest exports no ${name}`);
    return item;
  }

  call(name: string, ...values: readonly unknown[]): unknown {
    return this.item(name)(...values);
  }

  callSuspending(name: string, ...values: readonly unknown[]): Promise<unknown> {
    return engine.promising(this.item(name))(...values);
  }

  /** Units that it has used since it was made. */
  get used(): number {
    return this.#used + this.#filled - this.fuel;
  }

  get stack(): number {
    return Number(this.item(this.facts.hooks.stack).value);
  }

  set stack(bytes: number) {
    this.item(this.facts.hooks.stack).value = bytes;
  }

  get fuel(): number {
    return Number(this.item(this.facts.hooks.fuel).value);
  }

  set fuel(units: number) {
    this.#used += this.#filled - this.fuel;
    this.#filled = units;
    this.item(this.facts.hooks.fuel).value = units;
  }

  set kill(flag: number) {
    this.item(this.facts.hooks.kill).value = flag;
  }

  set memoryCap(pages: number) {
    this.item(this.facts.hooks.memoryCap).value = pages;
  }

  set tableCap(elements: number) {
    this.item(this.facts.hooks.tableCap).value = elements;
  }
}
