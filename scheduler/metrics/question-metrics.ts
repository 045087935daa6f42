import { type Definition, type Sample } from "./metric-definition.ts";

/** Questions that were asked of one kind of metric server. */
export interface QuestionFigures {
  /** Of all times, by `answered` or why not. */
  readonly results: Readonly<Record<string, number>>;
  /** Those that wait for their answer now. */
  readonly running: number;
}

/** What metric servers were asked for autoscalers; by source, such as prometheus. */
export function questionMetrics(
  sources: () => Readonly<Record<string, QuestionFigures>>,
): readonly Definition[] {
  return [
    {
      kind: "counter",
      name: "wherry_autoscaler_questions_total",
      help: "Questions to metric servers, by kind of server, and whether they were answered or why not.",
      samples: () =>
        Object.entries(sources()).flatMap(([source, { results }]) =>
          Object.entries(results).map(([result, count]): Sample => [{ source, result }, count]),
        ),
    },
    {
      kind: "gauge",
      name: "wherry_autoscaler_questions_running",
      help: "Questions to metric servers that wait for their answer now, by kind of server.",
      samples: () => Object.entries(sources()).map(([source, { running }]): Sample => [{ source }, running]),
    },
  ];
}
