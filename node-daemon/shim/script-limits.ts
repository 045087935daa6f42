import { errorMessage } from "../../kit/errors.ts";
import { GuestTrap } from "../wasi/component-resources.ts";
import { scriptLimits } from "./limits.ts";

/** As the generated code has it. */
const tableFlag = 1 << 30;

/**
 * What a component may make the generated code keep on the host's heap, or build there in one go. Beyond it the component
 * traps.
 *
 * What is kept is counted by the slots of tables, which are reused and never shrink. What is built is counted from one
 * entry of the generated code to the next: the same bytes of the guest's memory can be asked for many times in one call.
 */
export class ScriptLimits {
  readonly #bytesMax: number;
  readonly #onBroken: (thrown: unknown) => void;
  #slotUnits = 0;
  #elements = 0;
  #bytes = 0;

  /** `memoryBytesMax`: a guest can hand over all of its memory at once, but not much more. */
  constructor(memoryBytesMax: number, onBroken: (thrown: unknown) => void) {
    this.#bytesMax = memoryBytesMax + scriptLimits.liftedBytesBeyondMemory;
    this.#onBroken = onBroken;
  }

  /** An entry of the generated code, by the guest or in a turn. */
  begin(): void {
    this.#elements = 0;
    this.#bytes = 0;
  }

  // As the patched code calls them.

  tableSlot(): void {
    this.#keep(1);
  }

  objectSlot(): void {
    this.#keep(scriptLimits.unitsPerObject);
  }

  /** What the table of a resource holds for the guest's handle: two slots for each, the first with a flag if it is free. */
  rep(table: readonly number[], handle: number): number {
    const rep = table[(handle << 1) + 1];
    if (rep === undefined || ((table[handle << 1] ?? 0) & tableFlag) !== 0) {
      throw new GuestTrap(`use a resource: it has no handle ${handle}`);
    }
    return rep;
  }

  elements(count: number): void {
    // A length of the guest's, which is unsigned.
    this.#elements += count >>> 0;
    if (this.#elements > scriptLimits.elementsMax) {
      throw new GuestTrap(
        `lift lists of ${this.#elements} elements: at most ${scriptLimits.elementsMax} in one call`,
      );
    }
  }

  slice(buffer: ArrayBuffer, from: number, to: number): ArrayBuffer {
    const start = from >>> 0;
    const length = to - from;
    if (length < 0 || start + length > buffer.byteLength) {
      throw new GuestTrap(`lift ${length >>> 0} bytes at ${start}: the memory has ${buffer.byteLength}`);
    }
    this.bytes(length);
    return buffer.slice(start, start + length);
  }

  bytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > this.#bytesMax) {
      throw new GuestTrap(`lift ${this.#bytes} bytes: at most ${this.#bytesMax} in one call`);
    }
  }

  unknownHandle(): never {
    throw new GuestTrap("use a handle that it does not have, or has dropped");
  }

  allocator(realloc: Allocate): Allocate {
    return (old, oldBytes, alignment, bytes) => {
      const at = realloc(old, oldBytes, alignment, bytes) >>> 0;
      if (at % alignment === 0) return at;
      throw new GuestTrap(`its allocator answered ${at}, which is no multiple of ${alignment}`);
    };
  }

  broken(thrown: unknown): void {
    this.#onBroken(thrown);
  }

  #keep(units: number): void {
    this.#slotUnits += units;
    if (this.#slotUnits > scriptLimits.slotUnitsMax) {
      throw new GuestTrap(
        "open a handle: the component has as many handles, streams and calls open as it may",
      );
    }
  }
}

type Allocate = (old: number, oldBytes: number, alignment: number, bytes: number) => number;

/** `TextDecoder` for the generated code, by those limits. */
export function countingDecoder(limits: ScriptLimits): new (label?: string, options?: object) => object {
  return class {
    readonly #decoder: TextDecoder;

    constructor(label?: string, options?: object) {
      this.#decoder = new TextDecoder(label, options);
    }

    decode(bytes: ArrayBufferView): string {
      limits.bytes(bytes.byteLength);
      try {
        return this.#decoder.decode(bytes as Uint8Array);
      } catch (thrown) {
        throw new GuestTrap(`lift a string of ${bytes.byteLength} bytes: ${errorMessage(thrown)}`);
      }
    }
  };
}
