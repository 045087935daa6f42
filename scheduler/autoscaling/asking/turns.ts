/** What waits, by owner: owners take turns, and of each the one that came first is next. However many one has, others wait for one of them. */
export class Turns<Q> {
  readonly #byOwner = new Map<string, Set<Q>>();

  get isEmpty(): boolean {
    return this.#byOwner.size === 0;
  }

  add(owner: string, one: Q): void {
    const waiting = this.#byOwner.get(owner);
    if (waiting === undefined) this.#byOwner.set(owner, new Set([one]));
    else waiting.add(one);
  }

  delete(owner: string, one: Q): void {
    const waiting = this.#byOwner.get(owner);
    if (waiting?.delete(one) === true && waiting.size === 0) this.#byOwner.delete(owner);
  }

  /** The next; the turn of its owner is over. */
  take(): Q | undefined {
    for (const [owner, waiting] of this.#byOwner) {
      const [one] = waiting;
      if (one === undefined) continue;
      waiting.delete(one);
      this.#byOwner.delete(owner);
      if (waiting.size > 0) this.#byOwner.set(owner, waiting);
      return one;
    }
    return undefined;
  }
}
