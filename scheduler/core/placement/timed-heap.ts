interface Entry<T> {
  readonly atMs: number;
  readonly item: T;
}

/** Fewer stale entries are not worth the work. */
const staleMax = 64;

/**
 * Items by time, the earliest first. Deleted and replaced entries stay until they surface, so nothing is searched, or until
 * they are more than half of all: what is due next year would otherwise be kept as often as it was set.
 */
export class TimedHeap<T> {
  #entries: Entry<T>[] = [];
  readonly #times = new Map<T, number>();

  /** How many entries are kept, stale ones included. */
  get entryCount(): number {
    return this.#entries.length;
  }

  set(item: T, atMs: number): void {
    if (this.#times.get(item) === atMs) return;
    this.#times.set(item, atMs);
    this.#push({ atMs, item });
    this.#dropMany();
  }

  #push(entry: Entry<T>): void {
    const { atMs } = entry;
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
    if (this.#times.delete(item)) this.#dropMany();
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

  #dropMany(): void {
    if (this.#entries.length <= 2 * this.#times.size + staleMax) return;
    // What is sorted is a heap.
    this.#entries = Array.from(this.#times, ([item, atMs]) => ({ item, atMs })).sort(
      (a, b) => a.atMs - b.atMs,
    );
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
