/** The engine's JavaScript interface as far as it is used here; the types of Node do not have it. */

export interface WasmModule {
  readonly wasmModule: never;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

export interface WasmGlobal {
  value: number;
}

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: string;
}

export type WasmImports = Record<string, Record<string, unknown>>;

interface Engine {
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
  readonly Memory: new (limits: { readonly initial: number; readonly maximum?: number }) => WasmMemory;
  readonly Module: {
    new (bytes: Uint8Array): WasmModule;
    imports(module: WasmModule): readonly ModuleImport[];
  };
  readonly Exception: new (...args: never[]) => object;
  readonly RuntimeError: new (message?: string) => Error;
  readonly SuspendError: new () => Error;
  readonly Global: new (...args: never[]) => WasmGlobal;
  readonly CompileError: new () => Error;
  /** An import that may answer a promise, which suspends the guest. */
  readonly Suspending: new (call: (...args: never[]) => unknown) => object;
  /** An export below which the guest may suspend. */
  promising(exported: unknown): (...args: unknown[]) => Promise<unknown>;
  compile(bytes: Uint8Array): Promise<WasmModule>;
}

export const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
