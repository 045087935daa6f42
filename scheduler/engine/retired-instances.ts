/**
 * Ended instances of jobs that are counted and kept only to be looked at: their status and their log. The newest
 * ones stay, until their job is deleted; nodes hold them as unacknowledged, so that they outlive the scheduler.
 */
export class RetiredInstances {
  readonly #uids = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  has(uid: string): boolean {
    return this.#uids.has(uid);
  }

  /** Returns the one that must go for it, if there are too many. */
  add(uid: string): string | undefined {
    this.#uids.add(uid);
    if (this.#uids.size <= this.#max) return undefined;
    const [oldest] = this.#uids;
    return oldest;
  }

  delete(uid: string): void {
    this.#uids.delete(uid);
  }
}
