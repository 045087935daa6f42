/** What the gateways of the node have counted, for Prometheus: by workload, as everything else would have no bound. */
import { Histogram, type MetricObjectWithValues, type MetricValueWithName } from "prom-client";
import { durationBoundsMs, type WorkloadFigures } from "../gateway/control.ts";
import type { ServedWorkload } from "../serving/node-serving.ts";
import type { Definition, Sample } from "./metric-definition.ts";

type Workloads = () => readonly ServedWorkload[];
type Labels = Readonly<Record<"namespace" | "workload", string>>;

const labels = ["namespace", "workload"] as const;

export function gatewayMetrics(workloads: Workloads): readonly Definition[] {
  const samples = (valueOf: (figures: WorkloadFigures) => number) => () =>
    workloads().map((one): Sample => [labelsOf(one), valueOf(one.figures)]);
  return [
    {
      kind: "counter",
      name: "wherry_gateway_requests_total",
      help: "Requests that the gateway of the node has answered, by the first digit of the status",
      labels: [...labels, "code"],
      samples: () =>
        workloads().flatMap((one) =>
          Object.entries(one.figures.requests)
            .filter(([, count]) => count > 0)
            .map(([code, count]): Sample => [{ ...labelsOf(one), code }, count]),
        ),
    },
    {
      kind: "gauge",
      name: "wherry_gateway_requests_in_flight",
      help: "Requests that the gateway has begun and not answered",
      labels,
      samples: samples(({ inFlight }) => inFlight),
    },
    {
      kind: "gauge",
      name: "wherry_gateway_requests_waiting",
      help: "Requests that are held because there is no instance that could take them",
      labels,
      samples: samples(({ waiting }) => waiting),
    },
    {
      kind: "counter",
      name: "wherry_gateway_retries_total",
      help: "Attempts beyond the first of a request",
      labels,
      samples: samples(({ retries }) => retries),
    },
    {
      kind: "counter",
      name: "wherry_gateway_wakeups_total",
      help: "How often requests have waited until a workload was woken up",
      labels,
      samples: samples(({ wakeUps }) => wakeUps),
    },
    {
      kind: "counter",
      name: "wherry_gateway_wakeup_seconds_total",
      help: "How long the first request of each wake-up has waited, all of them together",
      labels,
      samples: samples(({ wakeUpSumMs }) => wakeUpSumMs / 1000),
    },
  ];
}

/** Counted by the gateways, in their buckets. */
export class RequestDurations extends Histogram {
  readonly #workloads: Workloads;

  constructor(workloads: Workloads) {
    super({
      name: "wherry_gateway_request_duration_seconds",
      help: "From the arrival of a request at the gateway to the end of its answer",
      labelNames: labels,
      buckets: durationBoundsMs.map((ms) => ms / 1000),
      registers: [],
    });
    this.#workloads = workloads;
  }

  override get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    const values = this.#workloads().flatMap(({ workload, figures }) => valuesOf(workload, figures));
    const { name, help } = this as unknown as { readonly name: string; readonly help: string };
    // prom-client's word for the kind of a metric is an enum in its types and a text in its code.
    const type = "histogram" as unknown as MetricObjectWithValues<MetricValueWithName<string>>["type"];
    return Promise.resolve({ name, help, type, aggregator: "sum", collect: () => {}, values });
  }

  /** What the registry really asks. */
  getForPromString(): ReturnType<RequestDurations["get"]> {
    return this.get();
  }
}

function valuesOf(
  workload: ServedWorkload["workload"],
  { durations, durationSumMs }: WorkloadFigures,
): readonly MetricValueWithName<string>[] {
  const of = labelsOf({ workload });
  const name = "wherry_gateway_request_duration_seconds";
  let count = 0;
  const buckets = durationBoundsMs.map((ms, index) => {
    count += durations[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le: ms / 1000, ...of }, value: count };
  });
  count += durations[durationBoundsMs.length] ?? 0;
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: "+Inf", ...of }, value: count },
    { metricName: `${name}_sum`, labels: of, value: durationSumMs / 1000 },
    { metricName: `${name}_count`, labels: of, value: count },
  ];
}

function labelsOf({ workload }: Pick<ServedWorkload, "workload">): Labels {
  return { namespace: workload.namespace, workload: `${workload.kind}/${workload.name}` };
}
