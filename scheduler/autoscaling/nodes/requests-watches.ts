import type { Clock, Timer } from "../../../kit/clock.ts";
import { assertNever } from "../../../kit/errors.ts";
import type { TrafficFigures } from "../../core/cluster-state/traffic-book.ts";
import type { Reading } from "../../core/autoscaling/reading.ts";
import type { MetricOwner, MetricWatch } from "../metric-source.ts";
import type { NodeFigures } from "./node-figures.ts";

export type RequestsMetric = "perSecond" | "inFlight" | "queueLength";

interface Settling {
  /** Averages go on changing for so long after something was told. */
  untilMs: number;
  dueMs: number;
}

const tickMs = 1_000;
/** The window of the averages, and a tick. */
const settleMs = 13_000;
/** While sums are "at least": somebody may be forgotten, or be believed, without a word. */
const partialMs = 15_000;

/** Watches of workloads' requests. */
export class RequestsWatches {
  readonly #figures: NodeFigures;
  readonly #clock: Clock;
  readonly #watches = new Map<string, Set<() => void>>();
  /** Workloads that are watched and of which something changes. */
  readonly #settling = new Map<string, Settling>();
  #timer: Timer | undefined;

  constructor(figures: NodeFigures, clock: Clock) {
    this.#figures = figures;
    this.#clock = clock;
  }

  watch(metric: RequestsMetric, { targetUid }: MetricOwner, changed: () => void): MetricWatch {
    if (targetUid === undefined) return { read: () => noTarget, close: () => {} };
    // One for each watch, though several may be given the same.
    const listener = () => changed();
    const listeners = this.#watches.get(targetUid) ?? new Set();
    this.#watches.set(targetUid, listeners.add(listener));
    this.#settle(targetUid);
    return {
      read: () => this.#read(metric, targetUid),
      close: () => {
        listeners.delete(listener);
        if (listeners.size > 0 || this.#watches.get(targetUid) !== listeners) return;
        this.#watches.delete(targetUid);
        this.#settling.delete(targetUid);
      },
    };
  }

  told(uid: string): void {
    if (this.#watches.has(uid)) this.#settle(uid);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watches.clear();
    this.#settling.clear();
  }

  #read(metric: RequestsMetric, uid: string): Reading {
    if (!this.#figures.isServing(uid)) return noWorkload;
    const traffic = this.#figures.trafficOf(uid, this.#clock.monotonic()) ?? noTraffic;
    const { isAtLeast, isActive } = traffic;
    return { kind: "value", value: valueOf(metric, traffic), isAtLeast, isActive, atMs: this.#clock.now() };
  }

  #settle(uid: string): void {
    const nowMs = this.#clock.monotonic();
    const known = this.#settling.get(uid);
    if (known === undefined) this.#settling.set(uid, { untilMs: nowMs + settleMs, dueMs: nowMs + tickMs });
    else {
      known.untilMs = nowMs + settleMs;
      known.dueMs = Math.min(known.dueMs, nowMs + tickMs);
    }
    this.#timer ??= this.#clock.setTimer(tickMs, () => this.#tick());
  }

  #tick(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (const [uid, settling] of this.#settling) {
      if (settling.dueMs > nowMs) continue;
      settling.dueMs = nowMs + tickMs;
      for (const changed of this.#watches.get(uid) ?? []) changed();
      if (nowMs < settling.untilMs) continue;
      if (this.#figures.trafficOf(uid, nowMs)?.isAtLeast === true) settling.dueMs = nowMs + partialMs;
      else this.#settling.delete(uid);
    }
    if (this.#settling.size > 0) this.#timer ??= this.#clock.setTimer(tickMs, () => this.#tick());
  }
}

const noTarget: Reading = {
  kind: "unknown",
  reason: "Pending",
  message: "there is nothing yet whose requests could be counted",
};

const noWorkload: Reading = {
  kind: "unknown",
  reason: "NoData",
  message:
    "gateways count requests for WasmDeployments and WasmDaemonSets; for what is scaled here use a metric of type Prometheus",
};

const noTraffic: TrafficFigures = {
  arrivedPerSecond: 0,
  inFlight: 0,
  queued: 0,
  inFlightMean: 0,
  queuedMean: 0,
  isAtLeast: false,
  isActive: false,
};

function valueOf(metric: RequestsMetric, figures: TrafficFigures): number {
  switch (metric) {
    case "perSecond":
      return figures.arrivedPerSecond;
    case "inFlight":
      return figures.inFlightMean;
    case "queueLength":
      return figures.queuedMean;
    default:
      return assertNever(metric, "metric of requests");
  }
}
