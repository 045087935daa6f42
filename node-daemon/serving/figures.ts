/**
 * What the gateways of the node have counted: of all processes together, also of those that are gone, so that a counter never falls.
 *
 * A gateway may have begun long before this daemon. For Prometheus its counters go on; for the scheduler, who is told what has arrived
 * since the daemon began, what such a gateway says first is the past.
 */
import type { SaidFigures, WorkloadFigures } from "../gateway/control.ts";
import type { WorkloadTraffic } from "../session/traffic-news.ts";

interface Live {
  readonly workloads: Map<string, WorkloadFigures>;
  /** What it says next is its past. */
  isNew: boolean;
}

export class Figures<G> {
  readonly #live = new Map<G, Live>();
  readonly #past = new Map<string, WorkloadFigures>();
  /** What has arrived before this daemon has heard of it, of those gateways that were there before. */
  readonly #arrivedBefore = new Map<string, number>();
  readonly #hasPast: (gateway: G) => boolean;

  /** `hasPast`: whether it was started by another daemon. */
  constructor(hasPast: (gateway: G) => boolean) {
    this.#hasPast = hasPast;
  }

  /** Since that gateway began. */
  note(gateway: G, workloads: readonly WorkloadFigures[]): void {
    let live = this.#live.get(gateway);
    if (live === undefined) {
      live = { workloads: new Map(), isNew: this.#hasPast(gateway) };
      this.#live.set(gateway, live);
    }
    for (const figures of workloads) {
      live.workloads.set(figures.uid, figures);
      if (!live.isNew) continue;
      const { uid, arrived } = figures;
      this.#arrivedBefore.set(uid, (this.#arrivedBefore.get(uid) ?? 0) + arrived);
    }
    live.isNew = false;
  }

  /** Answers for which workloads it had counted. */
  died(gateway: G): readonly string[] {
    const workloads = this.#live.get(gateway)?.workloads ?? new Map<string, WorkloadFigures>();
    for (const [uid, figures] of workloads) {
      // Nothing is under way there any more.
      this.#past.set(uid, sumOf(this.#past.get(uid), { ...figures, inFlight: 0, waiting: 0, queued: 0 }));
    }
    this.#live.delete(gateway);
    return [...workloads.keys()];
  }

  /** A workload that nobody routes to any more has no series. */
  forget(uid: string): void {
    this.#past.delete(uid);
    this.#arrivedBefore.delete(uid);
    for (const { workloads } of this.#live.values()) workloads.delete(uid);
  }

  has(uid: string): boolean {
    return this.#past.has(uid) || [...this.#live.values()].some(({ workloads }) => workloads.has(uid));
  }

  all(): readonly WorkloadFigures[] {
    const sums = new Map(this.#past);
    for (const { workloads } of this.#live.values()) {
      for (const [uid, figures] of workloads) sums.set(uid, sumOf(sums.get(uid), figures));
    }
    return [...sums.values()];
  }

  /** Of one workload, as the scheduler is told; undefined: there is none. */
  traffic(uid: string): WorkloadTraffic | undefined {
    let sum = this.#past.get(uid);
    for (const { workloads } of this.#live.values()) {
      const figures = workloads.get(uid);
      if (figures !== undefined) sum = sumOf(sum, figures);
    }
    if (sum === undefined) return undefined;
    const arrived = Math.max(0, sum.arrived - (this.#arrivedBefore.get(uid) ?? 0));
    return { uid, arrived, inFlight: sum.inFlight, queued: sum.queued };
  }
}

const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** A gateway of another version does not say all of it. */
export function wholeFigures(said: SaidFigures): WorkloadFigures {
  const { arrived, queued, requests, inFlight, waiting } = said;
  const answered = () => classes.reduce((sum, one) => sum + requests[one], 0);
  return { ...said, arrived: arrived ?? answered() + inFlight, queued: queued ?? waiting };
}

function sumOf(before: WorkloadFigures | undefined, figures: WorkloadFigures): WorkloadFigures {
  if (!before) return figures;
  const requests = { ...before.requests };
  for (const one of classes) requests[one] += figures.requests[one];
  const length = Math.max(before.durations.length, figures.durations.length);
  return {
    uid: figures.uid,
    arrived: before.arrived + figures.arrived,
    inFlight: before.inFlight + figures.inFlight,
    waiting: before.waiting + figures.waiting,
    queued: before.queued + figures.queued,
    requests,
    durations: Array.from({ length }, (_, i) => (before.durations[i] ?? 0) + (figures.durations[i] ?? 0)),
    durationSumMs: before.durationSumMs + figures.durationSumMs,
    wakeUps: before.wakeUps + figures.wakeUps,
    wakeUpSumMs: before.wakeUpSumMs + figures.wakeUpSumMs,
    retries: before.retries + figures.retries,
  };
}
