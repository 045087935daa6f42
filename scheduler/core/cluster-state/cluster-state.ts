/**
 * All that the leader knows of nodes and instances, in memory. One loop, the engine's, calls it; nobody else.
 *
 *              addInstance            assume                    observe (final)
 *   (unknown) ───────────▶ pending ◀──────────▶ bound ─────────────────────────────▶ ended
 *                             │       forget      │ markStopping                     ▲   │ removeInstance
 *                             │                   ▼          observe (final)         │   ▼
 *                             │                stopping ─────────────────────────────┘ (unknown)
 *                             └─ markStopping ──▶ (unknown)
 *   pending ── nominate / withdraw: room on one node is reserved for it, or no longer ── assume, anywhere, ends it, too
 *   (unknown) ── adopt: what a node says it holds ──▶ bound or ended
 *   loseNode and removeNode end every instance of the node with reason NodeLost; markEnded does it to one.
 *
 * It decides nothing and calls nobody: each operation returns what changed. Values it hands out are immutable.
 * Invariants: committed of a node is the sum of the footprints of its bound and stopping instances and of those nominated for
 * it; nobody is nominated for a node that is unknown or lost; an ended instance never lives again; of two reports that with
 * the lower sequence never wins, but what an inventory says holds; assume never puts a node over its allocatable, nor two
 * instances on one port (adopt may: what runs, runs). Every operation is O(1) per instance it touches; of an eviction, as
 * much as there are workloads which that node has evicted.
 */
import { listenersConflict, listenPlaceText } from "../../../api/listen-rules.ts";
import type {
  ClusterNode,
  HostPort,
  Instance,
  InstanceState,
  NodeCondition,
  NodeConnection,
  ObservedStatus,
  Resources,
} from "../model.ts";
import type { Neighbours } from "../placement/neighbours.ts";
import { portsWith, type ModuleState, type NodeSnapshot, type Snapshot } from "../placement/snapshot.ts";
import { QuotaUsage } from "../quota/quota-usage.ts";
import { isUnderPressure } from "../node-pressure.ts";
import { committedWith, fits, footprintOf, isolationOn, shortfalls } from "../resources.ts";
import type {
  AdoptOutcome,
  AssumeOutcome,
  InstanceChange,
  NodeChange,
  NodeLoss,
  ObserveOutcome,
} from "./changes.ts";
import type { FreeableRoom } from "./freeable-room.ts";
import { InstanceIndex, type InstanceEntry } from "./instance-index.ts";
import { NodeIndex } from "./node-index.ts";
import { type DeclaredEnd, endedStatus, isFinal, isOlder, isSame, isSameEnd } from "./reports.ts";

export type NodeDeclaration = Omit<ClusterNode, "connection" | "conditions" | "evictedOwners">;

/** Names of modules that are remembered of a node: as many as its daemon tells. */
const modulesPerNodeMax = 1_000;

export interface ModuleChange {
  readonly image: string;
  readonly state: ModuleState | "gone";
}

export class ClusterState {
  readonly #instances = new InstanceIndex();
  readonly #nodes = new NodeIndex();
  /** What the placed instances of each namespace use. Read only, outside. */
  readonly quotaUsage = new QuotaUsage();

  instance(uid: string): Instance | undefined {
    return this.#instances.entry(uid)?.instance;
  }

  instanceNamed(namespace: string, name: string): Instance | undefined {
    return this.#instances.named(namespace, name);
  }

  instances(): Iterable<Instance> {
    return this.#instances.all();
  }

  instancesOwnedBy(ownerUid: string): Iterable<Instance> {
    return this.#instances.ownedBy(ownerUid);
  }

  /** Bound, stopping and ended instances of a node. */
  instancesOn(nodeName: string): Iterable<Instance> {
    return this.#nodes.instancesOn(nodeName);
  }

  countOwnedBy(ownerUid: string): number {
    return this.#instances.countOwnedBy(ownerUid);
  }

  /** Uids of owners that have instances, whether declared or not. */
  owners(): Iterable<string> {
    return this.#instances.owners();
  }

  /** Pending instances for which room is reserved on a node. */
  nomineesOn(nodeName: string): Iterable<Instance> {
    return this.#nodes.nomineesOn(nodeName);
  }

  /** What of a node's committed could become free; undefined: nobody knows the node. */
  freeableOn(nodeName: string): FreeableRoom | undefined {
    return this.#nodes.freeableOn(nodeName);
  }

  /** Whether any instance of a lower priority is bound to a node or nominated for one, so could give way. */
  hasLowerThan(priority: number): boolean {
    return this.#nodes.hasLowerThan(priority);
  }

  pending(): Iterable<Instance> {
    return this.#instances.pending();
  }

  get instanceCount(): number {
    return this.#instances.size;
  }

  node(name: string): ClusterNode | undefined {
    return this.#nodes.get(name);
  }

  nodes(): Iterable<ClusterNode> {
    return this.#nodes.all();
  }

  committedOn(nodeName: string): ClusterNode["allocatable"] {
    return this.#nodes.committedOn(nodeName);
  }

  /** A node as placement sees it. */
  view(nodeName: string): NodeSnapshot | undefined {
    return this.#nodes.view(nodeName);
  }

  /** The placed instances, counted by labels and nodes. Live: it changes with the state. */
  get neighbours(): Neighbours {
    return this.#nodes.populations;
  }

  /** The labels of a namespace, by which terms of affinity select; undefined: it is gone. */
  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    this.#nodes.populations.setNamespace(name, labels);
  }

  /** The labels of all namespaces. */
  namespaces(): Iterable<readonly [name: string, labels: Readonly<Record<string, string>>]> {
    return this.#nodes.populations.namespaces();
  }

  /** Takes in a new node as another state sees it, without what is on it. */
  putNode({ node, modules, usageExcess }: NodeSnapshot): void {
    this.#nodes.put(node);
    this.#nodes.note(node.name, { modules, usageExcess });
  }

  /** What placement works on. Costs only what changed since the last one; the same value if nothing did. */
  snapshot(): Snapshot {
    return this.#nodes.snapshot();
  }

  addInstance(given: Instance): InstanceChange {
    const entry = this.#instances.add(given);
    const { instance } = entry;
    this.#nodes.account(entry, undefined, instance);
    this.quotaUsage.account(undefined, instance);
    return { kind: "added", instance, before: undefined, freedOn: undefined };
  }

  /** Says of a pending instance why it is. */
  explainPending(uid: string, reason: string, message: string): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || state?.kind !== "pending") return undefined;
    if (state.reason === reason && state.message === message) return undefined;
    return this.#become(entry, { ...state, reason, message });
  }

  /** Commits a proposal of placement, if it still holds. */
  assume(uid: string, nodeName: string): AssumeOutcome {
    const entry = this.#instances.entry(uid);
    if (entry?.instance.state.kind !== "pending") return { kind: "gone" };
    const node = this.#nodes.get(nodeName);
    if (node === undefined) return { kind: "rejected", message: `node ${nodeName} is gone` };
    if (node.connection.kind !== "connected")
      return { kind: "rejected", message: `node ${nodeName} is ${node.connection.kind}` };
    const footprint = footprintOf(entry.instance);
    // What is reserved there for this very instance is not in its way.
    const isReserved = entry.instance.state.nominatedNode === nodeName;
    const there = this.#nodes.committedOn(nodeName);
    const committed = isReserved ? committedWith(there, footprint, -1) : there;
    if (!fits(node.allocatable, committed, footprint)) {
      const lacking = shortfalls(node.allocatable, committed, footprint).map(({ resource }) => resource);
      return { kind: "rejected", message: `node ${nodeName} has too little ${lacking.join(", ")} left` };
    }
    const taken = this.#takenPort(nodeName, entry.instance, isReserved);
    if (taken !== undefined)
      return {
        kind: "rejected",
        message: `port ${listenPlaceText(taken)} of node ${nodeName} is held by another instance`,
      };
    return { kind: "assumed", change: this.#become(entry, { kind: "bound", nodeName, observed: undefined }) };
  }

  /** Takes back an assume that never reached its node. Undefined if the node has reported the instance since. */
  forget(uid: string): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || state?.kind !== "bound" || state.observed !== undefined) return undefined;
    return this.#become(entry, noNode);
  }

  /**
   * Reserves room on a node for a pending instance, more than there is if need be: others are to leave. It has none reserved
   * elsewhere then. Undefined if it is not pending, or the node is not connected.
   */
  nominate(uid: string, nodeName: string): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || state?.kind !== "pending") return undefined;
    if (this.#nodes.get(nodeName)?.connection.kind !== "connected") return undefined;
    return this.#become(entry, { ...state, nominatedNode: nodeName });
  }

  /** Gives up the room that is reserved for an instance. Undefined if there is none. */
  withdraw(uid: string): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || state?.kind !== "pending" || state.nominatedNode === undefined)
      return undefined;
    return this.#become(entry, noNode);
  }

  /** Takes in what a node says of one instance. */
  observe(nodeName: string, uid: string, status: ObservedStatus): ObserveOutcome {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || state === undefined || state.kind === "pending") return { kind: "unknown" };
    if (state.nodeName !== nodeName) return { kind: "unknown" };
    if (state.kind === "ended" || isOlder(status, state.observed)) return { kind: "stale" };
    return { kind: "changed", change: this.#report(entry, state.kind, nodeName, status) };
  }

  /** Notes that an instance is to stop; a pending one is gone at once. Undefined if there is nothing to stop. */
  markStopping(uid: string): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || state === undefined) return undefined;
    if (state.kind === "pending") return this.removeInstance(uid);
    if (state.kind !== "bound") return undefined;
    return this.#become(entry, { kind: "stopping", nodeName: state.nodeName, observed: state.observed });
  }

  /** Notes that an instance should go, and why, or (undefined) that it may stay. Undefined if it is over, or nothing changed. */
  setLeaving(uid: string, why: string | undefined): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    if (entry === undefined || entry.instance.leaving === why) return undefined;
    const { kind } = entry.instance.state;
    if (kind !== "pending" && kind !== "bound") return undefined;
    const before = entry.instance;
    const instance: Instance = { ...before, leaving: why };
    this.#instances.replace(entry, instance);
    return { kind: "updated", instance, before, freedOn: undefined };
  }

  /** Takes back a markStopping of which the node has not been told. */
  keep(uid: string): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || state?.kind !== "stopping") return undefined;
    return this.#become(entry, { kind: "bound", nodeName: state.nodeName, observed: state.observed });
  }

  /** Ends an instance without its node's word: the node is lost, or does not have it any more. */
  markEnded(uid: string, end: DeclaredEnd): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    const state = entry?.instance.state;
    if (entry === undefined || (state?.kind !== "bound" && state?.kind !== "stopping")) return undefined;
    const observed = endedStatus(state.observed, end);
    return this.#become(entry, { kind: "ended", nodeName: state.nodeName, observed });
  }

  /** Forgets an instance, whatever its state. */
  removeInstance(uid: string): InstanceChange | undefined {
    const entry = this.#instances.entry(uid);
    if (entry === undefined) return undefined;
    const { instance } = entry;
    this.#instances.remove(entry);
    this.#nodes.account(entry, instance, undefined);
    this.quotaUsage.account(instance, undefined);
    return { kind: "removed", instance, before: instance, freedOn: occupiedNode(instance.state) };
  }

  /** Takes in what a node holds. `held` is bound or ended on that node, which is known. */
  adopt(held: Instance & { readonly state: { readonly kind: "bound" | "ended" } }): AdoptOutcome {
    const entry = this.#instances.entry(held.uid);
    this.#noteEviction(held);
    if (entry === undefined) return { kind: "changed", change: this.addInstance(held) };
    const { state } = entry.instance;
    if (state.kind === "pending") return { kind: "changed", change: this.#become(entry, held.state) };
    // The same end again, because the session is a new one: the node keeps it until it is counted and forgotten.
    if (state.kind === "ended")
      return isSameEnd(held.state, state) ? { kind: "unchanged" } : { kind: "refused", why: "ended" };
    if (state.nodeName !== held.state.nodeName) return { kind: "refused", why: "elsewhere" };
    if (held.state.observed === undefined || isSame(held.state.observed, state.observed))
      return { kind: "unchanged" };
    // Whatever its sequence: a node whose disk took no writes counts anew from where it was, and this is how it is now.
    return { kind: "changed", change: this.#report(entry, state.kind, state.nodeName, held.state.observed) };
  }

  /** Takes in a declared node. A new one gets `connectionIfNew`; a known one keeps its own. */
  upsertNode(declaration: NodeDeclaration, connectionIfNew: NodeConnection): NodeChange {
    const before = this.#nodes.get(declaration.name);
    const {
      connection = connectionIfNew,
      conditions = [],
      evictedOwners = new Set<string>(),
    }: Partial<ClusterNode> = before ?? {};
    const node: ClusterNode = { ...declaration, connection, conditions, evictedOwners };
    this.#nodes.put(node);
    return { kind: before === undefined ? "added" : "updated", node, before };
  }

  /** Notes that a session opened or broke. For the end of a silent node see {@link loseNode}. */
  setConnection(nodeName: string, connection: NodeConnection): NodeChange | undefined {
    const before = this.#nodes.get(nodeName);
    if (before === undefined || sameConnection(before.connection, connection)) return undefined;
    const node: ClusterNode = { ...before, connection };
    this.#nodes.put(node);
    return { kind: "updated", node, before };
  }

  /** Takes in what a node says of itself. Undefined: nobody knows the node, or nothing has changed. */
  setConditions(nodeName: string, conditions: readonly NodeCondition[]): NodeChange | undefined {
    const before = this.#nodes.get(nodeName);
    if (before === undefined || sameConditions(before.conditions, conditions)) return undefined;
    const evictedOwners = isUnderPressure(conditions) ? before.evictedOwners : new Set<string>();
    const node: ClusterNode = { ...before, conditions, evictedOwners };
    this.#nodes.put(node);
    return { kind: "updated", node, before };
  }

  /** Takes in which modules a node has: all of them (`complete`), or what has changed. A hint for scores, no event. */
  updateModules(nodeName: string, changes: readonly ModuleChange[], complete: boolean): void {
    const before = this.#nodes.view(nodeName)?.modules;
    if (before === undefined) return;
    const modules = new Map(complete ? [] : before);
    for (const { image, state } of changes) {
      modules.delete(image);
      if (state !== "gone") modules.set(image, state);
    }
    // A node that says more than it should is believed what it said last.
    for (const image of modules.keys()) {
      if (modules.size <= modulesPerNodeMax) break;
      modules.delete(image);
    }
    this.#nodes.note(nodeName, { modules });
  }

  /** See `usageExcess` of {@link NodeSnapshot}. A hint, no event. */
  setUsageExcess(nodeName: string, usageExcess: Resources | undefined): void {
    this.#nodes.note(nodeName, { usageExcess });
  }

  /** Gives up a silent node: it is lost, and with it all its instances. */
  loseNode(nodeName: string, nowMs: number): NodeLoss | undefined {
    const node = this.setConnection(nodeName, { kind: "lost" });
    if (node === undefined) return undefined;
    return { node, instances: this.#endAllOn(nodeName, `node ${nodeName} is lost`, nowMs) };
  }

  /** Forgets a node; its instances end as lost. */
  removeNode(nodeName: string, nowMs: number): NodeLoss | undefined {
    const node = this.#nodes.get(nodeName);
    if (node === undefined) return undefined;
    const instances = this.#endAllOn(nodeName, `node ${nodeName} was deleted`, nowMs);
    this.#nodes.delete(nodeName);
    return { node: { kind: "removed", node, before: node }, instances };
  }

  #takenPort(nodeName: string, { claims }: Instance, isReserved: boolean): HostPort | undefined {
    if (claims.ports.length === 0) return undefined;
    const there = this.#nodes.view(nodeName)?.ports ?? [];
    const held = isReserved ? portsWith(there, claims.ports, -1) : there;
    return claims.ports.find((port) => held.some((other) => listenersConflict(port, other)));
  }

  #endAllOn(nodeName: string, message: string, nowMs: number): readonly InstanceChange[] {
    const changes: InstanceChange[] = [];
    for (const { uid } of Array.from(this.#nodes.nomineesOn(nodeName))) {
      const change = this.withdraw(uid);
      if (change !== undefined) changes.push(change);
    }
    for (const { instance } of this.#nodes.entriesOn(nodeName)) {
      const change = this.markEnded(instance.uid, { reason: "NodeLost", message, nowMs });
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  #report(
    entry: InstanceEntry,
    kind: "bound" | "stopping",
    nodeName: string,
    status: ObservedStatus,
  ): InstanceChange {
    const change = this.#become(entry, {
      kind: isFinal(status) ? "ended" : kind,
      nodeName,
      observed: status,
    });
    this.#noteEviction(change.instance);
    return change;
  }

  #become(entry: InstanceEntry, state: InstanceState): InstanceChange {
    const before = entry.instance;
    const instance: Instance = { ...before, state };
    const isElsewhere =
      before.state.kind !== state.kind || occupiedNode(before.state) !== occupiedNode(state);
    if (isElsewhere || isolationOn(before) !== isolationOn(instance)) {
      this.#nodes.account(entry, before, instance);
      this.quotaUsage.account(before, instance);
    }
    this.#instances.replace(entry, instance);
    const freed = occupiedNode(before.state);
    const freedOn = occupiedNode(state) === freed ? undefined : freed;
    return { kind: "updated", instance, before, freedOn };
  }

  /**
   * The node would evict the next one of this owner, too, as long as it is under pressure. That it is, nodes say before they
   * say whom they evicted; so the ends of earlier times, which an inventory may still hold, count nothing.
   */
  #noteEviction({ state, owner }: Instance): void {
    if (state.kind !== "ended" || state.observed.reason !== "Evicted") return;
    const node = this.#nodes.get(state.nodeName);
    if (node === undefined || !isUnderPressure(node.conditions) || node.evictedOwners.has(owner.uid)) return;
    this.#nodes.put({ ...node, evictedOwners: new Set([...node.evictedOwners, owner.uid]) });
  }
}

const noNode: InstanceState = { kind: "pending", reason: "", message: "", nominatedNode: undefined };

/** The node whose capacity an instance in this state uses. */
function occupiedNode(state: InstanceState): string | undefined {
  if (state.kind === "pending") return state.nominatedNode;
  return state.kind === "bound" || state.kind === "stopping" ? state.nodeName : undefined;
}

function sameConnection(a: NodeConnection, b: NodeConnection): boolean {
  return a.kind === b.kind && (a.kind !== "suspect" || b.kind !== "suspect" || a.sinceMs === b.sinceMs);
}

function sameConditions(a: readonly NodeCondition[], b: readonly NodeCondition[]): boolean {
  const isSame = (one: NodeCondition, other: NodeCondition | undefined) =>
    one.type === other?.type &&
    one.status === other.status &&
    one.reason === other.reason &&
    one.message === other.message &&
    one.transitionMs === other.transitionMs;
  return a.length === b.length && a.every((one, place) => isSame(one, b[place]));
}
