/**
 * The workloads that this gateway knows, where they can be reached, and who waits for them.
 *
 * A request takes a place (`begin`) and gives it back (`finish`). One that finds none is held: first come, first served, and given the
 * next place that becomes free. While requests wait for a workload that wakes and has nobody, the daemon is told so.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Endpoint, GatewayWorkload } from "./control.ts";
import { Deadline } from "./core/deadline-wheel.ts";
import { nextAsideMs, noteFailure, noteSuccess } from "./core/health.ts";
import { HoldQueue, HoldRoom } from "./core/hold-queue.ts";
import {
  type Choice,
  LocalPlace,
  type Place,
  RemotePlace,
  type Wanted,
  WorkloadPool,
} from "./core/workload-pool.ts";
import type { Deadlines } from "./deadlines.ts";
import { Figures } from "./figures.ts";
import { gatewayLimits } from "./limits.ts";
import type { ExchangeClient, GatewayEvents, GatewayPorts } from "./ports.ts";
import { dialEndpoint, keyOf, SharedClients } from "./shared-clients.ts";
import { WakeCalls } from "./wake-calls.ts";

interface LocalTarget {
  readonly endpoint: Endpoint;
  readonly client: ExchangeClient;
  readonly comeBack: ComeBack;
}

interface RemoteTarget {
  readonly address: string;
  readonly client: ExchangeClient;
  readonly comeBack: ComeBack;
}

export type Backend = Place<LocalTarget, RemoteTarget>;

/** A request that waits. */
export interface Holder {
  /** A place has been found for it; it is to take it now. */
  released(place: Backend): void;
}

export class Workload {
  readonly uid: string;
  readonly pool = new WorkloadPool<LocalTarget, RemoteTarget>();
  readonly figures = new Figures();
  /** By what they wait for. */
  readonly held = new Map<Wanted, HoldQueue<Holder>>();
  facts: GatewayWorkload | undefined;
  heldCount = 0;
  /** When something was last said of its answers. */
  warnedMs = Number.NEGATIVE_INFINITY;
  isReleasing = false;

  constructor(uid: string) {
    this.uid = uid;
  }
}

/** Takes a place back that was set aside. */
class ComeBack extends Deadline {
  readonly #back: () => void;

  constructor(back: () => void) {
    super();
    this.#back = back;
  }

  onDeadline(): void {
    this.#back();
  }
}

export class Backends {
  readonly #ports: GatewayPorts;
  readonly #clock: Clock;
  readonly #events: GatewayEvents;
  readonly #deadlines: Deadlines;
  readonly #workloads = new Map<string, Workload>();
  /** Which workload an endpoint is of. */
  readonly #endpoints = new Map<string, Workload>();
  readonly #clients = new SharedClients();
  /** Gone, with requests that still are under way. */
  readonly #draining = new Map<string, LocalPlace<LocalTarget>>();
  /** Those of them whose end is to be told. */
  readonly #drainAsked = new Set<string>();
  readonly #room = new HoldRoom(gatewayLimits.hold);
  readonly #waking: WakeCalls;

  constructor(ports: GatewayPorts, events: GatewayEvents, deadlines: Deadlines) {
    this.#ports = ports;
    this.#clock = ports.clock;
    this.#events = events;
    this.#deadlines = deadlines;
    this.#waking = new WakeCalls(ports.clock, (workloads) => events.wake(workloads));
  }

  get(uid: string): Workload | undefined {
    return this.#workloads.get(uid);
  }

  /** A route may be told before its workload, or name one that has gone just now. */
  getOrAdd(uid: string): Workload {
    let workload = this.#workloads.get(uid);
    if (workload === undefined) {
      workload = new Workload(uid);
      this.#workloads.set(uid, workload);
    }
    return workload;
  }

  workloads(): Iterable<Workload> {
    return this.#workloads.values();
  }

  putWorkload(facts: GatewayWorkload): void {
    const workload = this.getOrAdd(facts.uid);
    workload.facts = facts;
    const named = new Set(facts.nodes.map(({ name }) => name));
    for (const node of workload.pool.remotes.keys()) if (!named.has(node)) this.#removeRemote(workload, node);
    for (const node of facts.nodes) {
      const ready = new Map(node.ready.map(({ templateHash, count }) => [templateHash, count]));
      const known = workload.pool.remotes.get(node.name);
      if (known?.attached.address === node.address) {
        known.setReady(ready);
        continue;
      }
      this.#removeRemote(workload, node.name);
      const place = new RemotePlace<RemoteTarget>(node.name, ready, {
        address: node.address,
        client: this.#clients.use(`peer ${node.name} ${node.address}`, () =>
          this.#ports.dialPeer(node.name, node.address),
        ),
        comeBack: new ComeBack(() => this.#takeBack(workload, place)),
      });
      workload.pool.addRemote(place);
    }
    this.#placesChanged(workload);
  }

  removeWorkload(uid: string): void {
    const workload = this.#workloads.get(uid);
    if (workload === undefined) return;
    workload.facts = undefined;
    for (const node of workload.pool.remotes.keys()) this.#removeRemote(workload, node);
    this.#placesChanged(workload);
    this.#forgetIfUnused(workload);
  }

  putEndpoint(endpoint: Endpoint): void {
    const known = this.#endpoints.get(endpoint.uid)?.pool.locals.get(endpoint.uid);
    if (known !== undefined && isSame(known.attached.endpoint, endpoint)) {
      // It is told again as it is well again, perhaps.
      const workload = this.#endpoints.get(endpoint.uid);
      if (workload !== undefined) this.#takeBack(workload, known);
      return;
    }
    this.removeEndpoint(endpoint.uid);
    const workload = this.getOrAdd(endpoint.workload);
    const place = new LocalPlace<LocalTarget>(endpoint, {
      endpoint,
      client: this.#clients.use(keyOf(endpoint), () => dialEndpoint(endpoint, this.#ports)),
      comeBack: new ComeBack(() => this.#takeBack(workload, place)),
    });
    this.#endpoints.set(endpoint.uid, workload);
    workload.pool.addLocal(place);
    this.#placesChanged(workload);
  }

  removeEndpoint(uid: string): void {
    const workload = this.#endpoints.get(uid);
    const place = workload?.pool.removeLocal(uid);
    if (workload === undefined || place === undefined) return;
    this.#endpoints.delete(uid);
    this.#deadlines.clear(place.attached.comeBack);
    this.#clients.release(keyOf(place.attached.endpoint));
    this.#placesChanged(workload);
    this.#forgetIfUnused(workload);
    if (place.inFlight > 0) this.#draining.set(uid, place);
  }

  /** `drained` follows, at once if nothing is under way. */
  drainEndpoint(uid: string): void {
    this.removeEndpoint(uid);
    const place = this.#draining.get(uid);
    if (place === undefined) this.#events.drained(uid);
    else this.#drainAsked.add(uid);
  }

  choose(
    workload: Workload,
    wanted: Wanted,
    tried: readonly Backend[],
    scope: "anywhere" | "here",
  ): Choice<LocalTarget, RemoteTarget> {
    return workload.pool.choose(wanted, tried, this.#ports.random.fraction(), scope);
  }

  begin(workload: Workload, place: Backend): void {
    const { pool, figures } = workload;
    const { beyond } = pool;
    pool.begin(place);
    // Those of other gateways change nothing else.
    if (pool.beyond !== beyond) figures.changed = true;
  }

  finish(workload: Workload, place: Backend): void {
    const { pool, figures } = workload;
    const { beyond } = pool;
    pool.finish(place);
    if (pool.beyond !== beyond) figures.changed = true;
    if (place.isGone && place.kind === "local" && place.inFlight === 0) this.#drained(place);
    if (workload.heldCount > 0) this.#releaseHeld(workload);
  }

  succeeded(place: Backend): void {
    noteSuccess(place.health);
  }

  failed(workload: Workload, place: Backend): void {
    if (noteFailure(place.health)) this.#setAside(workload, place, "failed");
  }

  refused(workload: Workload, place: Backend): void {
    this.#setAside(workload, place, "refused");
  }

  /** Whether others wait for the same, who come first. */
  isHeld(workload: Workload, wanted: Wanted): boolean {
    return workload.heldCount > 0 && workload.held.has(wanted);
  }

  /** A request is over. */
  left(workload: Workload): void {
    if (workload.facts === undefined) this.#forgetIfUnused(workload);
  }

  /** False: too many wait already. */
  hold(workload: Workload, holder: Holder, wanted: Wanted, bytes: number): boolean {
    let queue = workload.held.get(wanted);
    if (queue === undefined) {
      queue = new HoldQueue(this.#room);
      workload.held.set(wanted, queue);
    }
    if (!queue.add(holder, bytes)) {
      if (queue.size === 0) workload.held.delete(wanted);
      return false;
    }
    workload.heldCount++;
    workload.figures.waiting++;
    workload.figures.changed = true;
    this.#wakeIfNeeded(workload);
    return true;
  }

  unhold(workload: Workload, holder: Holder, wanted: Wanted): void {
    const queue = workload.held.get(wanted);
    if (queue?.remove(holder) !== true) return;
    if (queue.size === 0) workload.held.delete(wanted);
    workload.heldCount--;
    workload.figures.waiting--;
    workload.figures.changed = true;
    if (workload.heldCount === 0) this.#waking.remove(workload.uid);
    this.#forgetIfUnused(workload);
  }

  close(): void {
    this.#waking.close();
    this.#clients.close();
  }

  #forgetIfUnused(workload: Workload): void {
    if (workload.facts !== undefined || workload.pool.hasPlaces || workload.heldCount > 0) return;
    if (workload.figures.inFlight === 0) this.#workloads.delete(workload.uid);
  }

  #removeRemote(workload: Workload, node: string): void {
    const place = workload.pool.removeRemote(node);
    if (place === undefined) return;
    this.#deadlines.clear(place.attached.comeBack);
    this.#clients.release(`peer ${node} ${place.attached.address}`);
  }

  #drained(place: LocalPlace<LocalTarget>): void {
    // Its uid may have come back with another endpoint, which is not meant.
    if (this.#draining.get(place.uid) !== place) return;
    this.#draining.delete(place.uid);
    if (this.#drainAsked.delete(place.uid)) this.#events.drained(place.uid);
  }

  #setAside(workload: Workload, place: Backend, cause: "failed" | "refused"): void {
    if (!workload.pool.setAside(place, cause)) return;
    const nowMs = this.#clock.monotonic();
    this.#deadlines.set(place.attached.comeBack, nowMs + nextAsideMs(place.health, cause, nowMs));
  }

  #takeBack(workload: Workload, place: Backend): void {
    this.#deadlines.clear(place.attached.comeBack);
    workload.pool.takeBack(place);
    if (workload.heldCount > 0) this.#releaseHeld(workload);
  }

  #placesChanged(workload: Workload): void {
    if (workload.heldCount === 0) return;
    if (workload.pool.hasPlaces) this.#noteAwake(workload);
    else this.#wakeIfNeeded(workload);
    this.#releaseHeld(workload);
  }

  /** Gives free places to those that wait. Released requests may end at once and free theirs: that goes on in the same loop. */
  #releaseHeld(workload: Workload): void {
    if (workload.isReleasing) return;
    workload.isReleasing = true;
    try {
      for (const [wanted, queue] of workload.held) this.#release(workload, queue, wanted);
    } finally {
      // A bug in one request is not to hold up all that come after it.
      workload.isReleasing = false;
    }
  }

  #release(workload: Workload, queue: HoldQueue<Holder>, wanted: Wanted): void {
    for (let holder = queue.first(); holder !== undefined; holder = queue.first()) {
      const choice = this.choose(workload, wanted, [], "anywhere");
      if (choice.kind === "none" || !choice.isFree) return;
      this.unhold(workload, holder, wanted);
      holder.released(choice.place);
    }
  }

  #wakeIfNeeded(workload: Workload): void {
    if (!workload.pool.hasPlaces && workload.facts?.wakes === true) this.#waking.add(workload.uid);
  }

  #noteAwake(workload: Workload): void {
    const sinceMs = this.#waking.remove(workload.uid);
    if (sinceMs === undefined) return;
    workload.figures.wakeUps++;
    workload.figures.wakeUpSumMs += this.#clock.monotonic() - sinceMs;
    workload.figures.changed = true;
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return (
    a.workload === b.workload &&
    a.templateHash === b.templateHash &&
    a.concurrency === b.concurrency &&
    a.timeoutMs === b.timeoutMs &&
    a.idleTimeoutMs === b.idleTimeoutMs &&
    a.bodyBytesMax === b.bodyBytesMax &&
    a.functions === b.functions &&
    keyOf(a) === keyOf(b)
  );
}
