type Range = readonly [from: number, to: number];

/** A set of completion indexes, kept and written as ranges: `0-3,7`. Immutable. */
export class IndexRanges {
  readonly #ranges: readonly Range[];
  readonly size: number;

  private constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
    this.size = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  }

  static readonly none = new IndexRanges([]);

  static of(indexes: Iterable<number>): IndexRanges {
    return IndexRanges.none.with(indexes);
  }

  /** Parts that are no range are left out: a status may have been edited by hand. */
  static parse(text: string | undefined): IndexRanges {
    if (text === undefined || text === "") return IndexRanges.none;
    const ranges: Range[] = [];
    for (const part of text.split(",")) {
      const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
      if (from === undefined) continue;
      const range: Range = [Number(from), Number(to ?? from)];
      if (range[0] <= range[1]) ranges.push(range);
    }
    return new IndexRanges(merged(ranges));
  }

  has(index: number): boolean {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.[1] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return (this.#ranges[low]?.[0] ?? Infinity) <= index;
  }

  with(indexes: Iterable<number>): IndexRanges {
    const added = Array.from(indexes, (index): Range => [index, index]);
    return added.length === 0 ? this : new IndexRanges(merged([...this.#ranges, ...added]));
  }

  union(other: IndexRanges): IndexRanges {
    if (other.size === 0) return this;
    return this.size === 0 ? other : new IndexRanges(merged([...this.#ranges, ...other.#ranges]));
  }

  countBelow(limit: number): number {
    let count = 0;
    for (const [from, to] of this.#ranges) count += Math.max(0, Math.min(to, limit - 1) - from + 1);
    return count;
  }

  /** How many indexes are in both. */
  countCommon(other: IndexRanges): number {
    let count = 0;
    const rest = other.#ranges[Symbol.iterator]();
    let next = rest.next();
    for (const [from, to] of this.#ranges) {
      while (next.done !== true) {
        const [otherFrom, otherTo] = next.value;
        count += Math.max(0, Math.min(to, otherTo) - Math.max(from, otherFrom) + 1);
        // What is left of the other one may be common with the next of these.
        if (otherTo > to) break;
        next = rest.next();
      }
    }
    return count;
  }

  /** All of them, ascending. */
  *[Symbol.iterator](): Iterator<number> {
    for (const [from, to] of this.#ranges) for (let index = from; index <= to; index++) yield index;
  }

  /** The indexes below `limit` that are not in the set, ascending. */
  *missingBelow(limit: number): Iterable<number> {
    let next = 0;
    for (const [from, to] of this.#ranges) {
      for (; next < Math.min(from, limit); next++) yield next;
      next = to + 1;
    }
    for (; next < limit; next++) yield next;
  }

  toString(): string {
    return this.#ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
  }
}

/** What is wrong with ranges as people write them, in ascending order and below `limit`; undefined: nothing. */
export function indexRangesFault(text: string, limit: number): string | undefined {
  let last = -1;
  for (const part of text.split(",")) {
    const [, first, end] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined) return `"${part.slice(0, 40)}" is neither an index nor a range such as 2-4`;
    const [from, to] = [Number(first), Number(end ?? first)];
    if (from > to) return `${part} ends before it begins`;
    if (from <= last) return `${part} does not come after ${last}; write indexes once and in ascending order`;
    if (to >= limit) return `${part} is not below completions, which is ${limit}`;
    last = to;
  }
  return undefined;
}

function merged(ranges: readonly Range[]): readonly Range[] {
  const result: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}
