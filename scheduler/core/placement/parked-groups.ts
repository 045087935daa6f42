/** What waits for an event, found by where it may happen: on one node, or anywhere. */
export class ParkedGroups<T> {
  readonly #anywhere = new Set<T>();
  readonly #byNode = new Map<string, Set<T>>();
  readonly #nodes = new Map<T, string>();

  get size(): number {
    return this.#anywhere.size + this.#nodes.size;
  }

  /** `nodeName`: only what happens on this node can help; undefined: anything may. */
  add(group: T, nodeName: string | undefined): void {
    this.delete(group);
    if (nodeName === undefined) {
      this.#anywhere.add(group);
      return;
    }
    this.#nodes.set(group, nodeName);
    const there = this.#byNode.get(nodeName);
    if (there === undefined) this.#byNode.set(nodeName, new Set([group]));
    else there.add(group);
  }

  delete(group: T): void {
    this.#anywhere.delete(group);
    const nodeName = this.#nodes.get(group);
    if (nodeName === undefined) return;
    this.#nodes.delete(group);
    const there = this.#byNode.get(nodeName);
    there?.delete(group);
    if (there?.size === 0) this.#byNode.delete(nodeName);
  }

  /** Those that are not bound to one node. They may be deleted meanwhile. */
  anywhere(): Iterable<T> {
    return this.#anywhere;
  }

  /** Those that something on this node may help. They may be deleted meanwhile. */
  *on(nodeName: string): Iterable<T> {
    yield* this.#anywhere;
    yield* this.#byNode.get(nodeName) ?? [];
  }
}
