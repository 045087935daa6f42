import { type Metric, Registry } from "prom-client";
import type { HistogramFigures } from "../../kit/plain-histogram.ts";
import type { Definition, Labels } from "./metric-definition.ts";

interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A registry of its own, of metrics whose values are read when its page is made. Names are given once each. */
export function collectedRegistry(definitions: readonly Definition[]): Registry {
  const registry = new Registry();
  for (const definition of definitions) {
    // prom-client's registry asks nothing else of a metric; its types want a class of its own.
    registry.registerMetric(collected(definition) as unknown as Metric);
  }
  return registry;
}

function collected(definition: Definition) {
  const { name, help, kind } = definition;
  const get = () => Promise.resolve({ name, help, type: kind, values: valuesOf(definition) });
  return { name, help, get };
}

function valuesOf(definition: Definition): readonly Value[] {
  if (definition.kind !== "histogram")
    return Array.from(definition.samples(), ([labels, value]): Value => ({ labels, value }));
  return Array.from(definition.samples(), ([labels, figures]) =>
    histogramValues(definition.name, labels, figures),
  ).flat();
}

function histogramValues(
  name: string,
  labels: Labels,
  { bounds, counts, sum }: HistogramFigures,
): readonly Value[] {
  let count = 0;
  const buckets = bounds.map((le, bucket): Value => {
    count += counts[bucket] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
  });
  count += counts[bounds.length] ?? 0;
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: "+Inf", ...labels }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
