import type { NodeCapacity } from "../core/model.ts";

export interface TallyFigures {
  readonly placed: number;
  /** Nodes that held anything: the mean over the time, and the most at once. */
  readonly meanNodes: number;
  readonly mostNodes: number;
  /** Requested of what the nodes in use can give; the mean over the time. */
  readonly cpuShare: number;
  readonly memoryShare: number;
  /** Between the nodes that have most and fewest instances; the most at any time, and at the end. */
  readonly endSkew: number;
}

interface Load {
  instances: number;
  cpuMillis: number;
  memoryBytes: number;
}

export type Amount = Pick<NodeCapacity, "cpuMillis" | "memoryBytes">;

/** Where instances are, and what that means over the time. Each change costs the same, however much there is. */
export class Tally {
  readonly #nodes = new Map<string, { readonly allocatable: Amount; readonly load: Load }>();
  readonly #places = new Map<string, { readonly node: string; readonly amount: Amount }>();
  readonly #inUse = { nodes: 0, cpuMillis: 0, memoryBytes: 0 };
  readonly #used = { cpuMillis: 0, memoryBytes: 0 };
  readonly #sums = { ms: 0, nodes: 0, cpuMs: 0, memoryMs: 0 };
  #atMs: number | undefined;
  #mostNodes = 0;
  #placed = 0;

  /** Time has gone on: what was until now counts for so long. */
  at(ms: number): void {
    const passedMs = this.#atMs === undefined ? 0 : Math.max(0, ms - this.#atMs);
    this.#atMs = ms;
    if (passedMs === 0 || this.#inUse.nodes === 0) return;
    const { ms: allMs, nodes, cpuMs, memoryMs } = this.#sums;
    this.#sums.ms = allMs + passedMs;
    this.#sums.nodes = nodes + this.#inUse.nodes * passedMs;
    this.#sums.cpuMs = cpuMs + ratio(this.#used.cpuMillis, this.#inUse.cpuMillis) * passedMs;
    this.#sums.memoryMs = memoryMs + ratio(this.#used.memoryBytes, this.#inUse.memoryBytes) * passedMs;
  }

  setNode(name: string, allocatable: Amount): void {
    const known = this.#nodes.get(name);
    const load = known?.load ?? { instances: 0, cpuMillis: 0, memoryBytes: 0 };
    if (known && load.instances > 0) this.#use(known.allocatable, -1);
    this.#nodes.set(name, { allocatable, load });
    if (load.instances > 0) this.#use(allocatable, 1);
  }

  dropNode(name: string): void {
    for (const [uid, { node }] of this.#places) if (node === name) this.remove(uid);
    this.#nodes.delete(name);
  }

  /** `isNew`: it has been placed, not found there. */
  place(uid: string, node: string, amount: Amount, isNew: boolean): void {
    this.remove(uid);
    const known = this.#nodes.get(node);
    if (!known) return;
    this.#places.set(uid, { node, amount });
    if (isNew) this.#placed++;
    if (known.load.instances === 0) this.#use(known.allocatable, 1);
    this.#load(known.load, amount, 1);
    this.#mostNodes = Math.max(this.#mostNodes, this.#inUse.nodes);
  }

  remove(uid: string): void {
    const place = this.#places.get(uid);
    if (!place) return;
    this.#places.delete(uid);
    const known = this.#nodes.get(place.node);
    if (!known) return;
    this.#load(known.load, place.amount, -1);
    if (known.load.instances === 0) this.#use(known.allocatable, -1);
  }

  /** Of all that have a place. */
  uids(): readonly string[] {
    return [...this.#places.keys()];
  }

  figures(): TallyFigures {
    const counts = Array.from(this.#nodes.values(), ({ load }) => load.instances);
    const { ms, nodes, cpuMs, memoryMs } = this.#sums;
    return {
      placed: this.#placed,
      meanNodes: ms > 0 ? nodes / ms : this.#inUse.nodes,
      mostNodes: this.#mostNodes,
      cpuShare: ms > 0 ? cpuMs / ms : ratio(this.#used.cpuMillis, this.#inUse.cpuMillis),
      memoryShare: ms > 0 ? memoryMs / ms : ratio(this.#used.memoryBytes, this.#inUse.memoryBytes),
      endSkew:
        counts.reduce((most, one) => Math.max(most, one), 0) -
        counts.reduce((least, one) => Math.min(least, one), Infinity),
    };
  }

  #load(load: Load, { cpuMillis, memoryBytes }: Amount, sign: 1 | -1): void {
    load.instances += sign;
    load.cpuMillis += sign * cpuMillis;
    load.memoryBytes += sign * memoryBytes;
    this.#used.cpuMillis += sign * cpuMillis;
    this.#used.memoryBytes += sign * memoryBytes;
  }

  #use({ cpuMillis, memoryBytes }: Amount, sign: 1 | -1): void {
    this.#inUse.nodes += sign;
    this.#inUse.cpuMillis += sign * cpuMillis;
    this.#inUse.memoryBytes += sign * memoryBytes;
  }
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
