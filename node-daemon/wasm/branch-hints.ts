import { BinaryWriter } from "./binary-writer.ts";

/**
 * The contents of a section `metadata.code.branch_hint` (a standard proposal that V8 follows): it says of each fuel
 * check that yielding is unlikely, so that the optimizing compiler moves the call out of the loop. An engine that does
 * not know the section ignores it.
 */
export class BranchHints {
  readonly #functions = new BinaryWriter();
  #count = 0;
  #offsets: number[] = [];
  #function = 0;

  startFunction(index: number): void {
    this.#function = index;
    this.#offsets = [];
  }

  /** `offset` counts from the declarations of locals, and rises from call to call. */
  unlikely(offset: number): void {
    this.#offsets.push(offset);
  }

  endFunction(): void {
    if (this.#offsets.length === 0) return;
    this.#functions.u32(this.#function).u32(this.#offsets.length);
    for (const offset of this.#offsets) this.#functions.u32(offset).raw(1, 0);
    this.#count++;
  }

  finish(): Uint8Array {
    return new BinaryWriter(this.#functions.length + 5)
      .u32(this.#count)
      .append(this.#functions.view())
      .view();
  }
}
