/** Requests that a hollow node's gateway is pretended to get, for the workloads of which it has instances. */
import type { Clock, Timer } from "../../kit/clock.ts";
import type { TrafficSource, WorkloadTraffic } from "../../node-daemon/session/traffic-news.ts";
import { type HollowLoad, levelAt, workBetween } from "./hollow-load.ts";

export interface HollowTrafficOptions {
  readonly load: HollowLoad;
  /** How many instances run, by the uid of their workload. */
  readonly running: () => ReadonlyMap<string, number>;
  readonly clock: Clock;
}

/** As real gateways tell. */
const tickMs = 1_000;

export class HollowTraffic implements TrafficSource {
  readonly #options: HollowTrafficOptions;
  readonly #arrived = new Map<string, number>();
  readonly #inFlight = new Map<string, number>();
  #lastMs: number;
  #onTraffic: (uid: string) => void = () => {};
  #timer: Timer | undefined;

  constructor(options: HollowTrafficOptions) {
    this.#options = options;
    this.#lastMs = options.clock.now();
    if (options.load.requestsPerSecond > 0) this.#arm();
  }

  uids(): readonly string[] {
    return [...this.#arrived.keys()];
  }

  trafficOf(uid: string): WorkloadTraffic | undefined {
    const arrived = this.#arrived.get(uid);
    if (arrived === undefined) return undefined;
    return { uid, arrived: Math.floor(arrived), inFlight: this.#inFlight.get(uid) ?? 0, queued: 0 };
  }

  onTraffic(listener: (uid: string) => void): void {
    this.#onTraffic = listener;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimer(tickMs, () => {
      this.#tick();
      this.#arm();
    });
  }

  #tick(): void {
    const { load, running, clock } = this.#options;
    const nowMs = clock.now();
    const requests = (load.requestsPerSecond * workBetween(load, this.#lastMs, nowMs)) / 1_000;
    const inFlight = (load.requestsPerSecond * levelAt(load, nowMs) * load.answerMs) / 1_000;
    this.#lastMs = nowMs;
    const now = running();
    // Whose instances are gone has no more requests here, and what has arrived is no news.
    for (const uid of this.#arrived.keys()) if (!now.has(uid)) this.#forget(uid);
    for (const [uid, count] of now) {
      this.#arrived.set(uid, (this.#arrived.get(uid) ?? 0) + count * requests);
      this.#inFlight.set(uid, Math.round(count * inFlight));
      this.#onTraffic(uid);
    }
  }

  #forget(uid: string): void {
    this.#arrived.delete(uid);
    this.#inFlight.delete(uid);
    this.#onTraffic(uid);
  }
}
