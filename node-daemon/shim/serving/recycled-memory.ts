/**
 * The memory of instances that come one after another. A new memory is most of what a fresh instance costs: address space is
 * reserved and given back, page tables are made, and the engine has to collect the old one before its mappings are free. One that
 * is all zeros is as good as new; if it was made to grow, for modules that count their pages themselves (see wasm/virtual-pages.ts).
 *
 * It is overwritten as soon as its instance is done with it: what one request has left there no other can see, nor the one after it.
 */
import type { MemoryFacts } from "../../wasm/module-facts.ts";
import { engine, type WasmMemory } from "../engine.ts";
import { pageBytes } from "../limits.ts";
import { discardPages } from "./discard-pages.ts";
import { recycling } from "./limits.ts";

export interface RecyclingOptions {
  readonly memory: Pick<MemoryFacts, "minPages" | "maxPages">;
  /** The module counts its pages itself. */
  readonly mayHaveGrown: boolean;
  /** What may be kept for the next. */
  readonly keepBytesMax: number;
}

export class RecycledMemory {
  readonly #options: RecyclingOptions;
  readonly #minBytes: number;
  #kept: WasmMemory | undefined;

  constructor(options: RecyclingOptions) {
    this.#options = options;
    this.#minBytes = options.memory.minPages * pageBytes;
  }

  /** For the next. */
  get kept(): WasmMemory | undefined {
    return this.#kept;
  }

  /** Of what is kept for the next. */
  get bytes(): number {
    return this.#kept?.buffer.byteLength ?? 0;
  }

  /** Throws a RangeError when the machine does not give it. */
  take(): WasmMemory {
    const { minPages, maxPages } = this.#options.memory;
    const memory =
      this.#kept ??
      new engine.Memory(
        maxPages === undefined ? { initial: minPages } : { initial: minPages, maximum: maxPages },
      );
    this.#kept = undefined;
    return memory;
  }

  drop(): void {
    this.#kept = undefined;
  }

  /** Keeps it if it can, and answers whether it does. Nothing of its instance runs any more. */
  giveBack(memory: WasmMemory): boolean {
    const { byteLength } = memory.buffer;
    const grown = byteLength > this.#minBytes;
    const { mayHaveGrown, keepBytesMax } = this.#options;
    if (grown && (!mayHaveGrown || byteLength > keepBytesMax)) return false;
    if (byteLength > recycling.keepBytesMax) return false;
    const bytes = new Uint8Array(memory.buffer);
    if (byteLength <= (grown ? recycling.fillGrownBytesMax : recycling.fillBytesMax)) bytes.fill(0);
    else if (!discardPages(bytes)) return false;
    this.#kept = memory;
    return true;
  }
}
