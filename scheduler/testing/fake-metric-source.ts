import type { AutoscalerMetric } from "../../api/gen/kinds.gen.ts";
import type { MetricOwner, MetricSource, MetricWatch } from "../autoscaling/metric-source.ts";
import type { Reading } from "../core/autoscaling/reading.ts";

interface Watcher {
  readonly metric: AutoscalerMetric;
  readonly owner: MetricOwner;
  readonly changed: () => void;
}

/** Says what it is told to say. */
export class FakeMetricSource implements MetricSource {
  readonly watchers = new Set<Watcher>();
  /** By autoscaler, or by `autoscaler text` where one has several: text is part of the metric as JSON. */
  readonly #readings = new Map<string, Reading>();

  watch(metric: AutoscalerMetric, owner: MetricOwner, changed: () => void): MetricWatch {
    const watcher = { metric, owner, changed };
    this.watchers.add(watcher);
    return {
      read: () => this.#reading(watcher),
      close: () => void this.watchers.delete(watcher),
    };
  }

  say(autoscaler: string, reading: Reading, text = ""): void {
    this.#readings.set(`${autoscaler} ${text}`, reading);
    for (const { metric, owner, changed } of this.watchers)
      if (owner.autoscaler === autoscaler && JSON.stringify(metric).includes(text)) changed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.watchers.clear();
    return Promise.resolve();
  }

  #reading({ metric, owner }: Watcher): Reading {
    const text = JSON.stringify(metric);
    for (const [key, reading] of this.#readings) {
      const [autoscaler, part = ""] = key.split(" ");
      if (autoscaler === owner.autoscaler && text.includes(part)) return reading;
    }
    return { kind: "unknown", reason: "Pending", message: "nothing was said" };
  }
}
