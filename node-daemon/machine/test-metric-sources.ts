import type { MetricSources } from "./metrics.ts";

/** A node that has nothing. */
export const noMetricSources: MetricSources = {
  instances: () => [],
  counters: () => undefined,
  conditions: () => [],
  processes: () => ({}),
  evictions: () => ({}),
  cacheBytes: () => ({}),
  served: { figures: () => [], uncounted: () => [], workload: () => undefined },
  gateways: () => undefined,
};
