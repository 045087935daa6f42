/**
 * What the daemon tells Prometheus. Everything is read when it is asked for; only what is on the node now has a series, and
 * labels have names and nothing that a guest can choose.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { ServedWorkload } from "../serving/node-serving.ts";
import type { ReportedCondition } from "../session/condition-source.ts";
import { gatewayMetrics, RequestDurations } from "./gateway-metrics.ts";
import type { Definition, Sample } from "./metric-definition.ts";

export interface InstanceFigures {
  readonly namespace: string;
  readonly name: string;
  /** `WasmDeployment/web`. */
  readonly owner: string;
  readonly phase: string;
  readonly restarts: number;
  /** Of its present run; undefined before the first report. */
  readonly usage:
    | {
        readonly cpuUs: number;
        readonly memoryBytes: number;
        readonly fuel: number;
        readonly throttledUs: number;
      }
    | undefined;
}

export interface MetricSources {
  instances(): readonly InstanceFigures[];
  conditions(): readonly ReportedCondition[];
  /** Processes that host instances, by what they are for. */
  processes(): Readonly<Record<string, number>>;
  evictions(): Readonly<Record<string, number>>;
  cacheBytes(): Readonly<Record<string, number>>;
  /** What its gateways have counted. */
  served(): readonly ServedWorkload[];
}

/** A registry of its own: there may be several daemons in a test. */
export function createMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  const served = () => sources.served();
  registry.registerMetric(new RequestDurations(served));
  for (const definition of [
    ...instanceMetrics(sources),
    ...nodeMetrics(sources),
    ...gatewayMetrics(served),
  ]) {
    registry.registerMetric(definition.kind === "counter" ? counter(definition) : gauge(definition));
  }
  return registry;
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

function instanceMetrics(sources: MetricSources): readonly Definition[] {
  const labels = ["namespace", "instance", "owner"];
  const samples = (valueOf: (figures: InstanceFigures) => number | undefined) => () =>
    sources.instances().flatMap((figures): readonly Sample[] => {
      const { namespace, name, owner } = figures;
      const value = valueOf(figures);
      return value === undefined ? [] : [[{ namespace, instance: name, owner }, value]];
    });
  return [
    {
      kind: "counter",
      name: "wherry_instance_cpu_seconds_total",
      help: "CPU time that the present run of the instance has used",
      labels,
      samples: samples(({ usage }) => usage && usage.cpuUs / 1e6),
    },
    {
      kind: "counter",
      name: "wherry_instance_fuel_total",
      help: "Units of work that the present run of the instance has done",
      labels,
      samples: samples(({ usage }) => usage?.fuel),
    },
    {
      kind: "counter",
      name: "wherry_instance_throttled_seconds_total",
      help: "How long the present run of the instance was held back by its CPU limit",
      labels,
      samples: samples(({ usage }) => usage && usage.throttledUs / 1e6),
    },
    {
      kind: "counter",
      name: "wherry_instance_restarts_total",
      help: "How often the instance was started again",
      labels,
      samples: samples(({ restarts }) => restarts),
    },
    {
      kind: "gauge",
      name: "wherry_instance_memory_bytes",
      help: "Linear memory of the instance, and its call stack as far as it is known",
      labels,
      samples: samples(({ usage }) => usage?.memoryBytes),
    },
  ];
}

function nodeMetrics(sources: MetricSources): readonly Definition[] {
  return [
    {
      kind: "gauge",
      name: "wherry_node_instances",
      help: "Instances on the node, those included that have ended and are not acknowledged",
      labels: ["phase"],
      samples: () =>
        labelled(
          "phase",
          countBy(sources.instances(), ({ phase }) => phase),
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
