/**
 * Placed instances, counted per node: by owner, and by whatever selectors placement follows.
 *
 * All instances of one template have the same labels and claims: they are a population, and a selector is asked once per
 * population, not once per instance. A placed instance costs one addition per selector that selects it.
 *
 *   population   owner uid + template hash; comes with its first instance on a node, goes with its last
 *   followed     selector -> counts; shared by all who follow the same one, gone when nobody does
 *
 * Invariants: the counts of a followed selector are the sums over the populations that it selects; a population without
 * instances is not kept.
 */
import { selectorMatches } from "../../../api/validation/label-selector.ts";
import type { Instance, InstanceAffinity } from "../model.ts";
import {
  type Concern,
  type FollowedCounts,
  type InstanceCounts,
  type InstanceSelector,
  type Labels,
  type Neighbours,
  type Presence,
  selectorOf,
} from "../placement/neighbours.ts";
import { canonicalJson } from "../templates/template-hash.ts";

/** A count per node; nodes without any are not in it. Counts change in place: one look-up each, as there are many nodes. */
class NodeCounts implements InstanceCounts {
  readonly #counts = new Map<string, { count: number }>();
  total = 0;

  on(nodeName: string): number {
    return this.#counts.get(nodeName)?.count ?? 0;
  }

  nodes(): Iterable<string> {
    return this.#counts.keys();
  }

  add(nodeName: string, by: number): void {
    this.total += by;
    const known = this.#counts.get(nodeName);
    if (known === undefined) this.#counts.set(nodeName, { count: by });
    else if ((known.count += by) === 0) this.#counts.delete(nodeName);
  }

  addAll(other: NodeCounts): void {
    for (const [nodeName, { count }] of other.#counts) this.add(nodeName, count);
  }

  clear(): void {
    this.#counts.clear();
    this.total = 0;
  }
}

interface Population {
  readonly key: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly affinity: InstanceAffinity;
  readonly counts: Readonly<Record<Presence, NodeCounts>>;
  /** Those that select it. */
  readonly followed: Set<Followed>;
}

interface Followed {
  readonly key: string;
  readonly selectors: readonly InstanceSelector[];
  readonly presence: Presence;
  readonly counts: NodeCounts;
  followers: number;
}

const nobody: InstanceCounts = new NodeCounts();

export class Populations implements Neighbours {
  readonly #populations = new Map<string, Population>();
  readonly #owners = new Map<string, NodeCounts>();
  readonly #followed = new Map<string, Followed>();
  /** Of populations with terms of their own. */
  readonly #affine = new Set<Population>();
  readonly #namespaces = new Map<string, Labels>();
  readonly requested = { cpuMillis: 0, memoryBytes: 0 };
  #concernsVersion = 0;
  #recountVersion = 0;

  get recountVersion(): number {
    return this.#recountVersion;
  }

  get concernsVersion(): number {
    return this.#concernsVersion;
  }

  ownedBy(ownerUid: string): InstanceCounts {
    return this.#owners.get(ownerUid) ?? nobody;
  }

  /** Books an instance that is bound to a node or stopping on it, or nominated for it (1), or not any more (-1). `isLive`: not stopping. */
  account(instance: Instance, nodeName: string, isLive: boolean, sign: 1 | -1): void {
    const population = this.#populationOf(instance);
    population.counts.present.add(nodeName, sign);
    this.requested.cpuMillis += sign * instance.requests.cpuMillis;
    this.requested.memoryBytes += sign * instance.requests.memoryBytes;
    if (isLive) {
      population.counts.live.add(nodeName, sign);
      this.#countOwner(instance.owner.uid, nodeName, sign);
    }
    for (const { presence, counts } of population.followed)
      if (isLive || presence === "present") counts.add(nodeName, sign);
    if (population.counts.present.total === 0) this.#drop(population);
  }

  /** The labels of a namespace, by which terms may select it; undefined: it is gone. */
  setNamespace(name: string, labels: Labels | undefined): void {
    if (sameLabels(this.#namespaces.get(name), labels)) return;
    if (labels === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, labels);
    this.#concernsVersion++;
    for (const followed of this.#followed.values()) {
      if (followed.selectors.every(({ namespaceSelector }) => namespaceSelector === undefined)) continue;
      this.#recount(followed);
      this.#recountVersion++;
    }
  }

  namespaces(): Iterable<readonly [name: string, labels: Labels]> {
    return this.#namespaces;
  }

  follow(selectors: readonly InstanceSelector[], presence: Presence): FollowedCounts {
    const key = `${presence}:${canonicalJson(selectors)}`;
    let followed = this.#followed.get(key);
    if (followed === undefined) {
      followed = { key, selectors, presence, counts: new NodeCounts(), followers: 0 };
      this.#followed.set(key, followed);
      this.#recount(followed);
    }
    followed.followers++;
    return new Following(followed, () => this.#unfollow(followed));
  }

  selects(selector: InstanceSelector, namespace: string, labels: Labels): boolean {
    if (selector.selector === undefined || !selectorMatches(selector.selector, labels)) return false;
    if (selector.namespaces.includes(namespace)) return true;
    const { namespaceSelector } = selector;
    return (
      namespaceSelector !== undefined &&
      selectorMatches(namespaceSelector, this.#namespaces.get(namespace) ?? {})
    );
  }

  concerns(namespace: string, labels: Labels): readonly Concern[] {
    const concerns: Concern[] = [];
    for (const { affinity, counts } of this.#affine) {
      const add = (term: Concern["term"], effect: Concern["effect"]) => {
        if (this.selects(selectorOf(term), namespace, labels))
          concerns.push({ term, effect, counts: counts.present });
      };
      for (const term of affinity.apart) add(term, "apart");
      // As in Kubernetes: whoever must be near others likes them near itself.
      for (const term of affinity.near) add(term, 1);
      for (const { term, weight } of affinity.preferred) add(term, weight);
    }
    return concerns;
  }

  isCountedIn(counts: InstanceCounts, instance: Instance): boolean {
    return this.#populations.get(keyOf(instance))?.counts.present === counts;
  }

  #populationOf(instance: Instance): Population {
    const { namespace, labels, claims } = instance;
    const key = keyOf(instance);
    const known = this.#populations.get(key);
    if (known !== undefined) return known;
    const counts = { live: new NodeCounts(), present: new NodeCounts() };
    const population: Population = {
      key,
      namespace,
      labels,
      affinity: claims.affinity,
      counts,
      followed: new Set(),
    };
    this.#populations.set(key, population);
    for (const followed of this.#followed.values())
      if (this.#selectsAll(followed, population)) population.followed.add(followed);
    if (isAffine(population)) {
      this.#affine.add(population);
      this.#concernsVersion++;
    }
    return population;
  }

  #drop(population: Population): void {
    this.#populations.delete(population.key);
    if (this.#affine.delete(population)) this.#concernsVersion++;
  }

  #recount(followed: Followed): void {
    const { presence, counts } = followed;
    counts.clear();
    for (const population of this.#populations.values()) {
      population.followed.delete(followed);
      if (!this.#selectsAll(followed, population)) continue;
      population.followed.add(followed);
      counts.addAll(population.counts[presence]);
    }
  }

  #selectsAll({ selectors }: Followed, { namespace, labels }: Population): boolean {
    return selectors.every((selector) => this.selects(selector, namespace, labels));
  }

  #unfollow(followed: Followed): void {
    if (--followed.followers > 0) return;
    this.#followed.delete(followed.key);
    for (const population of this.#populations.values()) population.followed.delete(followed);
  }

  #countOwner(ownerUid: string, nodeName: string, by: number): void {
    let counts = this.#owners.get(ownerUid);
    if (counts === undefined) this.#owners.set(ownerUid, (counts = new NodeCounts()));
    counts.add(nodeName, by);
    if (counts.total === 0) this.#owners.delete(ownerUid);
  }
}

function sameLabels(a: Labels | undefined, b: Labels | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}

function keyOf({ owner, templateHash }: Instance): string {
  return `${owner.uid}/${templateHash}`;
}

function isAffine({ affinity: { near, apart, preferred } }: Population): boolean {
  return near.length + apart.length + preferred.length > 0;
}

class Following implements FollowedCounts {
  readonly #counts: InstanceCounts;
  #end: (() => void) | undefined;

  constructor({ counts }: Followed, end: () => void) {
    this.#counts = counts;
    this.#end = end;
  }

  get total(): number {
    return this.#counts.total;
  }

  on(nodeName: string): number {
    return this.#counts.on(nodeName);
  }

  nodes(): Iterable<string> {
    return this.#counts.nodes();
  }

  [Symbol.dispose](): void {
    this.#end?.();
    this.#end = undefined;
  }
}
