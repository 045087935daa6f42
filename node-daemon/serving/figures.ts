/**
 * What the gateways of the node have counted: of all processes together, also of those that are gone, so that a counter never falls.
 *
 * A gateway may have begun long before this daemon. For Prometheus its counters go on; for the scheduler, who is told what has arrived
 * since the daemon began, what such a gateway says first is the past.
 *
 * What a daemon before has written down of a gateway counts until that speaks itself, which may never be: it can have ended meanwhile.
 *
 * How many requests wait with an instance no process knows: each has sent it a part of them. They are those beyond its concurrency, of what
 * all have there together.
 */
import type { InstanceLoad, SaidFigures, WorkloadFigures } from "../gateway/control.ts";
import type { WorkloadTraffic } from "../session/traffic-news.ts";

/** Of one workload, of all processes together. */
export type SummedFigures = Omit<WorkloadFigures, "instances"> & {
  /** No instance works on them: they are held, or wait with an instance of this node, whoever has sent them there. */
  readonly queued: number;
};

/** What is written down for the next daemon: of each source what it has said last, and under "" what no source says any more. */
export type SavedFigures = Readonly<Record<string, readonly WorkloadFigures[]>>;

const nobody = "";

export interface FiguresOptions<G> {
  /** Whether it was started by another daemon. */
  readonly hasPast: (gateway: G) => boolean;
  /** The same for all daemons. */
  readonly idOf: (gateway: G) => string;
}

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
  readonly #options: FiguresOptions<G>;
  /** By source and workload. */
  readonly #saved = new Map<string, Map<string, WorkloadFigures>>();

  constructor(options: FiguresOptions<G>) {
    this.#options = options;
  }

  /** Before anybody speaks. */
  load(saved: SavedFigures): void {
    for (const [id, workloads] of Object.entries(saved)) {
      this.#saved.set(id, new Map(workloads.map((figures) => [figures.uid, ended(figures)])));
    }
  }

  /** No other source of an earlier daemon will speak. */
  loadedOnly(ids: ReadonlySet<string>): void {
    const gone = [...this.#saved.keys()].filter((id) => !ids.has(id));
    const sums = sumsOf(gone.map((id) => this.#saved.get(id) ?? new Map<string, WorkloadFigures>()));
    for (const id of gone) this.#saved.delete(id);
    if (sums.size > 0) this.#saved.set(nobody, sums);
  }

  /** Of the workloads that there still are. */
  toSave(isKnown: (uid: string) => boolean): SavedFigures {
    const before = this.#saved.get(nobody) ?? new Map<string, WorkloadFigures>();
    const live = Array.from(
      this.#live,
      ([gateway, { workloads }]) => [this.#options.idOf(gateway), workloads] as const,
    );
    const all = new Map([...this.#saved, ...live, [nobody, sumsOf([before, this.#past])] as const]);
    return Object.fromEntries(
      Array.from(all, ([id, workloads]) => [id, [...workloads.values()].filter(({ uid }) => isKnown(uid))]),
    );
  }

  /** Since that gateway began. Answers of which workloads that is news for the scheduler. */
  note(gateway: G, workloads: readonly WorkloadFigures[]): readonly string[] {
    let live = this.#live.get(gateway);
    if (live === undefined) {
      live = { workloads: new Map(), isNew: this.#options.hasPast(gateway) };
      this.#live.set(gateway, live);
      this.#saved.delete(this.#options.idOf(gateway));
    }
    const news: string[] = [];
    for (const figures of workloads) {
      const { uid, arrived } = figures;
      const before = this.traffic(uid);
      live.workloads.set(uid, figures);
      if (live.isNew) this.#arrivedBefore.set(uid, (this.#arrivedBefore.get(uid) ?? 0) + arrived);
      if (!isSame(before, this.traffic(uid))) news.push(uid);
    }
    live.isNew = false;
    return news;
  }

  /** Answers for which workloads it had counted. */
  died(gateway: G): readonly string[] {
    const workloads = this.#live.get(gateway)?.workloads ?? new Map<string, WorkloadFigures>();
    for (const [uid, figures] of workloads) {
      this.#past.set(uid, sumOf(this.#past.get(uid), ended(figures)));
    }
    this.#live.delete(gateway);
    return [...workloads.keys()];
  }

  /** A workload that nobody routes to any more has no series. */
  forget(uid: string): void {
    this.#past.delete(uid);
    this.#arrivedBefore.delete(uid);
    for (const { workloads } of this.#live.values()) workloads.delete(uid);
    for (const workloads of this.#saved.values()) workloads.delete(uid);
  }

  /** Of which workloads anything was counted. */
  uids(): ReadonlySet<string> {
    const uids = new Set(this.#past.keys());
    for (const workloads of this.#saved.values()) for (const uid of workloads.keys()) uids.add(uid);
    for (const { workloads } of this.#live.values()) for (const uid of workloads.keys()) uids.add(uid);
    return uids;
  }

  all(): readonly SummedFigures[] {
    const live = Array.from(this.#live.values(), ({ workloads }) => workloads);
    return Array.from(sumsOf([this.#past, ...this.#saved.values(), ...live]).values(), summed);
  }

  /** Of one workload, as the scheduler is told; undefined: there is none. */
  traffic(uid: string): WorkloadTraffic | undefined {
    const told = [this.#past, ...Array.from(this.#live.values(), ({ workloads }) => workloads)].flatMap(
      (workloads) => workloads.get(uid) ?? [],
    );
    if (told.length === 0) return undefined;
    const sum = { uid, arrived: -(this.#arrivedBefore.get(uid) ?? 0), inFlight: 0, queued: 0 };
    // With each message of each gateway: the rest of the figures is not summed up.
    for (const { arrived, inFlight, waiting } of told) {
      sum.arrived += arrived;
      sum.inFlight += inFlight;
      sum.queued += waiting;
    }
    sum.queued += waitingWith(told.flatMap(({ instances }) => instances));
    return { ...sum, arrived: Math.max(0, sum.arrived) };
  }
}

function summed({ instances, ...counts }: WorkloadFigures): SummedFigures {
  return { ...counts, queued: counts.waiting + waitingWith(instances) };
}

/** Nothing is under way there any more. */
function ended(figures: WorkloadFigures): WorkloadFigures {
  return { ...figures, inFlight: 0, waiting: 0, instances: [] };
}

function sumsOf(parts: readonly ReadonlyMap<string, WorkloadFigures>[]): Map<string, WorkloadFigures> {
  const sums = new Map<string, WorkloadFigures>();
  for (const part of parts) for (const [uid, figures] of part) sums.set(uid, sumOf(sums.get(uid), figures));
  return sums;
}

/** `instances` has one once for each process that has sent it something. */
function waitingWith(instances: readonly InstanceLoad[]): number {
  const sums = new Map<string, number>();
  for (const { uid, inFlight } of instances) sums.set(uid, (sums.get(uid) ?? 0) + inFlight);
  const concurrencies = new Map(instances.map(({ uid, concurrency }) => [uid, concurrency]));
  let waiting = 0;
  for (const [uid, inFlight] of sums) waiting += Math.max(0, inFlight - (concurrencies.get(uid) ?? 0));
  return waiting;
}

function isSame(a: WorkloadTraffic | undefined, b: WorkloadTraffic | undefined): boolean {
  return a?.arrived === b?.arrived && a?.inFlight === b?.inFlight && a?.queued === b?.queued;
}

const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** A gateway of another version does not say all of it. */
export function wholeFigures(said: SaidFigures): WorkloadFigures {
  const { queued, ...figures } = said;
  const { arrived, instances, requests, inFlight, waiting } = figures;
  const answered = () => classes.reduce((sum, one) => sum + requests[one], 0);
  // With which instances those wait that it has sent, it does not say.
  const unnamed = { uid: "", inFlight: (queued ?? waiting) - waiting, concurrency: 0 };
  return { ...figures, arrived: arrived ?? answered() + inFlight, instances: instances ?? [unnamed] };
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
    instances: [...before.instances, ...figures.instances],
    requests,
    durations: Array.from({ length }, (_, i) => (before.durations[i] ?? 0) + (figures.durations[i] ?? 0)),
    durationSumMs: before.durationSumMs + figures.durationSumMs,
    wakeUps: before.wakeUps + figures.wakeUps,
    wakeUpSumMs: before.wakeUpSumMs + figures.wakeUpSumMs,
    retries: before.retries + figures.retries,
  };
}
