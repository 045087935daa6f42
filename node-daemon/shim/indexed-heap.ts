export interface Placed {
  /** In the heap, and the heap's own; -1 outside. */
  place: number;
}

/** A binary heap from which anything can be taken, and in which anything can be moved, in logarithmic time. */
export class IndexedHeap<T extends Placed> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** It must not be in already. */
  add(item: T): void {
    item.place = this.#items.push(item) - 1;
    this.#rise(item);
  }

  remove(item: T): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop();
    if (!last || last === item) return;
    this.#put(last, place);
    this.moved(last);
  }

  /** What it is ordered by has changed; nothing happens to what is not in. */
  moved(item: T): void {
    if (item.place < 0) return;
    this.#rise(item);
    this.#sink(item);
  }

  #rise(item: T): void {
    let { place } = item;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above];
      if (!parent || !this.#isBefore(item, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(item, place);
  }

  #sink(item: T): void {
    const items = this.#items;
    let { place } = item;
    for (;;) {
      const left = items[2 * place + 1];
      const right = items[2 * place + 2];
      if (!left) break;
      const rightIsFirst = right !== undefined && this.#isBefore(right, left);
      const first = rightIsFirst ? right : left;
      if (!this.#isBefore(first, item)) break;
      this.#put(first, place);
      place = 2 * place + (rightIsFirst ? 2 : 1);
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
