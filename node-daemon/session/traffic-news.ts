/**
 * What one session has to tell of requests: of all workloads first, then of those for which something changes, at once and after that
 * once a second at most. Only names wait here, bounded by the workloads that the gateway knows; figures are read when they are told.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import type { TrafficBatch } from "../../proto/gen/wherry/v1/TrafficBatch.ts";
import { batchItemsMax } from "../../proto/node-service.ts";
import { trafficIntervalMs } from "../core/limits.ts";

export interface WorkloadTraffic {
  readonly uid: string;
  /** Since the daemon began, whatever became of them. */
  readonly arrived: number;
  readonly inFlight: number;
  readonly queued: number;
}

/** What the gateways of the node have counted. */
export interface TrafficSource {
  uids(): readonly string[];
  /** undefined: nobody routes to it any more. */
  trafficOf(uid: string): WorkloadTraffic | undefined;
  /** One listener: the session that there is. */
  onTraffic(listener: (uid: string) => void): void;
}

export const noTraffic: TrafficSource = { uids: () => [], trafficOf: () => undefined, onTraffic: () => {} };

export class TrafficNews {
  readonly #source: TrafficSource;
  readonly #clock: Clock;
  readonly #due: () => void;
  readonly #changed = new Set<string>();
  /** Told next. */
  readonly #waiting: Set<string>;
  /** Runs for a second after something was told. */
  #pause: Timer | undefined;

  /** `due`: there is something to take. */
  constructor(source: TrafficSource, clock: Clock, due: () => void) {
    this.#source = source;
    this.#clock = clock;
    this.#due = due;
    this.#waiting = new Set(source.uids());
    source.onTraffic((uid) => {
      this.#changed.add(uid);
      if (this.#pause === undefined) this.#begin();
    });
  }

  /** The next message; undefined: nothing is to be told now. */
  take(): TrafficBatch | undefined {
    if (this.#waiting.size === 0) return undefined;
    const workloads: WorkloadTraffic[] = [];
    for (const uid of this.#waiting) {
      if (workloads.length >= batchItemsMax) break;
      this.#waiting.delete(uid);
      // To which nobody routes any more, nothing is under way.
      workloads.push(this.#source.trafficOf(uid) ?? { uid, arrived: 0, inFlight: 0, queued: 0 });
    }
    return { workloads };
  }

  close(): void {
    this.#pause?.cancel();
    this.#source.onTraffic(() => {});
  }

  #begin(): void {
    for (const uid of this.#changed) this.#waiting.add(uid);
    this.#changed.clear();
    this.#pause = this.#clock.setTimer(trafficIntervalMs, () => {
      this.#pause = undefined;
      if (this.#changed.size > 0) this.#begin();
    });
    this.#due();
  }
}
