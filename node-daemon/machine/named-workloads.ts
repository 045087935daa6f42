/**
 * Which workloads have series of their own, on a page of metrics: so many at most. The others are summed up as one, called `other`.
 *
 * A workload keeps what it has got, a name or none, as long as it is on each page: counters move from nobody to anybody else. Those of
 * the others are added up by what they grow, so that their sum does not fall when one of them goes. Names that are left are lent, for one
 * page, to workloads of which there is nothing to count yet.
 */
import type { Labels } from "./metric-definition.ts";

export const otherLabels: Labels = { namespace: "", workload: "other" };

export class NamedWorkloads {
  readonly #countMax: number;
  readonly #named = new Set<string>();
  readonly #others = new Set<string>();
  readonly #seen = new Set<string>();
  /** How many are lent on this page. */
  #lent = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** A page begins: whoever was not on the one before gives up what it had. */
  begin(): void {
    for (const known of [this.#named, this.#others])
      for (const uid of known) if (!this.#seen.has(uid)) known.delete(uid);
    this.#seen.clear();
    this.#lent = 0;
  }

  has(uid: string): boolean {
    this.#seen.add(uid);
    if (this.#named.has(uid)) return true;
    if (this.#others.has(uid)) return false;
    const isNamed = this.#named.size < this.#countMax;
    (isNamed ? this.#named : this.#others).add(uid);
    return isNamed;
  }

  /** Once all are asked for that have something to count. */
  lend(uid: string): boolean {
    if (this.#named.has(uid)) return true;
    if (this.#others.has(uid) || this.#named.size + this.#lent >= this.#countMax) return false;
    this.#lent++;
    return true;
  }
}

/** Counters of those without a name, each as a list of numbers in an order of its own. */
export class OtherTotals {
  #totals: number[] = [];
  #last = new Map<string, readonly number[]>();
  #next = new Map<string, readonly number[]>();

  add(uid: string, counters: readonly number[]): void {
    const last = this.#last.get(uid) ?? [];
    counters.forEach((value, at) => {
      const before = last[at] ?? 0;
      // One that has fallen has begun anew.
      this.#totals[at] = (this.#totals[at] ?? 0) + (value >= before ? value - before : value);
    });
    this.#next.set(uid, counters);
  }

  /** Once all are added that there are. */
  take(): readonly number[] {
    this.#last = this.#next;
    this.#next = new Map();
    return this.#totals;
  }
}
