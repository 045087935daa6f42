/**
 * Where a workload has instances that are ready, node by node, on a ring in an order that has nothing to do with names or time. Whoever
 * cannot be told of all nodes is told of those that follow its own place: so each node is known to as many others, a node more or
 * less is news to few, and no choice has to look at all of them.
 *
 * Each change has a version, by which it is known whether what somebody was told before is still so. Nodes that have nothing ready
 * any more are kept until everybody has heard of it (`forget`).
 *
 * A change costs O(log n) and a move within an array; a look O(log n) and what it answers with.
 */
import { lowerBound } from "../../../kit/lower-bound.ts";

export interface ReadyNode {
  readonly name: string;
  /** Ready instances by template hash, each above 0. */
  readonly ready: ReadonlyMap<string, number>;
}

interface Place extends ReadyNode {
  readonly hash: number;
  readonly ready: Map<string, number>;
  version: number;
}

type Spot = Pick<Place, "hash" | "name">;

export class ReadyRing {
  readonly #byName = new Map<string, Place>();
  /** Those with something ready, in the order of the ring. */
  readonly #live: Place[] = [];
  /** Those without, and since when. */
  #gone: Place[] = [];
  #version = 0;

  /** How many nodes have something ready. */
  get size(): number {
    return this.#live.length;
  }

  /** By so many more (or fewer) of this template. Versions grow. */
  add(name: string, templateHash: string, delta: number, version: number): void {
    const place = this.#byName.get(name) ?? { name, hash: ringHash(name), ready: new Map(), version };
    const count = (place.ready.get(templateHash) ?? 0) + delta;
    const wasLive = place.ready.size > 0;
    if (count > 0) place.ready.set(templateHash, count);
    else place.ready.delete(templateHash);
    const isLive = place.ready.size > 0;
    place.version = version;
    this.#version = version;
    if (!this.#byName.has(name)) {
      this.#byName.set(name, place);
      insert(isLive ? this.#live : this.#gone, place);
    } else if (wasLive !== isLive) {
      remove(wasLive ? this.#live : this.#gone, place);
      insert(isLive ? this.#live : this.#gone, place);
    }
  }

  /** Whether it has something ready, or had and not everybody has heard yet. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The node is reached in another way than before. */
  touch(name: string, version: number): void {
    const place = this.#byName.get(name);
    if (place === undefined) return;
    place.version = version;
    this.#version = version;
  }

  /** Everybody has heard of what happened up to this version. */
  forget(version: number): void {
    const isNews = (place: Place) => place.version > version;
    if (this.#gone.length === 0) return;
    for (const place of this.#gone) if (!isNews(place)) this.#byName.delete(place.name);
    this.#gone = this.#gone.filter(isNews);
  }

  /** The nodes, `max` at most, of which this one is told; itself is not among them. */
  nodesFor(receiver: string, max: number): readonly ReadyNode[] {
    const start = positionOf(this.#live, { hash: ringHash(receiver), name: receiver });
    const nodes: ReadyNode[] = [];
    for (let step = 0; step < this.#live.length && nodes.length < max; step++) {
      const place = this.#live[(start + step) % this.#live.length];
      if (place !== undefined && place.name !== receiver) nodes.push(place);
    }
    return nodes;
  }

  /** Whether that, as it was at this version, is another now; sometimes also if it is not. */
  hasNews(receiver: string, max: number, version: number): boolean {
    if (this.#version <= version) return false;
    if (this.#live.length <= max || this.#gone.length > this.#live.length) return true;
    const from = { hash: ringHash(receiver), name: receiver };
    const start = positionOf(this.#live, from);
    let last: Spot = from;
    for (let step = 0, told = 0; step < this.#live.length && told < max; step++) {
      const place = this.#live[(start + step) % this.#live.length];
      if (place === undefined || place.name === receiver) continue;
      if (place.version > version) return true;
      last = place;
      told++;
    }
    return this.#hasLeft(from, last, version);
  }

  /** Whether a node between these two has gone since. */
  #hasLeft(from: Spot, to: Spot, version: number): boolean {
    const start = positionOf(this.#gone, from);
    const end = positionOf(this.#gone, to);
    const length = end >= start && compare(from, to) <= 0 ? end - start : this.#gone.length - start + end;
    for (let step = 0; step < length; step++) {
      const place = this.#gone[(start + step) % this.#gone.length];
      if (place !== undefined && place.name !== from.name && place.version > version) return true;
    }
    return false;
  }
}

function insert(places: Place[], place: Place): void {
  places.splice(positionOf(places, place), 0, place);
}

function remove(places: Place[], place: Place): void {
  const at = positionOf(places, place);
  if (places[at] === place) places.splice(at, 1);
}

/** Of the first place that does not come before the spot. */
function positionOf(places: readonly Place[], spot: Spot): number {
  return lowerBound(places.length, (at) => {
    const place = places[at];
    return place !== undefined && compare(place, spot) < 0;
  });
}

function compare(a: Spot, b: Spot): number {
  if (a.hash !== b.hash) return a.hash - b.hash;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** FNV-1a, mixed as MurmurHash3 does it in the end: names that differ in their last digit are far from each other. */
export function ringHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
