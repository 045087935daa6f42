import type { Registry } from "prom-client";
import { noTracer, type Tracer } from "../../kit/tracing/tracer.ts";
import type { Monitoring } from "../apiserver/metrics/monitoring.ts";
import type { ScrapedNode } from "../apiserver/metrics/scrape-targets.ts";
import type { Engine } from "../engine/engine.ts";
import type { SessionFigures } from "../nodes/session-figures.ts";
import { autoscalerMetrics, type ExposedAutoscalers } from "./autoscaler-metrics.ts";
import { collectedRegistry } from "./collected-registry.ts";
import { engineMetrics } from "./engine-metrics.ts";
import { leadershipMetrics, type LeadershipFigures } from "./leadership-metrics.ts";
import { type QuestionFigures, questionMetrics } from "./question-metrics.ts";
import { sessionMetrics } from "./session-metrics.ts";
import { tracingMetrics } from "./tracing-metrics.ts";

export interface SchedulerMonitoringOptions {
  readonly engine: Pick<Engine, "figures" | "nodes">;
  readonly sessions: SessionFigures;
  readonly leadership: LeadershipFigures;
  /** undefined: nothing is scaled. */
  readonly autoscalers?: () => ExposedAutoscalers | undefined;
  /** Metric servers that autoscalers have asked, by what they are. */
  readonly questions?: () => Readonly<Record<string, QuestionFigures>>;
  /** None by default. */
  readonly tracer?: Pick<Tracer, "figures">;
}

/** What a scheduler that leads has for Prometheus, beside what its API server has. */
export class SchedulerMonitoring implements Monitoring {
  readonly #engine: Pick<Engine, "figures" | "nodes">;
  readonly #registry: Registry;

  constructor(options: SchedulerMonitoringOptions) {
    const { engine, sessions, leadership, tracer = noTracer } = options;
    const { autoscalers = () => undefined, questions = () => ({}) } = options;
    this.#engine = engine;
    this.#registry = collectedRegistry([
      ...engineMetrics(engine.figures),
      ...autoscalerMetrics(autoscalers),
      ...questionMetrics(questions),
      ...sessionMetrics(sessions),
      ...tracingMetrics(() => tracer.figures),
      ...leadershipMetrics(leadership),
    ]);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  nodes(): Iterable<ScrapedNode> {
    return this.#engine.nodes.metricsTargets();
  }
}
