interface Due<T> {
  readonly dueMs: number;
  readonly value: T;
}

/** A binary heap of things that fall due, so that ten thousand waits need one timer. Nothing is removed early: what is stale is ignored when due. */
export class DueQueue<T> {
  readonly #heap: Due<T>[] = [];

  get nextMs(): number | undefined {
    return this.#heap[0]?.dueMs;
  }

  push(dueMs: number, value: T): void {
    const heap = this.#heap;
    const entry = { dueMs, value };
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!above || above.dueMs <= dueMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Takes the earliest one if it is due. */
  takeDue(nowMs: number): T | undefined {
    const top = this.#heap[0];
    if (!top || top.dueMs > nowMs) return undefined;
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) this.#sink(last);
    return top.value;
  }

  /** Puts `entry` where the top was. */
  #sink(entry: Due<T>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (!left) break;
      const rightIsLess = right !== undefined && right.dueMs < left.dueMs;
      const least = rightIsLess ? right : left;
      if (least.dueMs >= entry.dueMs) break;
      heap[index] = least;
      index = 2 * index + (rightIsLess ? 2 : 1);
    }
    heap[index] = entry;
  }
}
