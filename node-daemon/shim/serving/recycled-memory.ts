/**
 * The memory of instances that come one after another. A new memory is most of what a fresh instance costs: address space is
 * reserved and given back, page tables are made, and the engine has to collect the old one before its mappings are free. One that was not
 * grown is as good as new once it is all zeros.
 *
 * It is overwritten as soon as its instance is done with it: what one request has left there no other can see, nor the one after it.
 */
import { engine, type WasmMemory } from "../engine.ts";
import { pageBytes } from "../limits.ts";
import type { MemoryFacts } from "../../wasm/module-facts.ts";
import { discardPages } from "./discard-pages.ts";
import { recycling } from "./limits.ts";

export class RecycledMemory {
  readonly #facts: Pick<MemoryFacts, "minPages" | "maxPages">;
  #kept: WasmMemory | undefined;

  constructor(facts: Pick<MemoryFacts, "minPages" | "maxPages">) {
    this.#facts = facts;
  }

  /** Of what is kept for the next. */
  get bytes(): number {
    return this.#kept?.buffer.byteLength ?? 0;
  }

  /** Throws a RangeError when the machine does not give it. */
  take(): WasmMemory {
    const { minPages, maxPages } = this.#facts;
    const memory =
      this.#kept ??
      new engine.Memory(
        maxPages === undefined ? { initial: minPages } : { initial: minPages, maximum: maxPages },
      );
    this.#kept = undefined;
    return memory;
  }

  /** False: it is not kept. Nothing of its instance runs any more. */
  giveBack(memory: WasmMemory): boolean {
    const { buffer } = memory;
    if (buffer.byteLength !== this.#facts.minPages * pageBytes) return false;
    const bytes = new Uint8Array(buffer);
    if (bytes.byteLength <= recycling.fillBytesMax) bytes.fill(0);
    else if (!discardPages(bytes)) {
      if (bytes.byteLength > recycling.fillOnlyBytesMax) return false;
      bytes.fill(0);
    }
    this.#kept = memory;
    return true;
  }
}
