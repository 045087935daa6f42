/** The part of WebAssembly's JavaScript API that scripts need; `lib` declares it only together with the DOM. */
export type EngineFunction = (...args: readonly unknown[]) => unknown;

export interface EngineGlobal {
  value: unknown;
}

export interface EngineMemory {
  readonly buffer: ArrayBuffer;
}

export type Exports = Readonly<Record<string, unknown>>;
export type Imports = Record<string, Record<string, unknown>>;

interface Engine {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: Imports) => { readonly exports: Exports };
  readonly Memory: new (descriptor: object) => EngineMemory;
  readonly Table: new (descriptor: object) => object;
  readonly Global: new (descriptor: object, value: unknown) => EngineGlobal;
  readonly RuntimeError: new () => Error;
  readonly LinkError: new () => Error;
  readonly Exception: new (...args: readonly unknown[]) => object;
  readonly Tag: new (descriptor: object) => object;
  readonly JSTag: object;
}

// Node defines it on every global object.
export const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
