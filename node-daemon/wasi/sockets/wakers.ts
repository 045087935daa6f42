/** Who waits for something to become ready. Each is woken once; a cancelled one never. */
export class Wakers {
  readonly #waiting = new Set<() => void>();

  /** Calls `wake` before returning if it is `ready` already. Returns how to cancel. */
  watch(ready: boolean, wake: () => void): () => void {
    if (ready) {
      wake();
      return nothing;
    }
    // One function may wait twice.
    const entry = () => wake();
    this.#waiting.add(entry);
    return () => this.#waiting.delete(entry);
  }

  wakeAll(): void {
    if (this.#waiting.size === 0) return;
    const woken = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of woken) wake();
  }
}

function nothing(): void {}
