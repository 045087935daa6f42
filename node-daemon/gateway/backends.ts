/**
 * The workloads that this gateway knows, and where they can be reached.
 *
 * A request takes a place (`begin`) and gives it back (`finish`). One that finds none is held (held-requests.ts).
 */
import type { Clock } from "../../kit/clock.ts";
import type { Endpoint, GatewayWorkload } from "./control.ts";
import { nextAsideMs, noteFailure, noteSuccess } from "./core/health.ts";
import { type Choice, LocalPlace, RemotePlace, type Wanted } from "./core/workload-pool.ts";
import type { Deadlines } from "./deadlines.ts";
import { HeldRequests } from "./held-requests.ts";
import type { GatewayEvents, GatewayPorts } from "./ports.ts";
import { dialEndpoint, keyOf, SharedClients } from "./shared-clients.ts";
import { type Backend, ComeBack, type LocalTarget, type RemoteTarget, Workload } from "./workload.ts";

export class Backends {
  readonly #ports: GatewayPorts;
  readonly #clock: Clock;
  readonly #events: GatewayEvents;
  readonly #deadlines: Deadlines;
  readonly #workloads = new Map<string, Workload>();
  /** Which workload an endpoint is of. */
  readonly #endpoints = new Map<string, Workload>();
  readonly #clients = new SharedClients();
  /** Gone, with requests that still are under way, by uid: several where one has come back, as it was ready again, and has gone again. */
  readonly #draining = new Map<string, Set<LocalPlace<LocalTarget>>>();
  /** Those of them whose end is to be told. */
  readonly #drainAsked = new Set<string>();
  /** Those that have found no place. */
  readonly held: HeldRequests;

  /** `holdBytesMax`: what requests may take that are held. */
  constructor(ports: GatewayPorts, events: GatewayEvents, deadlines: Deadlines, holdBytesMax: number) {
    this.#ports = ports;
    this.#clock = ports.clock;
    this.#events = events;
    this.#deadlines = deadlines;
    this.held = new HeldRequests({
      clock: ports.clock,
      bytesMax: holdBytesMax,
      wake: (workloads) => events.wake(workloads),
      choose: (workload, wanted) => this.choose(workload, wanted, [], "anywhere"),
      left: (workload) => this.#forgetIfUnused(workload),
    });
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
    this.held.placesChanged(workload);
  }

  removeWorkload(uid: string): void {
    const workload = this.#workloads.get(uid);
    if (workload === undefined) return;
    workload.facts = undefined;
    for (const node of workload.pool.remotes.keys()) this.#removeRemote(workload, node);
    this.held.placesChanged(workload);
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
    this.held.placesChanged(workload);
  }

  removeEndpoint(uid: string): void {
    const workload = this.#endpoints.get(uid);
    const place = workload?.pool.removeLocal(uid);
    if (workload === undefined || place === undefined) return;
    this.#endpoints.delete(uid);
    this.#deadlines.clear(place.attached.comeBack);
    this.#clients.release(keyOf(place.attached.endpoint));
    this.held.placesChanged(workload);
    this.#forgetIfUnused(workload);
    if (place.inFlight === 0) return;
    const draining = this.#draining.get(uid);
    if (draining === undefined) this.#draining.set(uid, new Set([place]));
    else draining.add(place);
  }

  /** `drained` follows, at once if nothing is under way. */
  drainEndpoint(uid: string): void {
    this.removeEndpoint(uid);
    const places = this.#draining.get(uid);
    if (places === undefined) return this.#events.drained(uid);
    this.#drainAsked.add(uid);
    this.#lookIfDrained(uid, places);
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
    workload.pool.begin(place);
    // Those of other gateways change nothing else.
    if (place.kind === "local") workload.figures.changed = true;
  }

  /** A request there has become a tunnel, which `finish` is told. */
  upgraded(place: Backend): void {
    if (place.kind !== "local") return;
    place.tunnels++;
    this.#left(place);
  }

  finish(workload: Workload, place: Backend, isTunnel = false): void {
    workload.pool.finish(place);
    if (place.kind === "local") {
      workload.figures.changed = true;
      if (isTunnel) place.tunnels--;
      this.#left(place);
    }
    this.held.release(workload);
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

  /** Those that are held are told that nobody comes, while there is somebody to tell them. */
  giveUpHeld(): void {
    this.held.giveUp(this.#workloads.values());
  }

  /** A request is over. */
  left(workload: Workload): void {
    if (workload.facts === undefined) this.#forgetIfUnused(workload);
  }

  close(): void {
    this.held.close();
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

  /** There is less under way there that is waited for. */
  #left(place: LocalPlace<LocalTarget>): void {
    // Its uid may have come back, which is not meant.
    if (!place.isGone) return;
    const { uid, inFlight } = place;
    const places = this.#draining.get(uid);
    if (places === undefined) return;
    if (inFlight === 0) places.delete(place);
    if (places.size === 0) this.#draining.delete(uid);
    this.#lookIfDrained(uid, places);
  }

  #lookIfDrained(uid: string, places: ReadonlySet<LocalPlace<LocalTarget>>): void {
    for (const place of places) if (isWaitedFor(place)) return;
    if (this.#drainAsked.delete(uid)) this.#events.drained(uid);
  }

  #setAside(workload: Workload, place: Backend, cause: "failed" | "refused"): void {
    if (!workload.pool.setAside(place, cause)) return;
    const nowMs = this.#clock.monotonic();
    this.#deadlines.set(place.attached.comeBack, nowMs + nextAsideMs(place.health, cause, nowMs));
  }

  #takeBack(workload: Workload, place: Backend): void {
    this.#deadlines.clear(place.attached.comeBack);
    workload.pool.takeBack(place);
    this.held.release(workload);
  }
}

/** Whether anything is under way there that does not end by itself when its instance is told to stop. */
function isWaitedFor({ attached, inFlight, tunnels }: LocalPlace<LocalTarget>): boolean {
  return inFlight - (attached.endpoint.endsTunnels === true ? tunnels : 0) > 0;
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
    a.endsTunnels === b.endsTunnels &&
    keyOf(a) === keyOf(b)
  );
}
