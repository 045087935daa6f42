/** A list is made of the fields of what is in it, so that being in one costs no memory. */
export interface Linked<T> {
  /** The list's own, as the next two: which one it is in. */
  list: object | undefined;
  previous: T | undefined;
  next: T | undefined;
}

/** First in, first out; anything can be taken out of it at once. */
export class LinkedList<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;

  get empty(): boolean {
    return this.#first === undefined;
  }

  /** It must not be in a list already. */
  push(item: T): void {
    item.list = this;
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
  }

  /** The same, to be the next one out. */
  unshift(item: T): void {
    item.list = this;
    item.next = this.#first;
    if (this.#first) this.#first.previous = item;
    else this.#last = item;
    this.#first = item;
  }

  shift(): T | undefined {
    const first = this.#first;
    if (first) this.remove(first);
    return first;
  }

  /** It must be in this list. */
  remove(item: T): void {
    const { previous, next } = item;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    item.list = undefined;
    item.previous = undefined;
    item.next = undefined;
  }
}
