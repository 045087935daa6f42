/** What autoscalers' metrics are in a simulated world, the same for every scheduler that asks. */
import type { MetricOwner, MetricSource, MetricWatch } from "../../scheduler/autoscaling/metric-source.ts";
import type { Reading } from "../../scheduler/core/autoscaling/reading.ts";

const usual: Reading = { kind: "value", value: 3, isAtLeast: false, atMs: 0 };

export class Loads {
  readonly #readings = new Map<string, Reading>();
  readonly #listeners = new Map<string, Set<() => void>>();

  of(namespace: string, autoscaler: string): Reading {
    return this.#readings.get(`${namespace}/${autoscaler}`) ?? usual;
  }

  set(namespace: string, autoscaler: string, reading: Reading): void {
    const key = `${namespace}/${autoscaler}`;
    this.#readings.set(key, reading);
    for (const changed of this.#listeners.get(key) ?? []) changed();
  }

  listen(namespace: string, autoscaler: string, changed: () => void): () => void {
    const key = `${namespace}/${autoscaler}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(changed));
    return () => void listeners.delete(changed);
  }
}

/** One scheduler's source: a dead one hears nothing. */
export class LoadSource implements MetricSource {
  readonly #loads: Loads;
  readonly #isAlive: () => boolean;

  constructor(loads: Loads, isAlive: () => boolean) {
    this.#loads = loads;
    this.#isAlive = isAlive;
  }

  watch(_metric: unknown, { namespace, autoscaler }: MetricOwner, changed: () => void): MetricWatch {
    const listener = () => {
      if (this.#isAlive()) changed();
    };
    const close = this.#loads.listen(namespace, autoscaler, listener);
    return { read: () => this.#loads.of(namespace, autoscaler), close };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
