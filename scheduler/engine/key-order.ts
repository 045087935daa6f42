/**
 * The keys of all instances in order, for lists that are read page by page: sorted when somebody first lists, then kept up
 * from what came and went between two lists.
 *
 * Invariants: nothing is kept while nobody lists; what has come and gone since the last list is bounded by half of what
 * there was then, beyond which everything is forgotten and sorted anew by the next list.
 */

/** Below it, sorting anew costs nothing worth avoiding. */
const changesMin = 1_000;

export class KeyOrder {
  readonly #all: () => Iterable<string>;
  #ordered: readonly string[] | undefined;
  #added: string[] = [];
  readonly #gone = new Set<string>();

  /** `all`: the keys that there are now, in any order. */
  constructor(all: () => Iterable<string>) {
    this.#all = all;
  }

  add(key: string): void {
    if (this.#ordered === undefined || this.#gone.delete(key)) return;
    this.#added.push(key);
    this.#forgetIfMany(this.#ordered);
  }

  remove(key: string): void {
    if (this.#ordered === undefined) return;
    this.#gone.add(key);
    this.#forgetIfMany(this.#ordered);
  }

  /** Never changed. */
  keys(): readonly string[] {
    if (this.#ordered === undefined) this.#ordered = [...new Set(this.#all())].sort();
    else if (this.#added.length > 0 || this.#gone.size > 0) this.#ordered = this.#merged(this.#ordered);
    this.#forgetChanges();
    return this.#ordered;
  }

  #merged(ordered: readonly string[]): readonly string[] {
    const added = this.#added.sort();
    const merged: string[] = [];
    let next = 0;
    const take = (key: string) => {
      // One that went and came again is both among the old and the new.
      if (!this.#gone.has(key) && merged.at(-1) !== key) merged.push(key);
    };
    for (const key of ordered) {
      for (let one = added[next]; one !== undefined && one < key; one = added[++next]) take(one);
      take(key);
    }
    for (const key of added.slice(next)) take(key);
    return merged;
  }

  #forgetIfMany(ordered: readonly string[]): void {
    if (this.#added.length + this.#gone.size <= Math.max(changesMin, ordered.length / 2)) return;
    this.#ordered = undefined;
    this.#forgetChanges();
  }

  #forgetChanges(): void {
    this.#added = [];
    this.#gone.clear();
  }
}
