/**
 * What placement sees of the nodes: an immutable value, made cheaply and often.
 *
 * Nodes stand at positions, in chunks. Between two snapshots only the chunks of changed nodes are copied, so a
 * snapshot after one placement costs the same on 100 and on 10,000 nodes. A journal of changed positions goes with
 * it: whoever evaluated an earlier snapshot of the same layout looks only at what the journal names since then.
 *
 *   layout   grows when a node goes, because others then move; positions mean something only within one layout
 *   journal  [ journalStart … journalEnd ), shared by all snapshots of a layout, append-only, old halves dropped
 *
 * Invariants: a snapshot never changes; two snapshots of one layout differ only at positions between their ends.
 */
import { Bug } from "../../../kit/errors.ts";
import type { ClusterNode, HostPort, Instance, NodeCapacity, Resources } from "../model.ts";
import { committedWith, footprintOf, isolationOn, nothingCommitted } from "../resources.ts";

export interface NodeSnapshot {
  readonly node: ClusterNode;
  /** The footprints of all instances bound to it or stopping on it, and what is reserved for nominated ones. */
  readonly committed: NodeCapacity;
  /** Listeners' ports that instances hold there. */
  readonly ports: readonly HostPort[];
  /** Modules that are there, by image. */
  readonly modules: ReadonlyMap<string, ModuleState>;
  /**
   * By how much what its instances really use, as metered, is more (or less: below 0) than what is committed for them; what is
   * not metered yet counts as committed. So `committed` and this together are the use to expect, whatever has been placed
   * since it was noted. undefined: not known.
   */
  readonly usageExcess: Resources | undefined;
}

/** `prepared`: translated and compiled, a start costs nothing more. */
export type ModuleState = "fetched" | "prepared";

/** What a node is that has neither instances nor modules. */
export const emptyNode: Omit<NodeSnapshot, "node"> = {
  committed: nothingCommitted,
  ports: [],
  modules: new Map(),
  usageExcess: undefined,
};

/** The node as it would be if these instances were not there. */
export function withoutInstances(node: NodeSnapshot, instances: readonly Instance[]): NodeSnapshot {
  let { committed, ports } = node;
  for (const instance of instances) {
    const { requests, claims } = instance;
    committed = committedWith(
      committed,
      footprintOf({ requests, claims, isolation: isolationOn(instance) }),
      -1,
    );
    ports = portsWith(ports, claims.ports, -1);
  }
  return { ...node, committed, ports };
}

/** The ports that are held after an instance has come (1) or gone (-1). */
export function portsWith(
  held: readonly HostPort[],
  claimed: readonly HostPort[],
  sign: 1 | -1,
): readonly HostPort[] {
  // The usual case, in which the value must stay the same.
  if (claimed.length === 0) return held;
  if (sign > 0) return [...held, ...claimed];
  const left = held.slice();
  for (const { address, port, sharer } of claimed) {
    // Somebody else may hold it too, while room is reserved for whoever comes after.
    const isIt = (one: HostPort) => one.address === address && one.port === port && one.sharer === sharer;
    const place = left.findIndex(isIt);
    if (place >= 0) left.splice(place, 1);
  }
  return left;
}

export interface Snapshot {
  readonly size: number;
  readonly layout: number;
  readonly journalStart: number;
  readonly journalEnd: number;
  /** The node at a position below `size`. */
  at(position: number): NodeSnapshot;
  /** The position of a node in this layout; undefined: there is no such node. */
  positionOf(nodeName: string): number | undefined;
  /** The position that changed at this place of the journal. */
  changedAt(place: number): number;
}

const chunkBits = 6;
const chunkSize = 1 << chunkBits;
const journalLengthMin = 4096;

type Chunk = readonly NodeSnapshot[];

interface Journal {
  readonly start: number;
  readonly positions: number[];
}

class ChunkedSnapshot implements Snapshot {
  readonly size: number;
  readonly layout: number;
  readonly journalEnd: number;
  readonly #chunks: readonly Chunk[];
  readonly #journal: Journal;
  /** Shared by all snapshots of a layout, which is at least as new as this one. */
  readonly #positions: ReadonlyMap<string, number>;

  constructor(
    chunks: readonly Chunk[],
    positions: ReadonlyMap<string, number>,
    size: number,
    layout: number,
    journal: Journal,
  ) {
    this.#positions = positions;
    this.#chunks = chunks;
    this.size = size;
    this.layout = layout;
    this.#journal = journal;
    this.journalEnd = journal.start + journal.positions.length;
  }

  get journalStart(): number {
    return this.#journal.start;
  }

  at(position: number): NodeSnapshot {
    const found = this.#chunks[position >> chunkBits]?.[position & (chunkSize - 1)];
    if (found === undefined) throw new Bug(`no node at position ${position} of ${this.size}`);
    return found;
  }

  positionOf(nodeName: string): number | undefined {
    const position = this.#positions.get(nodeName);
    return position !== undefined && position < this.size ? position : undefined;
  }

  changedAt(place: number): number {
    const position = this.#journal.positions[place - this.#journal.start];
    if (position === undefined) throw new Bug(`the journal has no place ${place}`);
    return position;
  }
}

/** Collects changes of nodes and makes snapshots of them. Owned by the cluster state. */
export class SnapshotBuilder {
  #chunks: NodeSnapshot[][] = [];
  #positions = new Map<string, number>();
  readonly #copied = new Set<number>();
  #journal: Journal = { start: 0, positions: [] };
  #layout = 0;
  #last: Snapshot | undefined;

  /** Adds a node, or replaces the one of this name. */
  put(next: NodeSnapshot): void {
    const position = this.#positions.get(next.node.name) ?? this.#positions.size;
    this.#positions.set(next.node.name, position);
    this.#writableChunk(position >> chunkBits)[position & (chunkSize - 1)] = next;
    this.#record(position);
    this.#last = undefined;
  }

  delete(name: string): void {
    const position = this.#positions.get(name);
    if (position === undefined) return;
    // Snapshots of the layout before keep theirs.
    this.#positions = new Map(this.#positions);
    const lastPosition = this.#positions.size - 1;
    const lastChunk = this.#writableChunk(lastPosition >> chunkBits);
    const moved = lastChunk.pop();
    if (moved !== undefined && position !== lastPosition) {
      this.#writableChunk(position >> chunkBits)[position & (chunkSize - 1)] = moved;
      this.#positions.set(moved.node.name, position);
    }
    this.#positions.delete(name);
    this.#layout++;
    this.#journal = { start: 0, positions: [] };
    this.#last = undefined;
  }

  snapshot(): Snapshot {
    this.#last ??= new ChunkedSnapshot(
      this.#chunks.slice(),
      this.#positions,
      this.#positions.size,
      this.#layout,
      this.#journal,
    );
    this.#copied.clear();
    return this.#last;
  }

  #writableChunk(index: number): NodeSnapshot[] {
    const chunk = this.#chunks[index];
    if (chunk !== undefined && this.#copied.has(index)) return chunk;
    const copy = chunk?.slice() ?? [];
    this.#chunks[index] = copy;
    this.#copied.add(index);
    return copy;
  }

  #record(position: number): void {
    const { start, positions } = this.#journal;
    if (positions.length >= Math.max(journalLengthMin, 8 * this.#positions.size)) {
      const dropped = positions.length >> 1;
      this.#journal = { start: start + dropped, positions: positions.slice(dropped) };
    }
    this.#journal.positions.push(position);
  }
}
