/**
 * The nodes that can take an instance of one request, best first, kept from one snapshot to the next.
 *
 *   follow(snapshot)   judges the nodes that the journal names since the snapshot before (all, after a new layout)
 *   best()             the top of the heap, O(1)
 *   takeBatch(n)       top, count the instance on that node, judge that node again: O(log nodes) per instance
 *
 * A batch counts on top of the snapshot only while it runs: the nodes it touched are judged anew by the next follow,
 * whether or not the proposals were committed. Equal scores go round robin: a node that was judged again goes behind
 * its equals, starting at the position that the seed names.
 *
 * Invariant after follow: the heap holds exactly the nodes that pass every filter in that snapshot, with their scores.
 */
import type { ClusterNode, NodeCapacity } from "../model.ts";
import { committedWith, footprintOf } from "../resources.ts";
import { explainUnplaceable, type Explanation } from "./explanation.ts";
import { viewOf, type NodeView, type PlacementRequest, type Profile } from "./framework.ts";
import { choiceOf, type BatchPlacement, type Choice } from "./choice.ts";
import { NodeHeap } from "./node-heap.ts";
import { passes, prepareProfile, totalScore, type PreparedProfile } from "./prepared-profile.ts";
import type { Snapshot } from "./snapshot.ts";

interface Addition {
  readonly committed: NodeCapacity;
  readonly count: number;
}

const noAdditions: ReadonlyMap<number, Addition> = new Map();

export class CandidateIndex {
  readonly prepared: PreparedProfile;
  readonly #seed: number;
  #request: PlacementRequest;
  #snapshot: Snapshot | undefined;
  #heap = new NodeHeap(0);
  /** Per position: the node whose own filters were run last, and whether it passed them. */
  #filteredNodes: (ClusterNode | undefined)[] = [];
  #passedFilters: boolean[] = [];
  /** Positions judged with the additions of a batch. */
  #touched: number[] = [];
  #order = 0;
  #explanation: Explanation | undefined;

  constructor(profile: Profile, request: PlacementRequest, seed: number) {
    this.prepared = prepareProfile(profile, request.requirements);
    this.#request = request;
    this.#seed = seed;
  }

  /** Brings the index to this snapshot. `request` has the key that the index was made for. */
  follow(snapshot: Snapshot, request: PlacementRequest): void {
    this.#request = request;
    const last = this.#snapshot;
    if (last === snapshot && this.#touched.length === 0) return;
    this.#snapshot = snapshot;
    this.#explanation = undefined;
    const known = last?.journalEnd ?? 0;
    const canFollow =
      last !== undefined &&
      last.layout === snapshot.layout &&
      known >= snapshot.journalStart &&
      known <= snapshot.journalEnd &&
      snapshot.journalEnd - known <= snapshot.size;
    if (canFollow) this.#catchUp(snapshot, known);
    else this.#rebuild(snapshot);
    this.#touched = [];
  }

  /** The name of the best node, if any takes the request. */
  best(snapshot: Snapshot): string | undefined {
    const position = this.#heap.top();
    return position < 0 ? undefined : snapshot.at(position).node.name;
  }

  /** Proposes nodes for up to `count` instances; fewer if the nodes are full, and then why. */
  takeBatch(snapshot: Snapshot, count: number): BatchPlacement {
    const footprint = footprintOf(this.#request.requirements);
    const nodeNames: string[] = [];
    const choices: Choice[] = [];
    const additions = new Map<number, Addition>();
    while (nodeNames.length < count) {
      const position = this.#heap.top();
      if (position < 0) break;
      const { node, committed } = snapshot.at(position);
      nodeNames.push(node.name);
      choices.push(choiceOf(snapshot, this.#heap, this.#view(snapshot, position, additions)));
      const known = additions.get(position);
      additions.set(position, {
        committed: committedWith(known?.committed ?? committed, footprint, 1),
        count: (known?.count ?? 0) + 1,
      });
      this.#judge(position, this.#view(snapshot, position, additions));
    }
    this.#touched.push(...additions.keys());
    const isShort = nodeNames.length < count;
    return { nodeNames, choices, explanation: isShort ? this.#explain(snapshot, additions) : undefined };
  }

  explain(snapshot: Snapshot): Explanation {
    this.#explanation ??= this.#explain(snapshot, noAdditions);
    return this.#explanation;
  }

  #explain(snapshot: Snapshot, additions: ReadonlyMap<number, Addition>): Explanation {
    const views = Array.from({ length: snapshot.size }, (_, position) =>
      this.#view(snapshot, position, additions),
    );
    return explainUnplaceable(this.prepared, views);
  }

  #catchUp(snapshot: Snapshot, from: number): void {
    this.#heap.grow(snapshot.size);
    const changed = new Set(this.#touched);
    for (let place = from; place < snapshot.journalEnd; place++) changed.add(snapshot.changedAt(place));
    for (const position of changed) this.#judge(position, this.#view(snapshot, position, noAdditions));
  }

  #rebuild(snapshot: Snapshot): void {
    const { size } = snapshot;
    this.#heap = new NodeHeap(size);
    this.#filteredNodes = [];
    this.#passedFilters = [];
    for (let i = 0; i < size; i++) {
      const position = (i + this.#seed) % size;
      this.#judge(position, this.#view(snapshot, position, noAdditions));
    }
  }

  #view(snapshot: Snapshot, position: number, additions: ReadonlyMap<number, Addition>): NodeView {
    const base = snapshot.at(position);
    const owned = this.#request.ownerInstancesOn(base.node.name);
    const addition = additions.get(position);
    if (addition === undefined) return viewOf(base, owned);
    return { ...base, committed: addition.committed, ownerInstances: owned + addition.count };
  }

  #judge(position: number, view: NodeView): void {
    if (this.#filteredNodes[position] !== view.node) {
      this.#filteredNodes[position] = view.node;
      this.#passedFilters[position] = passes(this.prepared.nodeFilters, view);
    }
    const isFeasible =
      this.#passedFilters[position] === true && passes(this.prepared.allocationFilters, view);
    if (isFeasible) this.#heap.put(position, totalScore(this.prepared, view), this.#order++);
    else this.#heap.remove(position);
  }
}
