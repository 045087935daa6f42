/**
 * Items that wait, of the highest priority first, and of one priority in the order in which they came. All but the first
 * item of a new priority costs O(1); that one costs as much as there are priorities, which are as many as PriorityClasses.
 */
export class PriorityLine<T> {
  readonly #lines = new Map<number, Set<T>>();
  /** Of `#lines`, the highest last. */
  readonly #priorities: number[] = [];

  get isEmpty(): boolean {
    return this.#priorities.length === 0;
  }

  /** At the end of the line of its priority. */
  add(item: T, priority: number): void {
    const line = this.#lines.get(priority);
    if (line !== undefined) {
      line.add(item);
      return;
    }
    this.#lines.set(priority, new Set([item]));
    const place = this.#priorities.findIndex((other) => other > priority);
    this.#priorities.splice(place < 0 ? this.#priorities.length : place, 0, priority);
  }

  delete(item: T, priority: number): void {
    const line = this.#lines.get(priority);
    if (!line?.delete(item) || line.size > 0) return;
    this.#lines.delete(priority);
    this.#priorities.splice(this.#priorities.indexOf(priority), 1);
  }

  first(): T | undefined {
    const highest = this.#priorities.at(-1);
    if (highest === undefined) return undefined;
    const [first] = this.#lines.get(highest) ?? [];
    return first;
  }
}
