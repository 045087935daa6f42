import { Bug } from "../../../kit/errors.ts";
import type { ClusterNode, Instance, InstanceState, NodeCapacity } from "../model.ts";
import {
  emptyNode,
  portsWith,
  SnapshotBuilder,
  type NodeSnapshot,
  type Snapshot,
} from "../placement/snapshot.ts";
import { committedWith, footprintOf, isolationOn, nothingCommitted } from "../resources.ts";
import { FreeableRoom } from "./freeable-room.ts";
import { instancesIn, type InstanceEntry } from "./instance-index.ts";
import { Populations } from "./populations.ts";

interface NodeEntry {
  /** As placement sees it; replaced by every change. */
  view: NodeSnapshot;
  /** Bound, stopping and ended instances: all that the node may still hold. */
  readonly instances: Set<InstanceEntry>;
  /** Pending instances for which room is reserved. */
  readonly nominees: Set<InstanceEntry>;
  readonly freeable: FreeableRoom;
}

/** Nodes, what is committed on each, and where the instances of each template are. Every operation is O(1) per instance. */
export class NodeIndex {
  readonly #nodes = new Map<string, NodeEntry>();
  readonly populations = new Populations();
  /** How many instances are bound or nominated, by priority. */
  readonly #priorities = new Map<number, number>();
  readonly #dirty = new Set<NodeEntry>();
  readonly #builder = new SnapshotBuilder();

  get(name: string): ClusterNode | undefined {
    return this.#nodes.get(name)?.view.node;
  }

  committedOn(name: string): NodeCapacity {
    return this.#nodes.get(name)?.view.committed ?? nothingCommitted;
  }

  view(name: string): NodeSnapshot | undefined {
    return this.#nodes.get(name)?.view;
  }

  all(): Iterable<ClusterNode> {
    return nodesIn(this.#nodes.values());
  }

  instancesOn(name: string): Iterable<Instance> {
    return instancesIn(this.#nodes.get(name)?.instances ?? []);
  }

  nomineesOn(name: string): Iterable<Instance> {
    return instancesIn(this.#nodes.get(name)?.nominees ?? []);
  }

  freeableOn(name: string): FreeableRoom | undefined {
    return this.#nodes.get(name)?.freeable;
  }

  hasLowerThan(priority: number): boolean {
    for (const taken of this.#priorities.keys()) if (taken < priority) return true;
    return false;
  }

  entriesOn(name: string): readonly InstanceEntry[] {
    return [...(this.#nodes.get(name)?.instances ?? [])];
  }

  put(node: ClusterNode): void {
    let entry = this.#nodes.get(node.name);
    if (entry === undefined) {
      entry = {
        view: { node, ...emptyNode },
        instances: new Set(),
        nominees: new Set(),
        freeable: new FreeableRoom(),
      };
      this.#nodes.set(node.name, entry);
    } else entry.view = { ...entry.view, node };
    this.#dirty.add(entry);
  }

  /** Changes what is known of a node beside what it is. */
  note(name: string, known: Partial<Pick<NodeSnapshot, "modules" | "usageExcess">>): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined) return;
    entry.view = { ...entry.view, ...known };
    this.#dirty.add(entry);
  }

  delete(name: string): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined) return;
    this.#nodes.delete(name);
    this.#dirty.delete(entry);
    this.#builder.delete(name);
  }

  /** Moves an instance between states or nodes: the accounts of `before` are undone, those of `after` made. */
  account(entry: InstanceEntry, before: Instance | undefined, after: Instance | undefined): void {
    if (before !== undefined) this.#book(entry, before, -1);
    if (after !== undefined) this.#book(entry, after, 1);
  }

  snapshot(): Snapshot {
    for (const { view } of this.#dirty) this.#builder.put(view);
    this.#dirty.clear();
    return this.#builder.snapshot();
  }

  #book(entry: InstanceEntry, instance: Instance, sign: 1 | -1): void {
    const { state } = instance;
    const nodeName = nodeNameIn(state);
    if (nodeName === undefined) return;
    const node = this.#nodes.get(nodeName);
    if (node === undefined) {
      // Ended instances outlive their node until a controller has counted them.
      if (state.kind === "ended" || sign < 0) return;
      throw new Bug(`instance ${instance.uid} is bound to node ${nodeName}, which is unknown`);
    }
    const members = state.kind === "pending" ? node.nominees : node.instances;
    if (sign > 0) members.add(entry);
    else members.delete(entry);
    if (state.kind === "ended") return;
    const { requests, claims } = instance;
    const footprint = footprintOf({ requests, claims, isolation: isolationOn(instance) });
    const { view } = node;
    const committed = committedWith(view.committed, footprint, sign);
    node.view = { ...view, committed, ports: portsWith(view.ports, claims.ports, sign) };
    const occupancy = state.kind === "pending" ? "nominated" : state.kind;
    node.freeable.account(occupancy, instance.priority, footprint, sign);
    if (occupancy !== "stopping") this.#countPriority(instance.priority, sign);
    // A reserved place is as good as taken, for the instance's neighbours too.
    this.populations.account(instance, nodeName, occupancy !== "stopping", sign);
    this.#dirty.add(node);
  }

  #countPriority(priority: number, by: number): void {
    const count = (this.#priorities.get(priority) ?? 0) + by;
    if (count > 0) this.#priorities.set(priority, count);
    else this.#priorities.delete(priority);
  }
}

/** Where an instance is, or has room reserved. */
function nodeNameIn(state: InstanceState): string | undefined {
  return state.kind === "pending" ? state.nominatedNode : state.nodeName;
}

function* nodesIn(entries: Iterable<NodeEntry>): Iterable<ClusterNode> {
  for (const entry of entries) yield entry.view.node;
}
