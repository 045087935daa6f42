/** What a metric is, before prom-client has it. */
export interface Definition {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** One for each series that there is now. */
  readonly samples: () => Iterable<Sample>;
}

export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];
