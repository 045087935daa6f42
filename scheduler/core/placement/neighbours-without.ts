import type { Instance, Resources } from "../model.ts";
import type {
  Concern,
  FollowedCounts,
  InstanceCounts,
  InstanceSelector,
  Labels,
  Neighbours,
  Presence,
} from "./neighbours.ts";

/** The neighbours as they would be if one instance were not on its node. Valid only until something changes. */
export class NeighboursWithout implements Neighbours {
  readonly #neighbours: Neighbours;
  readonly #instance: Instance;
  readonly #nodeName: string;
  /** By the counts that were handed out for them. */
  readonly #originals = new Map<InstanceCounts, InstanceCounts>();

  /** `nodeName`: where the instance is bound or stopping, or has room reserved. */
  constructor(neighbours: Neighbours, instance: Instance, nodeName: string) {
    this.#neighbours = neighbours;
    this.#instance = instance;
    this.#nodeName = nodeName;
  }

  get requested(): Resources {
    const { cpuMillis, memoryBytes } = this.#instance.requests;
    const { requested } = this.#neighbours;
    return {
      cpuMillis: requested.cpuMillis - cpuMillis,
      memoryBytes: requested.memoryBytes - memoryBytes,
    };
  }

  get concernsVersion(): number {
    return this.#neighbours.concernsVersion;
  }

  get recountVersion(): number {
    return this.#neighbours.recountVersion;
  }

  ownedBy(ownerUid: string): InstanceCounts {
    const isOwn = ownerUid === this.#instance.owner.uid && this.#isLive;
    return this.#less(this.#neighbours.ownedBy(ownerUid), isOwn);
  }

  follow(selectors: readonly InstanceSelector[], presence: Presence): FollowedCounts {
    const { namespace, labels } = this.#instance;
    const counts = this.#neighbours.follow(selectors, presence);
    const isCounted =
      (presence === "present" || this.#isLive) &&
      selectors.every((selector) => this.#neighbours.selects(selector, namespace, labels));
    return { ...this.#less(counts, isCounted), [Symbol.dispose]: () => counts[Symbol.dispose]() };
  }

  selects(selector: InstanceSelector, namespace: string, labels: Labels): boolean {
    return this.#neighbours.selects(selector, namespace, labels);
  }

  concerns(namespace: string, labels: Labels): readonly Concern[] {
    return this.#neighbours.concerns(namespace, labels).map((concern) => {
      const isCounted = this.#neighbours.isCountedIn(concern.counts, this.#instance);
      const counts = this.#less(concern.counts, isCounted);
      this.#originals.set(counts, concern.counts);
      return { ...concern, counts };
    });
  }

  isCountedIn(counts: InstanceCounts, instance: Instance): boolean {
    return (
      instance.uid !== this.#instance.uid &&
      this.#neighbours.isCountedIn(this.#originals.get(counts) ?? counts, instance)
    );
  }

  get #isLive(): boolean {
    return this.#instance.state.kind !== "stopping";
  }

  #less(counts: InstanceCounts, isCounted: boolean): InstanceCounts {
    const by = isCounted ? 1 : 0;
    const nodeName = this.#nodeName;
    return {
      on: (name) => counts.on(name) - (name === nodeName ? by : 0),
      total: counts.total - by,
      nodes: () => counts.nodes(),
    };
  }
}
