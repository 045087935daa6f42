/** From the least to the most that something can be: a size, or a cost. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Kubernetes counts in 64 bits and stops there. */
export const limit = 2 ** 64 - 1;

export const unknown: Range = { min: 0, max: limit };

export function exactly(value: number): Range {
  return { min: value, max: value };
}

function capped(value: number): number {
  return value >= limit ? limit : value;
}

export function add(...ranges: readonly Range[]): Range {
  let [min, max] = [0, 0];
  for (const range of ranges) [min, max] = [min + range.min, max + range.max];
  return { min: capped(min), max: capped(max) };
}

export function multiply(a: Range, b: Range): Range {
  return { min: product(a.min, b.min), max: product(a.max, b.max) };
}

/** Nothing times "any number" is nothing. */
function product(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : capped(a * b);
}

/** Rounded up, as costs are. */
export function scale(range: Range, factor: number): Range {
  return { min: capped(Math.ceil(range.min * factor)), max: capped(Math.ceil(range.max * factor)) };
}

export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}
