/**
 * What the daemon tells Prometheus. Everything is read when it is asked for; only what is on the node now has a series, and
 * labels have names and nothing that a guest can choose. By workload, and of so many at most: whoever wants to know it of each
 * instance asks for that.
 */
import { Counter, Gauge, Registry } from "prom-client";
import { noTracer, type Tracer } from "../../kit/tracing/tracer.ts";
import type { GatewayProcesses } from "../serving/process-figures.ts";
import type { ReportedCondition } from "../session/condition-source.ts";
import type { WorkloadCounters } from "../workload-meter.ts";
import {
  type GatewayCounts,
  gatewayMetrics,
  type GatewayRow,
  GatewayRows,
  RequestDurations,
} from "./gateway-metrics.ts";
import { gatewayProcessMetrics } from "./gateway-process-metrics.ts";
import type { Definition, Sample } from "./metric-definition.ts";
import { NamedWorkloads } from "./named-workloads.ts";
import { processMetrics } from "./process-metrics.ts";
import { type InstanceFigures, instanceMetrics, workloadMetrics, WorkloadRows } from "./workload-metrics.ts";

export interface MetricSources {
  instances(): readonly InstanceFigures[];
  /** What a workload has used here. */
  counters(workloadUid: string): WorkloadCounters | undefined;
  conditions(): readonly ReportedCondition[];
  /** Processes that host instances, by what they are for. */
  processes(): Readonly<Record<string, number>>;
  evictions(): Readonly<Record<string, number>>;
  cacheBytes(): Readonly<Record<string, number>>;
  /** What its gateways have counted. */
  readonly served: GatewayCounts;
  /** How they are; undefined: there are none. */
  gateways(): GatewayProcesses | undefined;
  /** Of the daemon; none by default. */
  readonly tracer?: Pick<Tracer, "figures">;
}

/** A page of metrics. */
export interface MetricsPage {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface MetricsOptions {
  /** Whether each instance has series of its own. */
  readonly perInstance: boolean;
  readonly workloadsMax: number;
}

interface PageFacts {
  readonly instances: readonly InstanceFigures[];
  readonly workloads: ReturnType<WorkloadRows["of"]>;
  readonly served: readonly GatewayRow[];
  readonly gateways: GatewayProcesses | undefined;
}

/** A registry of its own: there may be several daemons in a test. */
export function createMetrics(
  sources: MetricSources,
  { perInstance, workloadsMax }: MetricsOptions,
): MetricsPage {
  const registry = new Registry();
  const names = new NamedWorkloads(workloadsMax);
  const workloadRows = new WorkloadRows(names);
  const gatewayRows = new GatewayRows(names);
  const read = (): PageFacts => {
    names.begin();
    const instances = sources.instances();
    const workloads = workloadRows.of(instances, (uid) => sources.counters(uid));
    return { instances, workloads, served: gatewayRows.of(sources.served), gateways: sources.gateways() };
  };
  // All series of a page are of one moment, and are gathered once.
  let facts: PageFacts | undefined;
  const now = () => (facts ??= read());
  registry.registerMetric(new RequestDurations(() => now().served));
  for (const definition of [
    ...workloadMetrics(() => now().workloads),
    ...(perInstance ? instanceMetrics(() => now().instances) : []),
    ...nodeMetrics(sources, () => now().instances),
    ...gatewayMetrics(() => now().served),
    ...gatewayProcessMetrics(() => now().gateways),
    ...processMetrics(),
    tracingMetric(sources),
  ]) {
    registry.registerMetric(definition.kind === "counter" ? counter(definition) : gauge(definition));
  }
  return {
    contentType: registry.contentType,
    metrics: () => {
      facts = undefined;
      return registry.metrics();
    },
  };
}

function counter({ name, help, labels, samples }: Definition): Counter {
  return new Counter({
    name,
    help,
    labelNames: labels,
    registers: [],
    collect() {
      this.reset();
      for (const [of, value] of samples()) this.inc(of, value);
    },
  });
}

function gauge({ name, help, labels, samples }: Definition): Gauge {
  return new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [],
    collect() {
      this.reset();
      for (const [of, value] of samples()) this.set(of, value);
    },
  });
}

function tracingMetric({ tracer = noTracer }: MetricSources): Definition {
  return {
    kind: "counter",
    name: "wherry_node_trace_spans_total",
    help: "Spans of the node daemon, by whether the collector has got them (exported), has not (failed), or there was no room (dropped)",
    labels: ["result"],
    samples: () => labelled("result", { ...tracer.figures }),
  };
}

function nodeMetrics(
  sources: MetricSources,
  instances: () => readonly InstanceFigures[],
): readonly Definition[] {
  return [
    {
      kind: "gauge",
      name: "wherry_node_instances",
      help: "Instances on the node, those included that have ended and are not acknowledged",
      labels: ["phase"],
      samples: () =>
        labelled(
          "phase",
          countBy(instances(), ({ phase }) => phase),
        ),
    },
    {
      kind: "gauge",
      name: "wherry_node_shims",
      help: "Processes that host instances: many (shared), one (own), or none yet (spare)",
      labels: ["use"],
      samples: () => labelled("use", sources.processes()),
    },
    {
      kind: "gauge",
      name: "wherry_node_condition",
      help: "1 if the condition of the node is true",
      labels: ["condition"],
      samples: () =>
        sources.conditions().map(({ type, status }): Sample => [{ condition: type }, status ? 1 : 0]),
    },
    {
      kind: "counter",
      name: "wherry_node_evictions_total",
      help: "Instances that were evicted because the node was short of a resource",
      labels: ["resource"],
      samples: () => labelled("resource", sources.evictions()),
    },
    {
      kind: "gauge",
      name: "wherry_node_cache_bytes",
      help: "Modules on the disk of the node, as they were fetched and as they were translated",
      labels: ["form"],
      samples: () => labelled("form", sources.cacheBytes()),
    },
  ];
}

function labelled(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([of, value]): Sample => [{ [label]: of }, value]);
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const item of items) {
    const key = keyOf(item);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
