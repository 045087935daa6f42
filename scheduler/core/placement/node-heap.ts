/**
 * Positions ordered by score, the best on top, equal scores by `order` (lower first). Each position is in it at most
 * once and can be moved or taken out in O(log n). Typed arrays: nothing is allocated per change.
 */
export class NodeHeap {
  #scores: Float64Array;
  #orders: Float64Array;
  /** Heap slot to position, and back (-1: not in the heap). */
  #positions: Int32Array;
  #slots: Int32Array;
  #length = 0;

  constructor(capacity: number) {
    this.#scores = new Float64Array(capacity);
    this.#orders = new Float64Array(capacity);
    this.#positions = new Int32Array(capacity);
    this.#slots = new Int32Array(capacity).fill(-1);
  }

  get length(): number {
    return this.#length;
  }

  /** The best position, or -1 if there is none. */
  top(): number {
    return this.#length === 0 ? -1 : at(this.#positions, 0);
  }

  /** The best position beside the top, or -1. */
  runnerUp(): number {
    const slot = this.#betterChild(0);
    return slot < 0 ? -1 : at(this.#positions, slot);
  }

  scoreOf(position: number): number {
    return at(this.#scores, position);
  }

  /** Makes room for positions below `capacity`. */
  grow(capacity: number): void {
    if (capacity <= this.#slots.length) return;
    const size = Math.max(capacity, 2 * this.#slots.length);
    const slots = new Int32Array(size).fill(-1);
    slots.set(this.#slots);
    this.#slots = slots;
    const scores = new Float64Array(size);
    scores.set(this.#scores);
    this.#scores = scores;
    const orders = new Float64Array(size);
    orders.set(this.#orders);
    this.#orders = orders;
    const positions = new Int32Array(size);
    positions.set(this.#positions);
    this.#positions = positions;
  }

  /** Adds a position or changes its score. */
  put(position: number, score: number, order: number): void {
    this.#scores[position] = score;
    this.#orders[position] = order;
    let slot = at(this.#slots, position);
    if (slot < 0) {
      slot = this.#length++;
      this.#seat(position, slot);
    }
    this.#settle(position, slot);
  }

  remove(position: number): void {
    const slot = at(this.#slots, position);
    if (slot < 0) return;
    this.#slots[position] = -1;
    const last = at(this.#positions, --this.#length);
    if (last === position) return;
    this.#seat(last, slot);
    this.#settle(last, slot);
  }

  #settle(position: number, from: number): void {
    let slot = from;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = at(this.#positions, parent);
      if (!this.#precedes(position, above)) break;
      this.#seat(above, slot);
      slot = parent;
    }
    for (;;) {
      const child = this.#betterChild(slot);
      if (child < 0) break;
      const below = at(this.#positions, child);
      if (!this.#precedes(below, position)) break;
      this.#seat(below, slot);
      slot = child;
    }
    this.#seat(position, slot);
  }

  #betterChild(slot: number): number {
    const left = 2 * slot + 1;
    if (left >= this.#length) return -1;
    const right = left + 1;
    if (right >= this.#length) return left;
    return this.#precedes(at(this.#positions, right), at(this.#positions, left)) ? right : left;
  }

  #precedes(a: number, b: number): boolean {
    const difference = at(this.#scores, a) - at(this.#scores, b);
    if (difference !== 0) return difference > 0;
    return at(this.#orders, a) < at(this.#orders, b);
  }

  #seat(position: number, slot: number): void {
    this.#positions[slot] = position;
    this.#slots[position] = slot;
  }
}

function at(numbers: Int32Array | Float64Array, index: number): number {
  return numbers[index] ?? 0;
}
