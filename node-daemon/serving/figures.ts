/**
 * What the gateways of the node have counted: of all processes together, also of those that are gone, so that a counter never falls.
 */
import type { ConnectionFigures, WorkloadFigures } from "../gateway/control.ts";

export class Figures<G> {
  readonly #live = new Map<G, Map<string, WorkloadFigures>>();
  readonly #past = new Map<string, WorkloadFigures>();
  readonly #connections = new Map<G, ConnectionFigures>();
  #pastConnections: ConnectionFigures = { open: 0, refused: { perClient: 0, inAll: 0 } };

  /** Since that gateway began. */
  note(gateway: G, workloads: readonly WorkloadFigures[]): void {
    const known = this.#live.get(gateway) ?? new Map<string, WorkloadFigures>();
    this.#live.set(gateway, known);
    for (const figures of workloads) known.set(figures.uid, figures);
  }

  noteConnections(gateway: G, connections: ConnectionFigures): void {
    this.#connections.set(gateway, connections);
  }

  /** Of all gateways together. */
  connections(): ConnectionFigures {
    return [...this.#connections.values()].reduce(joined, this.#pastConnections);
  }

  died(gateway: G): void {
    const connections = this.#connections.get(gateway);
    if (connections) this.#pastConnections = joined(this.#pastConnections, { ...connections, open: 0 });
    this.#connections.delete(gateway);
    for (const [uid, figures] of this.#live.get(gateway) ?? []) {
      // Nothing is under way there any more.
      this.#past.set(uid, sumOf(this.#past.get(uid), { ...figures, inFlight: 0, waiting: 0 }));
    }
    this.#live.delete(gateway);
  }

  /** A workload that nobody routes to any more has no series. */
  forget(uid: string): void {
    this.#past.delete(uid);
    for (const known of this.#live.values()) known.delete(uid);
  }

  all(): readonly WorkloadFigures[] {
    const sums = new Map(this.#past);
    for (const known of this.#live.values()) {
      for (const [uid, figures] of known) sums.set(uid, sumOf(sums.get(uid), figures));
    }
    return [...sums.values()];
  }
}

function joined(a: ConnectionFigures, b: ConnectionFigures): ConnectionFigures {
  const { perClient, inAll } = a.refused;
  return {
    open: a.open + b.open,
    refused: { perClient: perClient + b.refused.perClient, inAll: inAll + b.refused.inAll },
  };
}

const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

function sumOf(before: WorkloadFigures | undefined, figures: WorkloadFigures): WorkloadFigures {
  if (!before) return figures;
  const requests = { ...before.requests };
  for (const one of classes) requests[one] += figures.requests[one];
  const length = Math.max(before.durations.length, figures.durations.length);
  return {
    uid: figures.uid,
    inFlight: before.inFlight + figures.inFlight,
    waiting: before.waiting + figures.waiting,
    requests,
    durations: Array.from({ length }, (_, i) => (before.durations[i] ?? 0) + (figures.durations[i] ?? 0)),
    durationSumMs: before.durationSumMs + figures.durationSumMs,
    wakeUps: before.wakeUps + figures.wakeUps,
    wakeUpSumMs: before.wakeUpSumMs + figures.wakeUpSumMs,
    retries: before.retries + figures.retries,
  };
}
