/**
 * The exchanges of a connection by their number. Not a Map: that makes a new table every few deletions, and each table that has grown old
 * keeps the next one alive, with all that was under way at the time, up to the next full collection: every request became old garbage.
 *
 * Linear probing; what is removed leaves no mark, as those behind it move up. It grows, and never shrinks.
 */
export interface Numbered {
  readonly id: number;
}

export class StreamTable<T extends Numbered> {
  #slots: (T | undefined)[] = emptySlots(64);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  get(id: number): T | undefined {
    return this.#slots[this.#find(id)];
  }

  /** Its number must not be there yet. */
  add(one: T): void {
    if ((this.#count + 1) * 2 > this.#slots.length) this.#grow();
    this.#slots[this.#find(one.id)] = one;
    this.#count++;
  }

  delete(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#find(id);
    if (slots[hole] === undefined) return;
    slots[hole] = undefined;
    this.#count--;
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const one = slots[at];
      if (one === undefined) return;
      // It moves up unless its own place lies behind the hole.
      if (((at - (one.id & mask)) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = one;
      slots[at] = undefined;
      hole = at;
    }
  }

  /** As they are now: what is added or deleted meanwhile does not matter. */
  values(): readonly T[] {
    return this.#slots.filter((one) => one !== undefined);
  }

  /** Where it is, or where it would be. */
  #find(id: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = id & mask;
    for (let one = slots[at]; one !== undefined && one.id !== id; one = slots[at]) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const all = this.values();
    this.#slots = emptySlots(this.#slots.length * 2);
    for (const one of all) this.#slots[this.#find(one.id)] = one;
  }
}

function emptySlots<T>(length: number): (T | undefined)[] {
  return Array.from<T | undefined>({ length });
}
