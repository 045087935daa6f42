/**
 * Positions ordered by score, the best on top, equal scores by `order` (lower first), in any number of heaps. A position is in at
 * most one of them, so what is known per position is kept once, in typed arrays; a change costs O(log n) and allocates
 * nothing.
 */
export class NodeHeaps {
  scores: Float64Array;
  orders: Float64Array;
  /** Position to its slot in its heap; -1: in none. */
  slots: Int32Array;

  constructor(capacity: number) {
    this.scores = new Float64Array(capacity);
    this.orders = new Float64Array(capacity);
    this.slots = new Int32Array(capacity).fill(-1);
  }

  scoreOf(position: number): number {
    return at(this.scores, position);
  }

  orderOf(position: number): number {
    return at(this.orders, position);
  }

  /** Whether of two equal scores the first one goes first. */
  isBefore(position: number, other: number): boolean {
    return this.orderOf(position) < this.orderOf(other);
  }

  /** Makes room for positions below `capacity`. */
  grow(capacity: number): void {
    if (capacity <= this.slots.length) return;
    const size = Math.max(capacity, 2 * this.slots.length);
    const slots = new Int32Array(size).fill(-1);
    slots.set(this.slots);
    this.slots = slots;
    const scores = new Float64Array(size);
    scores.set(this.scores);
    this.scores = scores;
    const orders = new Float64Array(size);
    orders.set(this.orders);
    this.orders = orders;
  }
}

/** One heap of positions. */
export class NodeHeap {
  readonly #shared: NodeHeaps;
  /** Heap slot to position. */
  readonly #positions: number[] = [];

  constructor(shared: NodeHeaps) {
    this.#shared = shared;
  }

  get length(): number {
    return this.#positions.length;
  }

  /** The best position, or -1 if there is none. */
  top(): number {
    return this.#positions[0] ?? -1;
  }

  /** The best position beside the top, or -1. */
  runnerUp(): number {
    const slot = this.#betterChild(0);
    return slot < 0 ? -1 : (this.#positions[slot] ?? -1);
  }

  /** Adds a position that is in no heap, or changes its score in this one. */
  put(position: number, score: number, order: number): void {
    const { scores, orders, slots } = this.#shared;
    scores[position] = score;
    orders[position] = order;
    let slot = at(slots, position);
    if (slot < 0) {
      slot = this.#positions.length;
      this.#positions.push(position);
    }
    this.#settle(position, slot);
  }

  /** Takes out a position that is in this heap or in none. */
  remove(position: number): void {
    const { slots } = this.#shared;
    const slot = at(slots, position);
    if (slot < 0) return;
    slots[position] = -1;
    const last = this.#positions.pop();
    if (last === undefined || last === position) return;
    this.#settle(last, slot);
  }

  #settle(position: number, from: number): void {
    const positions = this.#positions;
    const { slots } = this.#shared;
    let slot = from;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = at(positions, parent);
      if (!this.#precedes(position, above)) break;
      positions[slot] = above;
      slots[above] = slot;
      slot = parent;
    }
    for (;;) {
      const child = this.#betterChild(slot);
      if (child < 0) break;
      const below = at(positions, child);
      if (!this.#precedes(below, position)) break;
      positions[slot] = below;
      slots[below] = slot;
      slot = child;
    }
    positions[slot] = position;
    slots[position] = slot;
  }

  #betterChild(slot: number): number {
    const left = 2 * slot + 1;
    const { length } = this.#positions;
    if (left >= length) return -1;
    const right = left + 1;
    if (right >= length) return left;
    return this.#precedes(at(this.#positions, right), at(this.#positions, left)) ? right : left;
  }

  #precedes(a: number, b: number): boolean {
    const { scores, orders } = this.#shared;
    const difference = at(scores, a) - at(scores, b);
    if (difference !== 0) return difference > 0;
    return at(orders, a) < at(orders, b);
  }
}

function at(numbers: Int32Array | Float64Array | readonly number[], index: number): number {
  return numbers[index] ?? 0;
}
