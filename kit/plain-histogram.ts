import { lowerBound } from "./lower-bound.ts";

/** What a histogram has counted, to be read when somebody asks. */
export interface HistogramFigures {
  /** Upper bounds, ascending, each within its bucket. */
  readonly bounds: readonly number[];
  /** By bucket, not added up; one more than there are bounds, for what is above the last. */
  readonly counts: ArrayLike<number>;
  /** Of all values. */
  readonly sum: number;
}

/** Plain numbers, so that counting costs next to nothing where it is done ten thousand times a second. */
export class PlainHistogram implements HistogramFigures {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** `times`: how many had this value. What is no number, or below 0, counts as 0: clocks of the wall go back. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    const counted = value > 0 ? value : 0;
    const bucket = lowerBound(bounds.length, (position) => (bounds[position] ?? 0) < counted);
    counts[bucket] = (counts[bucket] ?? 0) + times;
    this.sum += counted * times;
  }
}
