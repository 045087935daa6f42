import type { HistogramFigures } from "../../kit/plain-histogram.ts";
import { byLabel, type Definition, type Labels, type Sample, single } from "./metric-definition.ts";

/** What is told of one autoscaler. */
export interface ExposedAutoscaler {
  readonly namespace: string;
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** undefined: there is no target. */
  readonly current: number | undefined;
  readonly desired: number | undefined;
  /** How many of its metrics are not known now, by reason. */
  readonly unknown: ReadonlyMap<string, number>;
  readonly isFallback: boolean;
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
}

export interface ExposedAutoscalers {
  list(): Iterable<ExposedAutoscaler>;
  readonly decisionSeconds: HistogramFigures;
  /** Writes of scales, by what became of them. */
  readonly rescales: Readonly<Record<string, number>>;
  readonly statusWrites: number;
}

/** Autoscalers that have series of their own; of the others there are sums. */
export const autoscalersMax = 1_000;

const ofFirst = `of the first ${autoscalersMax} autoscalers`;

/** `autoscalers`: undefined where nothing is scaled. */
export function autoscalerMetrics(autoscalers: () => ExposedAutoscalers | undefined): readonly Definition[] {
  const list = () => autoscalers()?.list() ?? [];
  return [
    ...ownMetrics(list),
    {
      kind: "gauge",
      name: "wherry_autoscalers",
      help: "Autoscalers that are declared and have been looked at.",
      samples: single(() => Array.from(list()).length),
    },
    {
      kind: "gauge",
      name: "wherry_autoscalers_condition",
      help: "How many autoscalers have this status of a condition.",
      samples: () => conditionsOf(list()),
    },
    {
      kind: "histogram",
      name: "wherry_autoscaler_decision_duration_seconds",
      help: "Computing time of one decision of an autoscaler.",
      samples: () => {
        const decisionSeconds = autoscalers()?.decisionSeconds;
        return decisionSeconds === undefined ? [] : [[{}, decisionSeconds]];
      },
    },
    {
      kind: "counter",
      name: "wherry_autoscaler_rescales_total",
      help: "Writes of numbers of replicas, by what became of them.",
      samples: byLabel("result", () => Object.entries(autoscalers()?.rescales ?? {})),
    },
    {
      kind: "counter",
      name: "wherry_autoscaler_status_writes_total",
      help: "Writes of the status of an autoscaler.",
      samples: single(() => autoscalers()?.statusWrites ?? 0),
    },
  ];
}

function ownMetrics(list: () => Iterable<ExposedAutoscaler>): readonly Definition[] {
  const gauge = (
    name: string,
    help: string,
    valueOf: (one: ExposedAutoscaler) => number | undefined,
  ): Definition => ({
    kind: "gauge",
    name,
    help,
    samples: () =>
      first(list()).flatMap((one): readonly Sample[] => {
        const value = valueOf(one);
        return value === undefined ? [] : [[labelsOf(one), value]];
      }),
  });
  return [
    gauge(
      "wherry_autoscaler_replicas_desired",
      `What it wants its target to have; ${ofFirst}.`,
      (one) => one.desired,
    ),
    gauge("wherry_autoscaler_replicas_current", `What its target has; ${ofFirst}.`, (one) => one.current),
    gauge("wherry_autoscaler_replicas_min", `Its minReplicas; ${ofFirst}.`, ({ min }) => min),
    gauge("wherry_autoscaler_replicas_max", `Its maxReplicas; ${ofFirst}.`, ({ max }) => max),
    gauge(
      "wherry_autoscaler_fallback",
      `1 while something of spec.fallback stands in for a metric; ${ofFirst}.`,
      ({ isFallback }) => Number(isFallback),
    ),
    {
      kind: "gauge",
      name: "wherry_autoscaler_metrics_unknown",
      help: `Metrics that are not known now, by why; ${ofFirst}.`,
      samples: () =>
        first(list()).flatMap((one) =>
          Array.from(one.unknown, ([reason, count]): Sample => [{ ...labelsOf(one), reason }, count]),
        ),
    },
  ];
}

function labelsOf({ namespace, name }: ExposedAutoscaler): Labels {
  return { namespace, autoscaler: name };
}

function first(list: Iterable<ExposedAutoscaler>): readonly ExposedAutoscaler[] {
  const own: ExposedAutoscaler[] = [];
  for (const one of list) {
    if (own.length >= autoscalersMax) break;
    own.push(one);
  }
  return own;
}

function conditionsOf(list: Iterable<ExposedAutoscaler>): readonly Sample[] {
  const counts = new Map<string, { readonly labels: Labels; count: number }>();
  for (const { conditions } of list)
    for (const { type, status } of conditions) {
      const key = `${type} ${status}`;
      const known = counts.get(key) ?? { labels: { condition: type, status }, count: 0 };
      known.count++;
      counts.set(key, known);
    }
  return Array.from(counts.values(), ({ labels, count }): Sample => [labels, count]);
}
