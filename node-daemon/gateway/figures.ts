import { durationBoundsMs, type InstanceLoad, type WorkloadFigures } from "./control.ts";
import { gatewayLimits } from "./limits.ts";

/** What is counted of one workload. */
export class Figures {
  arrived = 0;
  inFlight = 0;
  waiting = 0;
  retries = 0;
  wakeUps = 0;
  wakeUpSumMs = 0;
  changed = false;
  readonly #classes = [0, 0, 0, 0, 0, 0];
  readonly #durations = Array.from({ length: durationBoundsMs.length + 1 }, () => 0);
  #durationSumMs = 0;

  /** `status` 0: the client has gone before there was one. */
  noteEnd(status: number, durationMs: number): void {
    const kind = Math.floor(status / 100);
    if (kind > 0 && kind < 6) this.#classes[kind] = (this.#classes[kind] ?? 0) + 1;
    let bucket = 0;
    while (bucket < durationBoundsMs.length && durationMs > (durationBoundsMs[bucket] ?? 0)) bucket++;
    this.#durations[bucket] = (this.#durations[bucket] ?? 0) + 1;
    this.#durationSumMs += durationMs;
    this.changed = true;
  }

  toMessage(uid: string, busy: Iterable<InstanceLoad>): WorkloadFigures {
    const [, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0] = this.#classes;
    return {
      uid,
      arrived: this.arrived,
      inFlight: this.inFlight,
      waiting: this.waiting,
      instances: loadsOf(busy),
      requests: { "1xx": c1, "2xx": c2, "3xx": c3, "4xx": c4, "5xx": c5 },
      durations: [...this.#durations],
      durationSumMs: this.#durationSumMs,
      wakeUps: this.wakeUps,
      wakeUpSumMs: this.wakeUpSumMs,
      retries: this.retries,
    };
  }
}

function loadsOf(busy: Iterable<InstanceLoad>): readonly InstanceLoad[] {
  const loads: InstanceLoad[] = [];
  for (const { uid, inFlight, concurrency } of busy) {
    if (loads.length === gatewayLimits.loadsMax) break;
    loads.push({ uid, inFlight, concurrency });
  }
  return loads;
}
