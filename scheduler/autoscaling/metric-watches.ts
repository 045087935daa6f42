import { isDeepStrictEqual } from "node:util";
import type { AutoscalerMetric } from "../../api/gen/kinds.gen.ts";
import type { Reading, Unknown } from "../core/autoscaling/reading.ts";
import type { MetricOwner, MetricSource, MetricWatch } from "./metric-source.ts";

export type MetricType = AutoscalerMetric["type"];
export type MetricSources = Readonly<Partial<Record<MetricType, MetricSource>>>;

interface Open {
  readonly metric: AutoscalerMetric;
  readonly watch: MetricWatch;
}

/** The metrics of one autoscaler that are being looked at. */
export class MetricWatches implements Disposable {
  readonly #sources: MetricSources;
  readonly #changed: () => void;
  #owner: MetricOwner | undefined;
  #metrics: readonly Open[] = [];
  #fallback: readonly Open[] = [];

  constructor(sources: MetricSources, changed: () => void) {
    this.#sources = sources;
    this.#changed = changed;
  }

  /** Opens what is new, keeps what is the same and closes the rest. Of another owner everything is new. */
  set(owner: MetricOwner, metrics: readonly AutoscalerMetric[], fallback: readonly AutoscalerMetric[]): void {
    if (this.#owner !== owner) this.close();
    this.#owner = owner;
    const left = new Set([...this.#metrics, ...this.#fallback]);
    const take = (metric: AutoscalerMetric): Open => {
      for (const open of left)
        if (isDeepStrictEqual(open.metric, metric)) {
          left.delete(open);
          return open;
        }
      return this.#open(metric, owner);
    };
    this.#metrics = metrics.map(take);
    this.#fallback = fallback.map(take);
    for (const { watch } of left) watch.close();
  }

  /** Whether those that are open are its. */
  isOf(owner: MetricOwner): boolean {
    return this.#owner === owner;
  }

  readings(): readonly Reading[] {
    return this.#metrics.map(({ watch }) => watch.read());
  }

  fallbackReadings(): readonly Reading[] {
    return this.#fallback.map(({ watch }) => watch.read());
  }

  close(): void {
    for (const { watch } of [...this.#metrics, ...this.#fallback]) watch.close();
    this.#metrics = [];
    this.#fallback = [];
    this.#owner = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(metric: AutoscalerMetric, owner: MetricOwner): Open {
    const source = this.#sources[metric.type];
    return { metric, watch: source?.watch(metric, owner, this.#changed) ?? nothingToRead(metric.type) };
  }
}

function nothingToRead(type: MetricType): MetricWatch {
  const reading: Unknown = {
    kind: "unknown",
    reason: "Forbidden",
    message: `this scheduler reads no metrics of type ${type}`,
  };
  return { read: () => reading, close: () => {} };
}

/**
 * A reading while some node that could have instances or requests has not been heard of since this scheduler began: what is
 * known of whole workloads is a part at best, and of instances it is not even known which there are.
 */
export function whileNodesAreUnknown(reading: Reading): Reading {
  switch (reading.kind) {
    case "value":
      return { ...reading, isAtLeast: true };
    case "perInstance":
      return {
        kind: "unknown",
        reason: "Pending",
        message: "not all nodes have reported since this scheduler began",
      };
    case "unknown":
      return reading;
    default:
      return reading satisfies never;
  }
}
