/**
 * A Prometheus that is away at the peak and comes back empty. Everybody asks `sum(rate(requests_total[2m]))` every fifteen seconds. While it
 * is away there is no answer, and just after that the rate says too little: of two minutes it has seen the last few seconds.
 */
import type { Reading } from "../../scheduler/core/autoscaling/reading.ts";
import {
  AutoscalerLife,
  instances as runningInstances,
} from "../../scheduler/core/autoscaling/testing/autoscalers.ts";
import { defaultRules, Hpa, syncMs } from "./hpa.ts";
import { firstReplicas, live, type Life, type Replicas, type Scaler } from "./workload-model.ts";

const minute = 60;
const rangeMs = 120_000;
const perInstance = 100;

export const outage = { fromSecond: 20 * minute, toSecond: 32 * minute } as const;

export const outageShape = {
  perInstance,
  arrivals: Array.from({ length: 75 * minute }, (_, second) =>
    second >= 10 * minute && second < 50 * minute ? 2_040 : 310,
  ),
};

/** The query's answers. */
class Query {
  readonly #arrived: number[] = [];
  #value: number | undefined;

  /** Each tenth of a second. undefined: no answer. */
  at(nowMs: number, arrived: number): number | undefined {
    this.#arrived.push(arrived);
    if (nowMs % syncMs !== 0) return this.#value;
    const isAway = nowMs > outage.fromSecond * 1_000 && nowMs <= outage.toSecond * 1_000;
    const seenMs = nowMs > outage.toSecond * 1_000 ? nowMs - outage.toSecond * 1_000 : nowMs;
    const seen = this.#arrived.slice(-Math.min(seenMs, rangeMs) / 100);
    const isFresh = nowMs < rangeMs;
    const sum = seen.reduce((all, one) => all + one, 0);
    this.#value = isAway ? undefined : (sum * 1_000) / (isFresh ? nowMs : rangeMs);
    return this.#value;
  }
}

class OwnWithQuery implements Scaler {
  readonly #query = new Query();
  readonly #life: AutoscalerLife;

  constructor(replicas: number) {
    const query = {
      serverURL: "http://prometheus:9090",
      query: "sum(rate(requests_total[2m]))",
      target: { type: "AverageValue", averageValue: perInstance },
      intervalSeconds: 15,
      timeoutSeconds: 5,
      staleAfterSeconds: 60,
    } as const;
    this.#life = new AutoscalerLife(
      { metrics: [{ type: "Prometheus", prometheus: query }], maxReplicas: defaultRules.max },
      replicas,
    );
  }

  tick(nowMs: number, arrived: number, { asked, ready }: Replicas): number {
    const value = this.#query.at(nowMs, arrived);
    if (nowMs % syncMs !== 0) return asked;
    if (this.#life.instances?.length !== ready) this.#life.instances = runningInstances(ready);
    const reading: Reading =
      value === undefined
        ? { kind: "unknown", reason: "Unreachable", message: "no answer" }
        : { kind: "value", value, isAtLeast: false, atMs: nowMs, rangeMs };
    return this.#life.look(syncMs / 1_000, reading);
  }
}

class HpaWithQuery implements Scaler {
  readonly #query = new Query();
  readonly #hpa = new Hpa(defaultRules);
  readonly #withoutData: number | undefined;

  /** `withoutData`: what no answer is taken for. */
  constructor(withoutData: number | undefined) {
    this.#withoutData = withoutData;
  }

  tick(nowMs: number, arrived: number, { asked }: Replicas): number {
    const value = this.#query.at(nowMs, arrived);
    if (nowMs % syncMs !== 0) return asked;
    return this.#hpa.sync(nowMs, asked, value ?? this.#withoutData, perInstance);
  }
}

export interface OutageLives {
  readonly wherry: Life;
  readonly hpa: Life;
  /** No answer is taken for zero. */
  readonly naive: Life;
}

/** All with starts as fast as ours. */
export function liveThroughOutage(): OutageLives {
  const options = { ...outageShape, startMs: 100 };
  return {
    wherry: live(options, new OwnWithQuery(firstReplicas(outageShape))),
    hpa: live(options, new HpaWithQuery(undefined)),
    naive: live(options, new HpaWithQuery(0)),
  };
}
