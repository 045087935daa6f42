import type { Account } from "./account.ts";

/** Something that waits for its turn on the thread. A base class, as the list it waits in is made of its own fields. */
export abstract class Runnable {
  abstract readonly account: Account;
  /** The queue's own, as the next two. */
  waitsIn: RunnableList | undefined;
  previous: Runnable | undefined;
  next: Runnable | undefined;

  /** Continues the guest in the next microtask, or at once. Must not throw. */
  abstract resume(): void;
  /** What began with `resume` is over, and is charged. */
  over?(): void;
}

/** First in, first out; anything can be taken out of it at once. */
export class RunnableList {
  #first: Runnable | undefined;
  #last: Runnable | undefined;

  get empty(): boolean {
    return this.#first === undefined;
  }

  /** It must not be in a list already. */
  push(runnable: Runnable): void {
    runnable.waitsIn = this;
    runnable.previous = this.#last;
    if (this.#last) this.#last.next = runnable;
    else this.#first = runnable;
    this.#last = runnable;
  }

  shift(): Runnable | undefined {
    const first = this.#first;
    if (first) this.remove(first);
    return first;
  }

  /** It must be in this list. */
  remove(runnable: Runnable): void {
    const { previous, next } = runnable;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    runnable.waitsIn = undefined;
    runnable.previous = undefined;
    runnable.next = undefined;
  }
}
