/** A stream or a future of the generated code, or a stream that the guest has given to the host. */
interface Entry {
  readEnd?(): object;
  writeEnd?(): object;
  createUserStream?: () => object;
}

/**
 * Streams or futures of one component by number, for as long as one of their ends is in use, or what the host was given for
 * one. Stands for a table of the generated code that would keep them all.
 */
export class WeakTable {
  readonly #entries = new Map<number, WeakRef<Entry>>();
  /** What keeps an entry, by being kept itself. */
  readonly #owners = new WeakMap<object, Entry>();
  readonly #collected = new FinalizationRegistry<number>((number) => this.#entries.delete(number));
  #last = 0;

  insert(entry: Entry): number {
    const number = ++this.#last;
    this.#entries.set(number, new WeakRef(entry));
    this.#collected.register(entry, number);
    for (const end of [entry.readEnd?.(), entry.writeEnd?.()]) if (end) this.#owners.set(end, entry);
    const create = entry.createUserStream;
    if (create) {
      entry.createUserStream = () => {
        const stream = create.call(entry);
        this.#owners.set(stream, entry);
        return stream;
      };
    }
    return number;
  }

  get(number: number): Entry | undefined {
    return this.#entries.get(number)?.deref();
  }
}
