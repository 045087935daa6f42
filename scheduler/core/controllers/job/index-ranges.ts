type Range = readonly [from: number, to: number];

/** A set of completion indexes, kept and written as ranges: `0-3,7`. Immutable. */
export class IndexRanges {
  readonly #ranges: readonly Range[];
  readonly size: number;

  private constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
    this.size = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  }

  /** Parts that are no range are left out: a status may have been edited by hand. */
  static parse(text: string | undefined): IndexRanges {
    const ranges: Range[] = [];
    for (const part of (text ?? "").split(",")) {
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

  countBelow(limit: number): number {
    let count = 0;
    for (const [from, to] of this.#ranges) count += Math.max(0, Math.min(to, limit - 1) - from + 1);
    return count;
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

function merged(ranges: readonly Range[]): readonly Range[] {
  const result: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}
