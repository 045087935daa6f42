interface Entry<T> {
  readonly atMs: number;
  readonly item: T;
}

/** Items by time, the earliest first. Deleted and replaced entries stay until they surface, so nothing is searched. */
export class TimedHeap<T> {
  readonly #entries: Entry<T>[] = [];
  readonly #times = new Map<T, number>();

  set(item: T, atMs: number): void {
    this.#times.set(item, atMs);
    const entry: Entry<T> = { atMs, item };
    let slot = this.#entries.push(entry) - 1;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = this.#entries[parent];
      if (above === undefined || above.atMs <= atMs) break;
      this.#entries[slot] = above;
      slot = parent;
    }
    this.#entries[slot] = entry;
  }

  delete(item: T): void {
    this.#times.delete(item);
  }

  firstAtMs(): number | undefined {
    this.#dropStale();
    return this.#entries[0]?.atMs;
  }

  /** Takes out the first item if its time has come. */
  popDue(nowMs: number): T | undefined {
    this.#dropStale();
    const first = this.#entries[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.#pop();
    this.#times.delete(first.item);
    return first.item;
  }

  #dropStale(): void {
    for (let first = this.#entries[0]; first !== undefined; first = this.#entries[0]) {
      if (this.#times.get(first.item) === first.atMs) return;
      this.#pop();
    }
  }

  #pop(): void {
    const moved = this.#entries.pop();
    if (moved === undefined || this.#entries.length === 0) return;
    let slot = 0;
    for (;;) {
      let child = 2 * slot + 1;
      const right = this.#entries[child + 1];
      if (right !== undefined && right.atMs < (this.#entries[child]?.atMs ?? Infinity)) child++;
      const below = this.#entries[child];
      if (below === undefined || below.atMs >= moved.atMs) break;
      this.#entries[slot] = below;
      slot = child;
    }
    this.#entries[slot] = moved;
  }
}
