/**
 * What the gateways of nodes say of requests, put together by workload.
 *
 *   a node ── tells all (session begins) ──▶ heard of ── tells what changes ──▶ … ── session ends ──▶ silent ── lost, five minutes ──▶ forgotten
 *                     ▲                                                                    │
 *                     └────────────────────────── a new session ──────────────────────────┘
 *
 * - A node counts what arrived since the start of its daemon. What it says first of a workload, to a leader that has not heard of
 *   it before, is the past and counts nothing; from then on each growth counts. A counter that falls has begun anew.
 * - Of a silent node nothing is in flight as far as we know, and the sums of the workloads that it has told of are "at least".
 * - Any gateway may get requests for any workload, so a node is believed what it says of those that there are. It can lie about
 *   its own traffic, and changes nothing of what others say.
 *
 * Invariants: a workload's sums are those of its nodes that are heard of; numbers are whole and safe (the edge sees to it), so sums
 * stay exact. O(1) per sample; of a node that comes or goes, as much as it has told of. Bounded by the workloads that there are,
 * times the nodes that have got requests for them.
 */
import { TrafficWindow, windowSpanMs } from "./traffic-window.ts";

export interface TrafficSample {
  /** Of the workload. */
  readonly uid: string;
  readonly arrived: number;
  readonly inFlight: number;
  readonly queued: number;
}

export interface TrafficFigures {
  /** Of arrivals, within ten seconds that ended one second ago. */
  readonly arrivedPerSecond: number;
  /** Begun and not answered, those that wait included; as last told. */
  readonly inFlight: number;
  /** Those of them that no instance works on. */
  readonly queued: number;
  /** The same on average over those ten seconds. */
  readonly inFlightMean: number;
  readonly queuedMean: number;
  /** The true numbers are these or more: a node that had told of it is silent, or has just begun to tell. */
  readonly isAtLeast: boolean;
  /** Something arrived, or was in flight, within that time. */
  readonly isActive: boolean;
}

export interface TrafficBookOptions {
  /** Whether there is such a workload. */
  readonly isKnown: (uid: string) => boolean;
  /** Something else is known of it. Not told: that time passes. */
  readonly changed: (uid: string) => void;
}

interface Teller {
  bootId: string;
  state: "tellingAll" | "heard" | "silent";
  /** When the session began. */
  sinceMs: number;
  readonly uids: Set<string>;
}

interface Told {
  arrived: number;
  inFlight: number;
  queued: number;
  atMs: number;
}

interface Traffic {
  readonly byNode: Map<string, Told>;
  readonly arrivals: TrafficWindow;
  /** Requests times milliseconds. */
  readonly inFlightMs: TrafficWindow;
  readonly queuedMs: TrafficWindow;
  inFlight: number;
  queued: number;
  /** Until when the sums are in the windows. */
  heldMs: number;
  /** Something was under way then. */
  activeMs: number;
  /** Nodes that have told of it and are silent. */
  silent: number;
  wholeFromMs: number;
}

/** A gateway tells its daemon, and that us, once a second each: what has changed has done so since. */
const toldWithinMs = 2_000;
/** A node that is lost may be cut off and serve on; after this it counts for nothing, or a dead machine would hold up others for ever. */
export const lostMemoryMs = 300_000;

export class TrafficBook {
  readonly #options: TrafficBookOptions;
  readonly #tellers = new Map<string, Teller>();
  readonly #workloads = new Map<string, Traffic>();
  /** When they were lost, the first one first. */
  readonly #lost = new Map<string, number>();

  constructor(options: TrafficBookOptions) {
    this.#options = options;
  }

  /** Undefined: nobody has told of it. */
  figures(uid: string, nowMs: number): TrafficFigures | undefined {
    this.#expire(nowMs);
    const traffic = this.#workloads.get(uid);
    if (traffic === undefined) return undefined;
    hold(traffic, nowMs);
    return {
      arrivedPerSecond: traffic.arrivals.perSecond(nowMs),
      inFlight: traffic.inFlight,
      queued: traffic.queued,
      inFlightMean: traffic.inFlightMs.perSecond(nowMs) / 1_000,
      queuedMean: traffic.queuedMs.perSecond(nowMs) / 1_000,
      isAtLeast: traffic.silent > 0 || nowMs < traffic.wholeFromMs,
      isActive: traffic.inFlight > 0 || nowMs - traffic.activeMs < windowSpanMs,
    };
  }

  /** A session begins: the node says everything anew. */
  connected(nodeName: string, bootId: string, nowMs: number): void {
    this.#lost.delete(nodeName);
    const teller = this.#tellers.get(nodeName);
    if (teller === undefined) {
      this.#tellers.set(nodeName, { bootId, state: "tellingAll", sinceMs: nowMs, uids: new Set() });
      return;
    }
    // Of a session before that has not ended: what it has told holds no more.
    this.#silence(nodeName, teller, nowMs);
    if (teller.bootId !== bootId) {
      for (const uid of teller.uids) {
        const told = this.#workloads.get(uid)?.byNode.get(nodeName);
        if (told !== undefined) told.arrived = 0;
      }
    }
    teller.bootId = bootId;
    teller.sinceMs = nowMs;
    this.#unsilence(teller, "tellingAll", nowMs);
  }

  /** It has said everything. */
  toldAll(nodeName: string): void {
    const teller = this.#tellers.get(nodeName);
    if (teller?.state === "tellingAll") teller.state = "heard";
  }

  take(nodeName: string, samples: readonly TrafficSample[], nowMs: number): void {
    const teller = this.#tellers.get(nodeName);
    if (teller === undefined || teller.state === "silent") return;
    for (const sample of samples) this.#take(nodeName, teller, sample, nowMs);
  }

  /** Its session has ended. */
  away(nodeName: string, nowMs: number): void {
    const teller = this.#tellers.get(nodeName);
    if (teller !== undefined) this.#silence(nodeName, teller, nowMs);
  }

  /** It is given up. */
  lost(nodeName: string, nowMs: number): void {
    if (!this.#tellers.has(nodeName)) return;
    this.away(nodeName, nowMs);
    this.#lost.delete(nodeName);
    this.#lost.set(nodeName, nowMs);
  }

  removeNode(nodeName: string, nowMs: number): void {
    const teller = this.#tellers.get(nodeName);
    if (teller === undefined) return;
    this.#silence(nodeName, teller, nowMs);
    this.#tellers.delete(nodeName);
    this.#lost.delete(nodeName);
    for (const uid of teller.uids) {
      const traffic = this.#workloads.get(uid);
      if (traffic === undefined) continue;
      traffic.byNode.delete(nodeName);
      traffic.silent--;
      this.#options.changed(uid);
    }
  }

  removeWorkload(uid: string): void {
    const traffic = this.#workloads.get(uid);
    if (traffic === undefined) return;
    this.#workloads.delete(uid);
    for (const nodeName of traffic.byNode.keys()) this.#tellers.get(nodeName)?.uids.delete(uid);
  }

  #take(
    nodeName: string,
    teller: Teller,
    { uid, arrived, inFlight, queued }: TrafficSample,
    nowMs: number,
  ): void {
    const traffic = this.#trafficOf(uid, nowMs);
    if (traffic === undefined) return;
    hold(traffic, nowMs);
    let told = traffic.byNode.get(nodeName);
    if (told === undefined) {
      const isPast = teller.state === "tellingAll";
      told = { arrived: isPast ? arrived : 0, inFlight: 0, queued: 0, atMs: nowMs - toldWithinMs };
      traffic.byNode.set(nodeName, told);
      teller.uids.add(uid);
      // How much of it came lately is not known.
      if (isPast) traffic.wholeFromMs = nowMs + windowSpanMs;
    }
    const more = arrived >= told.arrived ? arrived - told.arrived : arrived;
    if (more > 0) traffic.arrivals.add(more, beganMs(told, teller, nowMs), nowMs);
    traffic.inFlight += inFlight - told.inFlight;
    traffic.queued += queued - told.queued;
    if (more > 0 || inFlight > 0) traffic.activeMs = nowMs;
    told.arrived = arrived;
    told.inFlight = inFlight;
    told.queued = queued;
    told.atMs = nowMs;
    this.#options.changed(uid);
  }

  #trafficOf(uid: string, nowMs: number): Traffic | undefined {
    const known = this.#workloads.get(uid);
    if (known !== undefined || !this.#options.isKnown(uid)) return known;
    const traffic: Traffic = {
      byNode: new Map(),
      arrivals: new TrafficWindow(),
      inFlightMs: new TrafficWindow(),
      queuedMs: new TrafficWindow(),
      inFlight: 0,
      queued: 0,
      heldMs: nowMs,
      activeMs: Number.NEGATIVE_INFINITY,
      silent: 0,
      wholeFromMs: nowMs,
    };
    this.#workloads.set(uid, traffic);
    return traffic;
  }

  #silence(nodeName: string, teller: Teller, nowMs: number): void {
    if (teller.state === "silent") return;
    teller.state = "silent";
    for (const uid of teller.uids) {
      const traffic = this.#workloads.get(uid);
      const told = traffic?.byNode.get(nodeName);
      if (traffic === undefined || told === undefined) continue;
      hold(traffic, nowMs);
      traffic.inFlight -= told.inFlight;
      traffic.queued -= told.queued;
      told.inFlight = 0;
      told.queued = 0;
      traffic.silent++;
      this.#options.changed(uid);
    }
  }

  #unsilence(teller: Teller, state: "tellingAll" | "heard", nowMs: number): void {
    if (teller.state !== "silent") return;
    teller.state = state;
    for (const uid of teller.uids) {
      const traffic = this.#workloads.get(uid);
      if (traffic === undefined) continue;
      traffic.silent--;
      // Until it has told all, and its part of the averages is whole again.
      traffic.wholeFromMs = nowMs + windowSpanMs;
      this.#options.changed(uid);
    }
  }

  #expire(nowMs: number): void {
    for (const [nodeName, atMs] of this.#lost) {
      if (nowMs - atMs < lostMemoryMs) break;
      this.removeNode(nodeName, nowMs);
    }
  }
}

/** Since when that has come which a node now says is new. */
function beganMs(told: Told, { sinceMs }: Teller, nowMs: number): number {
  // While it had no session, it could not say so.
  return told.atMs < sinceMs ? told.atMs : Math.max(told.atMs, nowMs - toldWithinMs);
}

/** What was under way stays so until somebody says something else. */
function hold(traffic: Traffic, nowMs: number): void {
  const { inFlight, queued, heldMs } = traffic;
  if (nowMs <= heldMs) return;
  traffic.heldMs = nowMs;
  if (inFlight > 0) {
    traffic.inFlightMs.add(inFlight * (nowMs - heldMs), heldMs, nowMs);
    traffic.activeMs = nowMs;
  }
  if (queued > 0) traffic.queuedMs.add(queued * (nowMs - heldMs), heldMs, nowMs);
}
