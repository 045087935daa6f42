import { isUtf8 } from "node:buffer";
import { errorMessage } from "../../kit/errors.ts";
import { GuestTrap } from "../wasi/component-resources.ts";
import { heap, scriptLimits } from "./limits.ts";
import { WeakTable } from "./weak-table.ts";

/** Nothing has it: resources of the host are passed on as what they are. */
const handleSymbol = Symbol("handle");

/** Stand for sets of what a table of handles has held. */
const allReps = { add() {}, has: () => true };
const noReps = { add() {}, has: () => false };

export interface ScriptEvents {
  /** Takes so much more of the heap of the process; false when there is none. */
  needHeap(bytes: number): boolean;
  /** A call has thrown what no interface has a word for. */
  broken(thrown: unknown): void;
  /** Something that the guest may wait for. */
  hostDone(): void;
}

/** What a function answers is not what it may be. */
export class InvalidOutput extends GuestTrap {}

/** As the generated code has it. */
const tableFlag = 1 << 30;

/**
 * What a component may make the generated code keep on the host's heap, or build there in one go. Beyond it the component
 * traps.
 *
 * What is kept is counted by the slots of tables, which are reused and never shrink; the process has to have room for it,
 * beyond what each component is granted from the start. What is built is counted from one
 * entry of the generated code to the next: the same bytes of the guest's memory can be asked for many times in one call.
 */
export class ScriptLimits {
  readonly #bytesMax: number;
  readonly #events: ScriptEvents;
  /** What the process has granted, and what of it is in use. */
  #heapBytes: number = heap.componentKeeps;
  #keptBytes = 0;
  #elements = 0;
  #bytes = 0;
  #outputBytesMax = 0;

  /** `memoryBytesMax`: a guest can hand over all of its memory at once, but not much more. */
  constructor(memoryBytesMax: number, events: ScriptEvents) {
    this.#bytesMax = memoryBytesMax + scriptLimits.liftedBytesBeyondMemory;
    this.#events = events;
  }

  /** An entry of the generated code, by the guest or in a turn. */
  begin(): void {
    this.#elements = 0;
    this.#bytes = 0;
  }

  /** Of what a function answers that is called with bytes. */
  allowOutput(bytesMax: number): void {
    this.#outputBytesMax = bytesMax;
  }

  // As the patched code calls them.

  tableSlot(): void {
    this.#keep(scriptLimits.bytesPerHandle);
  }

  objectSlot(): void {
    this.#keep(scriptLimits.bytesPerObject);
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

  /** Each goes through an array of the host: of numbers, even for bytes. */
  streamed(count: number): void {
    if (count > scriptLimits.streamedMax) {
      throw new GuestTrap(`pass ${count} elements of a stream at once: at most ${scriptLimits.streamedMax}`);
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

  /** A string that a function is called with, as the bytes that it consists of, into its memory. */
  input(
    text: Uint8Array,
    realloc: Allocate,
    memory: { readonly buffer: ArrayBuffer },
  ): { readonly ptr: number; readonly len: number } {
    const len = text.byteLength;
    if (len === 0) return { ptr: 1, len };
    const ptr = realloc(0, 0, 1, len);
    if (ptr + len > memory.buffer.byteLength) {
      throw new GuestTrap(`its allocator answered ${ptr} for ${len} bytes, which is outside of its memory`);
    }
    new Uint8Array(memory.buffer).set(text, ptr);
    return { ptr, len };
  }

  /** What a function answers, out of its memory. A string is the bytes that it consists of. */
  output(buffer: ArrayBuffer, at: number, length: number, isText: boolean): Uint8Array {
    if (at + length > buffer.byteLength) {
      throw new InvalidOutput(
        `it says that its output is ${length} bytes at ${at}, which is outside of its memory`,
      );
    }
    if (length > this.#outputBytesMax) {
      throw new InvalidOutput(`its output has ${length} bytes, and may have ${this.#outputBytesMax}`);
    }
    const output = new Uint8Array(buffer, at, length);
    if (isText && !isUtf8(output)) throw new InvalidOutput("its output is a string that is not UTF-8");
    return output.slice();
  }

  readonly handleSymbol = handleSymbol;
  readonly allReps = allReps;
  readonly noReps = noReps;

  weakTable(): WeakTable {
    return new WeakTable();
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
    this.#events.broken(thrown);
  }

  hostDone(): void {
    this.#events.hostDone();
  }

  /** Hosts may shorten it. A slice would keep all of it alive. */
  message(text: string): string {
    return Buffer.from(text.slice(0, scriptLimits.messageCharsMax)).toString();
  }

  #keep(bytes: number): void {
    this.#keptBytes += bytes;
    if (this.#keptBytes > scriptLimits.keptBytesMax) {
      throw new GuestTrap(
        "open a handle: the component has as many handles, streams and calls open as it may",
      );
    }
    if (this.#keptBytes <= this.#heapBytes) return;
    if (!this.#events.needHeap(scriptLimits.keptBytesStep)) {
      throw new GuestTrap("open a handle: the process that hosts the component has no room for more");
    }
    this.#heapBytes += scriptLimits.keptBytesStep;
  }
}

type Allocate = (old: number, oldBytes: number, alignment: number, bytes: number) => number;

/**
 * `TextDecoder` for the generated code, by those limits: bound to them, as a class of each component's own would keep all of the component
 * until the engine collects its old generation, where what describes objects of a class lies from the start.
 */
export function countingDecoder(limits: ScriptLimits): new (label?: string, options?: object) => object {
  return CountingDecoder.bind(undefined, limits);
}

class CountingDecoder {
  readonly #limits: ScriptLimits;
  readonly #label: string | undefined;
  readonly #options: object | undefined;
  /** Made when it is used: for some encodings it is a converter outside of the heap, and few components use more than one. */
  #decoder: TextDecoder | undefined;

  constructor(limits: ScriptLimits, label?: string, options?: object) {
    this.#limits = limits;
    this.#label = label;
    this.#options = options;
  }

  decode(bytes: ArrayBufferView): string {
    this.#limits.bytes(bytes.byteLength);
    try {
      this.#decoder ??= new TextDecoder(this.#label, this.#options);
      return this.#decoder.decode(bytes as Uint8Array);
    } catch (thrown) {
      throw new GuestTrap(`lift a string of ${bytes.byteLength} bytes: ${errorMessage(thrown)}`);
    }
  }
}
