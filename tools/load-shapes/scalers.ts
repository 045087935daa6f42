/** Autoscalers with all that lies between the requests and their decision. */
import type { AutoscalerMetric, WasmAutoscalerSpec } from "../../api/gen/kinds.gen.ts";
import {
  AutoscalerLife,
  instances as runningInstances,
} from "../../scheduler/core/autoscaling/testing/autoscalers.ts";
import { TrafficBook } from "../../scheduler/core/cluster-state/traffic-book.ts";
import { defaultRules, Hpa, syncMs, type HpaRules } from "./hpa.ts";
import type { Replicas, Scaler } from "./workload-model.ts";

export const perSecond = (average: number): AutoscalerMetric => ({
  type: "Requests",
  requests: { metric: "perSecond", target: { type: "AverageValue", averageValue: `${average * 1_000}m` } },
});

const uid = "web";
const node = "node";

/**
 * Wherry's: `decide` and the book of traffic as they are. A gateway tells its daemon once a second what
 * arrived, and that the scheduler, which looks once a second: so what it looks at ends a second ago.
 */
export class OwnScaler implements Scaler {
  readonly #life: AutoscalerLife;
  readonly #book = new TrafficBook({ isKnown: () => true, changed: () => {} });
  #arrived = 0;
  #arrivedAtGateway = 0;

  constructor(perInstance: number, replicas: number, behavior: WasmAutoscalerSpec["behavior"] = {}) {
    const metrics = [perSecond(perInstance)];
    this.#life = new AutoscalerLife({ metrics, behavior, maxReplicas: defaultRules.max }, replicas);
    this.#book.connected(node, "boot", 0);
    this.#book.toldAll(node);
  }

  tick(nowMs: number, arrived: number, { asked, ready }: Replicas): number {
    this.#arrived += arrived;
    if (nowMs % 1_000 !== 0) return asked;
    const sample = { uid, arrived: Math.round(this.#arrivedAtGateway), inFlight: 0, queued: 0 };
    this.#book.take(node, [sample], nowMs);
    this.#arrivedAtGateway = this.#arrived;
    const { arrivedPerSecond = 0, isAtLeast = false } = this.#book.figures(uid, nowMs) ?? {};
    if (this.#life.instances?.length !== ready) this.#life.instances = runningInstances(ready);
    return this.#life.look(1, { kind: "value", value: arrivedPerSecond, isAtLeast, atMs: nowMs });
  }
}

/** How fresh what the HPA looks at is. */
export interface Pipeline {
  /** A sample is the mean of so long. */
  readonly sampleMs: number;
  /** And there is a new one so often. */
  readonly everyMs: number;
}

/** When within fifteen seconds it looks, and when the samples are made. */
export interface Phase {
  readonly syncAtMs: number;
  readonly sampleAtMs: number;
}

export class HpaScaler implements Scaler {
  readonly #hpa: Hpa;
  readonly #perInstance: number;
  readonly #pipeline: Pipeline;
  readonly #phase: Phase;
  readonly #window: number[] = [];
  #sum = 0;
  #value: number | undefined;

  constructor(perInstance: number, rules: HpaRules, pipeline: Pipeline, phase: Phase) {
    this.#hpa = new Hpa(rules);
    this.#perInstance = perInstance;
    this.#pipeline = pipeline;
    this.#phase = phase;
  }

  tick(nowMs: number, arrived: number, { asked }: Replicas): number {
    const { sampleMs, everyMs } = this.#pipeline;
    this.#window.push(arrived);
    this.#sum += arrived;
    if (this.#window.length > sampleMs / 100) this.#sum -= this.#window.shift() ?? 0;
    const isWhole = this.#window.length === sampleMs / 100;
    if (isWhole && nowMs % everyMs === this.#phase.sampleAtMs % everyMs)
      this.#value = (this.#sum * 1_000) / sampleMs;
    if (nowMs % syncMs !== this.#phase.syncAtMs) return asked;
    return this.#hpa.sync(nowMs, asked, this.#value, this.#perInstance);
  }
}
