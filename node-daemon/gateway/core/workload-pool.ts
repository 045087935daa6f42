/**
 * Where a workload's requests can go: its instances on this node, and other nodes that have some.
 *
 *   free instance of this node, the least busy ─▶ another node that has room (two choices) ─▶ the shortest queue here ─▶ another node
 *
 * A place that fails or refuses is set aside for a time (health.ts). Of those that fail, half at most: when all fail, it is not the
 * place. Those that refuse are set aside all the same, as nothing is lost by waiting for them.
 */
import { type Health, newHealth } from "./health.ts";
import { type Busy, LeastBusy } from "./least-busy.ts";

/** Of instances: those that take calls of functions. */
export const callable: unique symbol = Symbol("callable");

/** Which instances will do: of one template, those that take calls, or (undefined) all that answer requests. */
export type Wanted = string | undefined | typeof callable;

export class LocalPlace<A> implements Busy {
  readonly kind = "local";
  readonly uid: string;
  readonly templateHash: string;
  /** It takes calls of functions, and no requests; otherwise the other way round. */
  readonly isCallable: boolean;
  readonly concurrency: number;
  readonly attached: A;
  readonly health: Health = newHealth();
  inFlight = 0;
  /** Of those in flight, what has become a tunnel. */
  tunnels = 0;
  isAside = false;
  isGone = false;
  bucket = -1;
  before: Busy | undefined;
  after: Busy | undefined;

  constructor(
    facts: { uid: string; templateHash: string; functions?: boolean; concurrency: number },
    attached: A,
  ) {
    this.uid = facts.uid;
    this.templateHash = facts.templateHash;
    this.isCallable = facts.functions ?? false;
    this.concurrency = facts.concurrency;
    this.attached = attached;
  }
}

export class RemotePlace<A> {
  readonly kind = "remote";
  readonly node: string;
  readonly attached: A;
  readonly health: Health = newHealth();
  ready: ReadonlyMap<string, number>;
  readyInAll: number;
  inFlight = 0;
  isAside = false;
  isGone = false;

  constructor(node: string, ready: ReadonlyMap<string, number>, attached: A) {
    this.node = node;
    this.attached = attached;
    this.ready = ready;
    this.readyInAll = sum(ready);
  }

  setReady(ready: ReadonlyMap<string, number>): void {
    this.ready = ready;
    this.readyInAll = sum(ready);
  }

  /** Of other nodes nobody knows which of them take calls: they say so themselves. */
  count(wanted: Wanted): number {
    return typeof wanted === "string" ? (this.ready.get(wanted) ?? 0) : this.readyInAll;
  }
}

export type Place<L, R> = LocalPlace<L> | RemotePlace<R>;

export type Choice<L, R> =
  /** Not `isFree`: it will have to wait there. */
  | { readonly kind: "place"; readonly place: Place<L, R>; readonly isFree: boolean }
  | { readonly kind: "none" };

/** Of one template. */
interface Group<A> {
  readonly isCallable: boolean;
  /** With fewer requests than they handle at once. */
  readonly free: LeastBusy<LocalPlace<A>>;
  readonly full: LeastBusy<LocalPlace<A>>;
}

const none = { kind: "none" } as const;

/** Of instances elsewhere, where there is none here to go by: the default of HttpHandler. */
const usualConcurrency = 16;

export class WorkloadPool<L, R> {
  readonly #locals = new Map<string, LocalPlace<L>>();
  readonly #groups = new Map<string, Group<L>>();
  readonly #remotes = new Map<string, RemotePlace<R>>();
  #remoteList: RemotePlace<R>[] = [];
  #concurrency = usualConcurrency;
  #aside = 0;
  /** Gone, with requests that are still under way: they may wait there until it has answered them. */
  readonly #leaving = new Set<LocalPlace<L>>();

  get locals(): ReadonlyMap<string, LocalPlace<L>> {
    return this.#locals;
  }

  get remotes(): ReadonlyMap<string, RemotePlace<R>> {
    return this.#remotes;
  }

  addLocal(place: LocalPlace<L>): void {
    this.#locals.set(place.uid, place);
    this.#concurrency = place.concurrency;
    this.#enqueue(place);
  }

  removeLocal(uid: string): LocalPlace<L> | undefined {
    const place = this.#locals.get(uid);
    if (place === undefined) return undefined;
    this.#locals.delete(uid);
    this.#dequeue(place);
    this.#forget(place);
    if (place.inFlight > 0) this.#leaving.add(place);
    return place;
  }

  /** The instances of this node with requests under way, those included that are gone. */
  *busy(): Iterable<LocalPlace<L>> {
    yield* this.#leaving;
    for (const place of this.#locals.values()) if (place.inFlight > 0) yield place;
  }

  addRemote(place: RemotePlace<R>): void {
    this.#remotes.set(place.node, place);
    this.#remoteList = [...this.#remotes.values()];
  }

  removeRemote(node: string): RemotePlace<R> | undefined {
    const place = this.#remotes.get(node);
    if (place === undefined) return undefined;
    this.#remotes.delete(node);
    this.#remoteList = [...this.#remotes.values()];
    this.#forget(place);
    return place;
  }

  /** Whether anyone is ready, be it set aside. */
  get hasPlaces(): boolean {
    return this.#locals.size > 0 || this.#remotes.size > 0;
  }

  /** `fraction` is random, in [0, 1). Those that were `tried` are left out. */
  choose(
    wanted: Wanted,
    tried: readonly Place<L, R>[],
    fraction: number,
    scope: "anywhere" | "here",
  ): Choice<L, R> {
    const free = this.#leastBusy("free", wanted, tried, fraction);
    if (free !== undefined) return { kind: "place", place: free, isFree: true };
    const remote = scope === "anywhere" ? this.#remote(wanted, tried, fraction) : undefined;
    if (remote !== undefined && remote.inFlight < remote.count(wanted) * this.#concurrency) {
      return { kind: "place", place: remote, isFree: true };
    }
    const full = this.#leastBusy("full", wanted, tried, fraction);
    const place = full ?? remote;
    return place === undefined ? none : { kind: "place", place, isFree: false };
  }

  begin(place: Place<L, R>): void {
    place.inFlight++;
    if (place.kind !== "local") return;
    this.#requeue(place);
  }

  finish(place: Place<L, R>): void {
    place.inFlight--;
    if (place.kind !== "local") return;
    if (place.inFlight === 0) this.#leaving.delete(place);
    this.#requeue(place);
  }

  /** False: it stays, as too many are set aside already. */
  setAside(place: Place<L, R>, cause: "failed" | "refused"): boolean {
    if (place.isAside || place.isGone) return false;
    const all = this.#locals.size + this.#remotes.size;
    if (cause === "failed" && (this.#aside + 1) * 2 > all) return false;
    place.isAside = true;
    this.#aside++;
    if (place.kind === "local") this.#dequeue(place);
    return true;
  }

  takeBack(place: Place<L, R>): void {
    if (!place.isAside || place.isGone) return;
    place.isAside = false;
    this.#aside--;
    if (place.kind === "local") this.#enqueue(place);
  }

  #forget(place: Place<L, R>): void {
    place.isGone = true;
    if (place.isAside) this.#aside--;
  }

  #leastBusy(
    which: "free" | "full",
    wanted: Wanted,
    tried: readonly Place<L, R>[],
    fraction: number,
  ): LocalPlace<L> | undefined {
    // What was tried is few, and the queue looks for its own kind only.
    const locals = tried as readonly LocalPlace<L>[];
    if (typeof wanted === "string") {
      const group = this.#groups.get(wanted);
      return group?.isCallable === false ? group[which].firstWithout(locals) : undefined;
    }
    let best: LocalPlace<L> | undefined;
    let equals = 1;
    for (const group of this.#groups.values()) {
      const first =
        group.isCallable === (wanted === callable) ? group[which].firstWithout(locals) : undefined;
      if (first === undefined) continue;
      if (best === undefined || first.inFlight < best.inFlight) {
        best = first;
        equals = 1;
      } else if (first.inFlight === best.inFlight && fraction * ++equals < 1) {
        // Each of n equals is taken with a chance of 1/n.
        best = first;
      }
    }
    return best;
  }

  #remote(wanted: Wanted, tried: readonly Place<L, R>[], fraction: number): RemotePlace<R> | undefined {
    const list = this.#remoteList;
    if (list.length === 0) return undefined;
    const position = fraction * list.length;
    const first = list[Math.floor(position)];
    const second = list[Math.floor((position - Math.floor(position)) * list.length)];
    const isFit = (place: RemotePlace<R> | undefined) =>
      place !== undefined && !place.isAside && place.count(wanted) > 0 && !tried.includes(place);
    if (isFit(first) && isFit(second)) return lessLoaded(first, second, wanted);
    let best: RemotePlace<R> | undefined;
    for (const place of list) if (isFit(place)) best = lessLoaded(best, place, wanted);
    return best;
  }

  #enqueue(place: LocalPlace<L>): void {
    if (place.isAside) return;
    let group = this.#groups.get(place.templateHash);
    if (group === undefined) {
      group = { isCallable: place.isCallable, free: new LeastBusy(), full: new LeastBusy() };
      this.#groups.set(place.templateHash, group);
    }
    (place.inFlight < place.concurrency ? group.free : group.full).add(place);
  }

  #dequeue(place: LocalPlace<L>): void {
    const group = this.#groups.get(place.templateHash);
    if (group === undefined || place.bucket < 0) return;
    // The number that it was queued with says in which queue it is.
    (place.bucket < place.concurrency ? group.free : group.full).remove(place);
    if (group.free.size === 0 && group.full.size === 0) this.#groups.delete(place.templateHash);
  }

  #requeue(place: LocalPlace<L>): void {
    if (place.bucket < 0) return;
    const group = this.#groups.get(place.templateHash);
    const wasFree = place.bucket < place.concurrency;
    if (group !== undefined && wasFree === place.inFlight < place.concurrency) {
      (wasFree ? group.free : group.full).move(place);
      return;
    }
    this.#dequeue(place);
    this.#enqueue(place);
  }
}

function lessLoaded<A>(
  a: RemotePlace<A> | undefined,
  b: RemotePlace<A> | undefined,
  wanted: Wanted,
): RemotePlace<A> | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.inFlight / b.count(wanted) < a.inFlight / a.count(wanted) ? b : a;
}

function sum(counts: ReadonlyMap<string, number>): number {
  let all = 0;
  for (const count of counts.values()) all += count;
  return all;
}
