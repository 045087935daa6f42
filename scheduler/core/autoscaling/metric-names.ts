/** What metrics are called in statuses, conditions and events. */
import type { AutoscalerMetric, WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import { assertNever } from "../../../kit/errors.ts";

const defaultMetrics: readonly AutoscalerMetric[] = [
  { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
];

/** Those that count: cpu at 80 percent of the requests, if none is declared. Readings are in this order. */
export function metricsOf({ metrics = [] }: WasmAutoscalerSpec): readonly AutoscalerMetric[] {
  return metrics.length === 0 ? defaultMetrics : metrics;
}

const lengthMax = 256;
const shortMax = 32;

/** Such as `cpu`, `inFlight`, the query, the key. */
export function metricName(metric: AutoscalerMetric): string {
  return cut(nameOf(metric), lengthMax);
}

/** The same in one word or line, for columns and sentences. */
export function shortMetricName(metric: AutoscalerMetric): string {
  return cut(nameOf(metric).replaceAll(/\s+/gu, " ").trim(), shortMax);
}

function nameOf({ type, resource, requests, prometheus, redis, schedule }: AutoscalerMetric): string {
  switch (type) {
    case "Resource":
      return resource?.name ?? type;
    case "Requests":
      return requests?.metric ?? type;
    case "Prometheus":
      return prometheus?.query ?? type;
    case "Redis":
      return redis?.list?.key ?? redis?.stream?.key ?? type;
    case "Schedule":
      return schedule === undefined ? type : `${schedule.start} to ${schedule.end}`;
    default:
      return assertNever(type, "type of metric");
  }
}

function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  // Not through the middle of a character that takes two units.
  const end = /[\uD800-\uDBFF]$/.test(text.slice(0, max - 1)) ? max - 2 : max - 1;
  return `${text.slice(0, end)}…`;
}
