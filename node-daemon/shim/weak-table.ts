/** What has two ends, each of which may be the last that is used. */
interface TwoEnded {
  readEnd(): object;
  writeEnd(): object;
}

/**
 * Streams or futures of one component by number, for as long as one of their ends is in use. Stands for a table of the
 * generated code that would keep them all.
 */
export class WeakTable {
  readonly #entries = new Map<number, WeakRef<TwoEnded>>();
  /** An end keeps the whole. */
  readonly #owners = new WeakMap<object, TwoEnded>();
  readonly #collected = new FinalizationRegistry<number>((number) => this.#entries.delete(number));
  #last = 0;

  insert(value: TwoEnded): number {
    const number = ++this.#last;
    this.#entries.set(number, new WeakRef(value));
    this.#owners.set(value.readEnd(), value);
    this.#owners.set(value.writeEnd(), value);
    this.#collected.register(value, number);
    return number;
  }

  get(number: number): TwoEnded | undefined {
    return this.#entries.get(number)?.deref();
  }
}
