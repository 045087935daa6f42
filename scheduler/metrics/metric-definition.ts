import type { HistogramFigures } from "../../kit/plain-histogram.ts";

export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

/** What a metric is, before prom-client has it: its series are made when somebody asks, of figures that are kept elsewhere. */
export type Definition = NumberDefinition | HistogramDefinition;

interface Described {
  readonly name: string;
  /** A sentence, with its full stop. */
  readonly help: string;
}

export interface NumberDefinition extends Described {
  readonly kind: "counter" | "gauge";
  /** One for each series that there is now. */
  readonly samples: () => Iterable<Sample>;
}

export interface HistogramDefinition extends Described {
  readonly kind: "histogram";
  readonly samples: () => Iterable<readonly [labels: Labels, figures: HistogramFigures]>;
}

const noLabels: Labels = {};

/** The samples of a metric that has one series. */
export function single(value: () => number): () => Iterable<Sample> {
  return () => [[noLabels, value()]];
}

/** The samples of a metric with one label, which has a series for each key. */
export function byLabel(
  label: string,
  values: () => Iterable<readonly [of: string, value: number]>,
): () => Iterable<Sample> {
  return () => Array.from(values(), ([of, value]): Sample => [{ [label]: of }, value]);
}

/** The samples of a histogram without labels. */
export function singleHistogram(figures: HistogramFigures): HistogramDefinition["samples"] {
  return () => [[noLabels, figures]];
}
