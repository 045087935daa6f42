import type { TracerFigures } from "../../kit/tracing/tracer.ts";
import type { Definition } from "./metric-definition.ts";

export function tracingMetrics(figures: () => TracerFigures): readonly Definition[] {
  return [
    {
      kind: "counter",
      name: "wherry_scheduler_trace_spans_total",
      help: "Spans of traces, by whether the collector has got them (exported), has not (failed), or there was no room (dropped).",
      samples: () => Object.entries(figures()).map(([result, count]) => [{ result }, count] as const),
    },
  ];
}
