/** Positions of nodes by cost, the least first, of equal costs the lowest position. */
export class CostHeap {
  readonly #costs: number[] = [];
  readonly #positions: number[] = [];

  /** Adds many in O(1) each; {@link order} has to follow. */
  append(cost: number, position: number): void {
    this.#costs.push(cost);
    this.#positions.push(position);
  }

  order(): void {
    for (let slot = (this.#costs.length >> 1) - 1; slot >= 0; slot--) this.#sink(slot);
  }

  add(cost: number, position: number): void {
    this.append(cost, position);
    this.#rise(this.#costs.length - 1);
  }

  /** Infinity if there is none. */
  leastCost(): number {
    return this.#costs[0] ?? Number.POSITIVE_INFINITY;
  }

  pop(): number | undefined {
    const first = this.#positions[0];
    const cost = this.#costs.pop();
    const position = this.#positions.pop();
    if (cost === undefined || position === undefined || this.#costs.length === 0) return first;
    this.#costs[0] = cost;
    this.#positions[0] = position;
    this.#sink(0);
    return first;
  }

  #rise(from: number): void {
    for (let slot = from; slot > 0;) {
      const parent = (slot - 1) >> 1;
      if (!this.#precedes(slot, parent)) return;
      this.#swap(slot, parent);
      slot = parent;
    }
  }

  #sink(from: number): void {
    for (let slot = from; ;) {
      let least = slot;
      for (const child of [2 * slot + 1, 2 * slot + 2])
        if (child < this.#costs.length && this.#precedes(child, least)) least = child;
      if (least === slot) return;
      this.#swap(slot, least);
      slot = least;
    }
  }

  #precedes(a: number, b: number): boolean {
    const difference = at(this.#costs, a) - at(this.#costs, b);
    return difference === 0 ? at(this.#positions, a) < at(this.#positions, b) : difference < 0;
  }

  #swap(a: number, b: number): void {
    swap(this.#costs, a, b);
    swap(this.#positions, a, b);
  }
}

function at(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0;
}

function swap(numbers: number[], a: number, b: number): void {
  const kept = at(numbers, a);
  numbers[a] = at(numbers, b);
  numbers[b] = kept;
}
