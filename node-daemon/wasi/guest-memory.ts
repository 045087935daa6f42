import { Bug } from "../../kit/errors.ts";

/** `fatal`: a guest's string that is no UTF-8 is refused, not repaired into another name. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const noBytes = new Uint8Array(0);
const noView = new DataView(noBytes.buffer);

/** A `WebAssembly.Memory`, as far as it matters here. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

/**
 * The memory of one guest. Callers ask `fits` for every range before they touch it; the accessors below it don't check
 * again. The views are cached: growing a memory detaches the old buffer, which then has length 0.
 */
export class GuestMemory {
  #memory: WasmMemory | undefined;
  #bytes: Uint8Array = noBytes;
  #view: DataView = noView;

  bind(memory: WasmMemory): void {
    this.#memory = memory;
  }

  #refresh(): void {
    if (this.#memory === undefined) throw new Bug("a WASI function was called before the memory was bound");
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }

  /** All of it. Not to be kept across a suspension. */
  get bytes(): Uint8Array {
    if (this.#bytes.byteLength === 0) this.#refresh();
    return this.#bytes;
  }

  get view(): DataView {
    if (this.#bytes.byteLength === 0) this.#refresh();
    return this.#view;
  }

  /** Whether `length` bytes from `pointer` (both unsigned) lie inside. */
  fits(pointer: number, length: number): boolean {
    if (pointer + length <= this.#bytes.byteLength) return true;
    this.#refresh();
    return pointer + length <= this.#bytes.byteLength;
  }

  slice(pointer: number, length: number): Uint8Array {
    return this.bytes.subarray(pointer, pointer + length);
  }

  /** The text there, or undefined when it is not UTF-8. */
  text(pointer: number, length: number): string | undefined {
    try {
      return decoder.decode(this.slice(pointer, length));
    } catch {
      return undefined;
    }
  }

  setU32(pointer: number, value: number): void {
    this.view.setUint32(pointer, value, true);
  }

  setU64(pointer: number, value: bigint): void {
    this.view.setBigUint64(pointer, value, true);
  }

  u32(pointer: number): number {
    return this.view.getUint32(pointer, true);
  }
}
