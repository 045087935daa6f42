/**
 * Tells gateways what they have to know: everything when their node's session begins, then what changes.
 *
 *   change ─▶ log of versions ─(end of the turn)─▶ pass: each gateway, what is new since its version ─▶ session.updateGateway
 *   registered ─▶ owed everything ──────────────┘
 *
 * What is told is looked up when a gateway's turn comes, so it gets the newest, and all that has changed since in one message. A
 * few gateways are told at the end of the turn in which something changes. Where there are thousands a pass goes on in slices with rests
 * between them, so that it takes a tenth of the time and no more than a network carries; gateways at which requests wait
 * for a workload that has just become ready come first.
 *
 * After a change of leader nobody knows how many instances are ready until all nodes have reported: until then (`open`) gateways
 * keep what the leader before has told them, and get only what changes.
 *
 * Invariants: versions only grow; a gateway that has a version knows everything up to it; what is gone is forgotten once all know.
 */
import type { Clock, Timer } from "../../../kit/clock.ts";
import type { ChangeLog } from "../../core/routes/change-log.ts";
import type { GatewayUpdate, NodeSession } from "../../nodes/node-port.ts";

export interface GatewayFeedsOptions {
  readonly clock: Clock;
  readonly log: ChangeLog;
  readonly session: (nodeName: string) => NodeSession | undefined;
  /** What this node's gateway has to know: all of it, or what is new after a version. undefined: nothing. */
  readonly updateFor: (nodeName: string, since: number | undefined) => GatewayUpdate | undefined;
  /** All gateways know everything up to this version. */
  readonly told: (version: number) => void;
  /** More is to be told: `run` is to be called. */
  readonly again: () => void;
}

export const gatewayFeedLimits = {
  /** In one go: some milliseconds where little is new. */
  sliceNodes: 200,
  sliceBytes: 4 * 1024 * 1024,
  /** Ten times what a visit takes. */
  restMsPerVisit: 0.25,
  /** What a network of 1 Gbit/s carries well. */
  bytesPerMs: 80_000,
  /** Shorter rests are none. */
  restMsMin: 5,
} as const;

interface Receiver {
  version: number;
  /** It has not been told everything in this session. */
  isOwedAll: boolean;
}

interface Work {
  readonly visits: number;
  readonly bytes: number;
}

export class GatewayFeeds {
  readonly #options: GatewayFeedsOptions;
  readonly #receivers = new Map<string, Receiver>();
  /** Told at once, whatever the pace. */
  readonly #urgent = new Set<string>();
  /** To be told everything. */
  readonly #fresh = new Set<string>();
  /** Of the pass that goes on; the next one last. */
  #queue: string[] = [];
  /** The version that all have when the pass is over. */
  #target = 0;
  #rest: Timer | undefined;
  #isOpen = false;
  #closed = false;

  constructor(options: GatewayFeedsOptions) {
    this.#options = options;
  }

  /** The instances of all nodes are known, or will not be known soon: gateways may be told everything. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    for (const name of this.#receivers.keys()) this.#fresh.add(name);
    this.#options.again();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The session of a node with a gateway has begun. */
  registered(nodeName: string): void {
    this.#receivers.set(nodeName, { version: this.#options.log.version, isOwedAll: true });
    if (!this.#isOpen) return;
    this.#fresh.add(nodeName);
    this.#options.again();
  }

  /** Its session is over, or it has no gateway. */
  gone(nodeName: string): void {
    this.#receivers.delete(nodeName);
    this.#urgent.delete(nodeName);
    this.#fresh.delete(nodeName);
  }

  /** Requests wait there: it is told what is new before others. */
  hurry(nodeNames: Iterable<string>): void {
    for (const name of nodeNames) if (this.#receivers.has(name)) this.#urgent.add(name);
  }

  /** Tells as many as one go allows. */
  run(): void {
    if (this.#closed) return;
    let work = this.#visitAll(() => takeFirst(this.#urgent));
    if (this.#rest !== undefined) return;
    this.#begin();
    const { sliceNodes, sliceBytes } = gatewayFeedLimits;
    work = this.#visitAll(
      ({ visits, bytes }) =>
        visits < sliceNodes && bytes < sliceBytes ? (takeFirst(this.#fresh) ?? this.#queue.pop()) : undefined,
      work,
    );
    if (this.#queue.length === 0) this.#options.told(this.#target);
    this.#pause(work);
  }

  close(): void {
    this.#closed = true;
    this.#rest?.cancel();
  }

  #begin(): void {
    if (this.#queue.length > 0 || this.#target === this.#options.log.version) return;
    this.#target = this.#options.log.version;
    this.#queue = [...this.#receivers.keys()].toReversed();
  }

  #isDue(): boolean {
    return this.#fresh.size > 0 || this.#queue.length > 0 || this.#target !== this.#options.log.version;
  }

  #visitAll(next: (work: Work) => string | undefined, before: Work = { visits: 0, bytes: 0 }): Work {
    let work = before;
    for (let name = next(work); name !== undefined; name = next(work))
      work = { visits: work.visits + 1, bytes: work.bytes + this.#visit(name) };
    return work;
  }

  #visit(name: string): number {
    const receiver = this.#receivers.get(name);
    const session = this.#options.session(name);
    if (session === undefined) this.gone(name);
    if (receiver === undefined || session === undefined) return 0;
    const isAll = receiver.isOwedAll && this.#isOpen;
    const { version } = this.#options.log;
    if (!isAll && receiver.version === version) return 0;
    const update = this.#options.updateFor(name, isAll ? undefined : receiver.version);
    receiver.version = version;
    if (isAll) receiver.isOwedAll = false;
    return update === undefined ? 0 : session.updateGateway(update);
  }

  #pause({ visits, bytes }: Work): void {
    const { restMsPerVisit, bytesPerMs, restMsMin } = gatewayFeedLimits;
    const restMs = Math.max(visits * restMsPerVisit, bytes / bytesPerMs);
    if (restMs < restMsMin) {
      if (this.#isDue()) this.#options.again();
      return;
    }
    this.#rest = this.#options.clock.setTimer(restMs, () => {
      this.#rest = undefined;
      if (this.#isDue()) this.#options.again();
    });
  }
}

function takeFirst(names: Set<string>): string | undefined {
  const [first] = names;
  if (first !== undefined) names.delete(first);
  return first;
}
