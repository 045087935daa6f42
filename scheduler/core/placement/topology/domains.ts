/** Which nodes are in which domain of one topology key. */
export class Domains {
  readonly key: string;
  /** Position to domain; -1: the node does not have the label. */
  #of: Int32Array;
  readonly #ids = new Map<string, number>();
  readonly #values: string[] = [];
  /** Domain to the positions in it. */
  readonly #members: Set<number>[] = [];

  constructor(key: string, capacity: number) {
    this.key = key;
    this.#of = new Int32Array(capacity).fill(-1);
  }

  get size(): number {
    return this.#values.length;
  }

  /** The domain of a position; -1: none. */
  of(position: number): number {
    return this.#of[position] ?? -1;
  }

  nameOf(domain: number): string {
    return this.#values[domain] ?? "";
  }

  members(domain: number): ReadonlySet<number> {
    return this.#members[domain] ?? nobody;
  }

  grow(capacity: number): void {
    if (capacity <= this.#of.length) return;
    const grown = new Int32Array(Math.max(capacity, 2 * this.#of.length)).fill(-1);
    grown.set(this.#of);
    this.#of = grown;
  }

  /** Puts a position into the domain of this label's value; undefined: into none. */
  put(position: number, value: string | undefined): void {
    const domain = value === undefined ? -1 : this.#idOf(value);
    const before = this.of(position);
    if (before === domain) return;
    this.#members[before]?.delete(position);
    this.#members[domain]?.add(position);
    this.#of[position] = domain;
  }

  #idOf(value: string): number {
    let id = this.#ids.get(value);
    if (id !== undefined) return id;
    id = this.#values.length;
    this.#ids.set(value, id);
    this.#values.push(value);
    this.#members.push(new Set());
    return id;
  }
}

const nobody: ReadonlySet<number> = new Set();
