/** Who refers to what, in both directions: what is to be looked at when something changes. */
export class RouteReferences {
  readonly #targets = new Map<string, ReadonlySet<string>>();
  readonly #referrers = new Map<string, Set<string>>();

  /** All that this one refers to from now on. Answers with what nobody refers to any more. */
  set(from: string, targets: ReadonlySet<string>): readonly string[] {
    const before = this.#targets.get(from) ?? new Set<string>();
    if (targets.size === 0) this.#targets.delete(from);
    else this.#targets.set(from, targets);
    for (const target of targets) {
      const referrers = this.#referrers.get(target) ?? new Set<string>();
      this.#referrers.set(target, referrers);
      referrers.add(from);
    }
    const released: string[] = [];
    for (const target of before) {
      if (targets.has(target)) continue;
      const referrers = this.#referrers.get(target);
      referrers?.delete(from);
      if (referrers?.size !== 0) continue;
      this.#referrers.delete(target);
      released.push(target);
    }
    return released;
  }

  has(target: string): boolean {
    return this.#referrers.has(target);
  }

  to(target: string): Iterable<string> {
    return this.#referrers.get(target) ?? [];
  }
}
