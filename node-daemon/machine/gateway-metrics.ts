/** What the gateways of the node have counted, for Prometheus: by workload, as everything else would have no bound. */
import { Histogram, type MetricObjectWithValues, type MetricValueWithName } from "prom-client";
import { durationBoundsMs, type GatewayWorkload } from "../gateway/control.ts";
import type { SummedFigures } from "../serving/figures.ts";
import type { ServedWorkload } from "../serving/node-serving.ts";
import type { Definition, Labels, Sample } from "./metric-definition.ts";
import { type NamedWorkloads, otherLabels, OtherTotals } from "./named-workloads.ts";

/** Of one workload, or of all that have no name. */
export interface GatewayRow {
  readonly labels: Labels;
  readonly figures: SummedFigures;
  /** Anything at all. */
  readonly isCounted: boolean;
}

/** What the gateways of the node say. */
export interface GatewayCounts {
  /** Of each workload of which something was counted. */
  figures(): readonly ServedWorkload[];
  /** Those that they were told of, and have counted nothing of: a rate needs the 0 that a counter begins at. */
  uncounted(): readonly string[];
  workload(uid: string): GatewayWorkload | undefined;
}

type Rows = () => readonly GatewayRow[];

const labels = ["namespace", "workload"] as const;
const codes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Sums up those without a name, once for each page. */
export class GatewayRows {
  readonly #names: NamedWorkloads;
  readonly #others = new OtherTotals();

  constructor(names: NamedWorkloads) {
    this.#names = names;
  }

  of(counts: GatewayCounts): readonly GatewayRow[] {
    const counted = this.#counted(counts.figures());
    const rows = counts.uncounted().flatMap((uid): GatewayRow[] => {
      const workload = this.#names.lend(uid) ? counts.workload(uid) : undefined;
      return workload ? [{ labels: labelsOf(workload), figures: nothing, isCounted: false }] : [];
    });
    return [...counted, ...rows];
  }

  #counted(served: readonly ServedWorkload[]): readonly GatewayRow[] {
    const rows: GatewayRow[] = [];
    const now = { inFlight: 0, waiting: 0, queued: 0 };
    let hasOther = false;
    for (const { workload, figures } of served) {
      const { uid } = workload;
      if (this.#names.has(uid)) {
        rows.push({ labels: labelsOf(workload), figures, isCounted: true });
        continue;
      }
      hasOther = true;
      this.#others.add(uid, countersOf(figures));
      now.inFlight += figures.inFlight;
      now.waiting += figures.waiting;
      now.queued += figures.queued;
    }
    const totals = this.#others.take();
    if (!hasOther && totals.length === 0) return rows;
    return [...rows, { labels: otherLabels, figures: { ...figuresOf(totals), ...now }, isCounted: true }];
  }
}

function labelsOf({ namespace, kind, name }: GatewayWorkload): Labels {
  return { namespace, workload: `${kind}/${name}` };
}

function countersOf(figures: SummedFigures): readonly number[] {
  const { arrived, retries, wakeUps, wakeUpSumMs, durationSumMs, requests, durations } = figures;
  return [
    arrived,
    retries,
    wakeUps,
    wakeUpSumMs,
    durationSumMs,
    ...codes.map((code) => requests[code]),
    ...durations,
  ];
}

/** What {@link countersOf} has made a list of. */
function figuresOf(counters: readonly number[]): Omit<SummedFigures, "inFlight" | "waiting" | "queued"> {
  const [arrived = 0, retries = 0, wakeUps = 0, wakeUpSumMs = 0, durationSumMs = 0, ...rest] = counters;
  const [c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, ...durations] = rest;
  const requests = { "1xx": c1, "2xx": c2, "3xx": c3, "4xx": c4, "5xx": c5 };
  return { uid: "", arrived, retries, wakeUps, wakeUpSumMs, durationSumMs, requests, durations };
}

const nothing: SummedFigures = { ...figuresOf([]), inFlight: 0, waiting: 0, queued: 0 };

export function gatewayMetrics(rows: Rows): readonly Definition[] {
  const samples = (valueOf: (figures: SummedFigures) => number) => () =>
    rows().map((row): Sample => [row.labels, valueOf(row.figures)]);
  return [
    {
      kind: "counter",
      name: "wherry_gateway_requests_arrived_total",
      help: "Requests that clients have sent to the gateway of the node, whatever became of them; also those that other nodes answer",
      labels,
      samples: samples(({ arrived }) => arrived),
    },
    {
      kind: "counter",
      name: "wherry_gateway_requests_total",
      help: "Requests that the gateway of the node has answered, by the first digit of the status",
      labels: [...labels, "code"],
      samples: () =>
        rows().flatMap((row) =>
          codes.map((code): Sample => [{ ...row.labels, code }, row.figures.requests[code]]),
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
      kind: "gauge",
      name: "wherry_gateway_requests_queued",
      help: "Requests that no instance works on: held, or with an instance of this node that works on as many as it can",
      labels,
      samples: samples(({ queued }) => queued),
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

/**
 * Counted by the gateways, in their buckets: most of the page. Of what nobody has asked for there are none, as a quantile of nothing
 * is no number.
 */
export class RequestDurations extends Histogram {
  readonly #rows: Rows;

  constructor(rows: Rows) {
    super({
      name: "wherry_gateway_request_duration_seconds",
      help: "From the arrival of a request at the gateway to the end of its answer; of a WebSocket, to its beginning",
      labelNames: labels,
      buckets: durationBoundsMs.map((ms) => ms / 1000),
      registers: [],
    });
    this.#rows = rows;
  }

  override get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    const values = this.#rows()
      .filter(({ isCounted }) => isCounted)
      .flatMap(valuesOf);
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

function valuesOf({ labels: of, figures }: GatewayRow): readonly MetricValueWithName<string>[] {
  const { durations, durationSumMs } = figures;
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
