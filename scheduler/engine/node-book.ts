/**
 * The nodes as the engine knows them: their sessions, what they said at hello, and their health.
 *
 *   (declared) suspect ──session, whole inventory──▶ connected ──session ends──▶ suspect ──lostAfter──▶ lost
 *                 ▲                                                                 │                    │
 *                 └──────────────── session, whole inventory ───────────────────────┴────────────────────┘
 *
 * A node counts as connected only after its whole inventory is known, so placement never works on half of it. A new
 * session of a daemon replaces the one before it. A daemon of another start is refused while that is open: it may be on
 * another machine with the same name.
 */
import type { WasmNode } from "../../api/gen/kinds.gen.ts";
import { ratioOf } from "../../api/overcommit.ts";
import { localWakeAnnotation } from "../../api/wake-up.ts";
import type { Clock, Timer } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Backend } from "../backend/backend.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import { assessNodeHealth, type NodeHealthMemory } from "../core/cluster-state/node-health.ts";
import type { TrafficBook } from "../core/cluster-state/traffic-book.ts";
import { UsageBook, type UsageFigures } from "../core/cluster-state/usage-book.ts";
import type { Instance, NodeCondition, NodeConnection, ObservedStatus, Overcommit } from "../core/model.ts";
import type {
  HeldInstance,
  InstanceUsage,
  NodeGateway,
  NodeHello,
  NodeListener,
  NodeModule,
  NodeSession,
  WorkloadTraffic,
} from "../nodes/node-port.ts";
import { promised } from "../core/overcommit.ts";
import { nothingCommitted } from "../core/resources.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { nodeLostReason, NodeObjects } from "./node-objects.ts";

export interface NodeBookOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly lostAfterMs: number;
  readonly state: ClusterState;
  /** Of nodes whose objects say nothing of it. */
  readonly overcommit: Overcommit;
  readonly events: EventRecorder;
  /** An instance that a node reports, with what is declared of it in place of what the node says. */
  readonly asDeclared: (instance: Instance) => Instance;
  readonly changed: (change: InstanceChange) => void;
  /** Something about nodes changed that may concern placement or held workloads. */
  readonly nodeChanged: (nodeName: string, kind: "nodeAdded" | "nodeUpdated") => void;
  /** It has told all that it holds. */
  readonly registered: (nodeName: string) => void;
  /** What it says of its gateway; undefined: it has none, or is gone. */
  readonly gatewayChanged: (nodeName: string, gateway: NodeGateway | undefined) => void;
  /** Requests wait at its gateway for these workloads. */
  readonly wakeUp: (nodeName: string, workloadUids: readonly string[]) => void;
  /** Less of a node is in use than before. */
  readonly usageFell: (nodeName: string) => void;
  /** A node has said what an instance of this owner uses. */
  readonly metered: (ownerUid: string) => void;
  readonly traffic: TrafficBook;
}

interface Connected {
  readonly session: NodeSession;
  /** Uids that the inventory has named; undefined once it is complete. */
  seen: Set<string> | undefined;
}

/** Where a node's metrics are read. */
export interface MetricsTarget {
  readonly name: string;
  /** HOST:PORT. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** After a connection has changed; next to nothing beside the seconds after which a node is lost. */
const assessDelayMs = 50;

export class NodeBook implements NodeListener, AsyncDisposable {
  readonly #options: NodeBookOptions;
  readonly #objects: NodeObjects;
  readonly #sessions = new Map<string, Connected>();
  readonly #hellos = new Map<string, NodeHello>();
  /** Of each node, the start of the daemon that has told its whole inventory last. */
  readonly #inventoried = new Map<string, string | undefined>();
  readonly #usage: UsageBook;
  /** Nodes declared before this process that have not been heard of yet. */
  readonly #unknown = new Set<string>();
  #health: NodeHealthMemory;
  #healthTimer: Timer | undefined;
  #assessTimer: Timer | undefined;

  constructor(options: NodeBookOptions) {
    this.#options = options;
    this.#health = { kind: "normal", sinceMs: options.clock.monotonic() };
    this.#usage = new UsageBook({ state: options.state, fell: options.usageFell, metered: options.metered });
    this.#objects = new NodeObjects({
      ...options,
      facts: (name) => {
        const node = options.state.node(name);
        if (!node) return undefined;
        const { connection, conditions, allocatable, overcommit } = node;
        return { hello: this.#hellos.get(name), connection, conditions, promisable: allocatable, overcommit };
      },
    });
  }

  /** Those with a session. */
  connectedNames(): Iterable<string> {
    return this.#sessions.keys();
  }

  /** Nodes that have a session and say where their metrics are. */
  *metricsTargets(): Iterable<MetricsTarget> {
    for (const name of this.#sessions.keys()) {
      const address = this.#hellos.get(name)?.metricsAddress;
      const node = this.#options.state.node(name);
      if (address !== undefined && node) yield { name, address, labels: node.labels };
    }
  }

  session(nodeName: string): NodeSession | undefined {
    return this.#sessions.get(nodeName)?.session;
  }

  /** Whether so many nodes are silent that none is declared lost. */
  get isMassSilence(): boolean {
    return this.#health.kind === "massSilence";
  }

  /** Whether some node of before has neither reported nor been given up. */
  hasUnknown(): boolean {
    return this.#unknown.size > 0;
  }

  usageOf(uid: string): UsageFigures | undefined {
    return this.#usage.figures(uid);
  }

  instanceChanged(change: InstanceChange): void {
    this.#usage.instanceChanged(change);
  }

  /** The WasmNode object, made by us or changed by somebody. */
  declared(object: WasmNode): void {
    const { name } = object.metadata;
    const isNew = !this.#options.state.node(name);
    if (isNew && !wasLost(object)) this.#unknown.add(name);
    this.#upsert(name, object);
    if (isNew) this.#assessSoon();
    this.#options.nodeChanged(name, "nodeUpdated");
  }

  undeclared(name: string): void {
    const connected = this.#sessions.get(name);
    this.#unknown.delete(name);
    this.#hellos.delete(name);
    this.#inventoried.delete(name);
    this.#usage.removeNode(name);
    this.#options.traffic.removeNode(name, this.#options.clock.monotonic());
    this.#options.gatewayChanged(name, undefined);
    const loss = this.#options.state.removeNode(name, this.#options.clock.now());
    for (const change of loss?.instances ?? []) this.#options.changed(change);
    this.#options.nodeChanged(name, "nodeUpdated");
    // A daemon that still runs registers again at once, and with it the object comes back, as a kubelet's Node does.
    connected?.session.close("the WasmNode object was deleted");
  }

  connected(hello: NodeHello, session: NodeSession): string | undefined {
    const { log, state } = this.#options;
    const before = this.#sessions.get(hello.name);
    const known = this.#hellos.get(hello.name);
    if (before && known?.bootId !== hello.bootId) {
      log.warn("node session refused: another daemon has the name", {
        node: hello.name,
        bootId: hello.bootId,
        otherBootId: known?.bootId,
      });
      return `a daemon of another start has an open session as node ${hello.name}: give each machine a name of its own; if that daemon is gone, try again until its silence is noticed`;
    }
    this.#sessions.set(hello.name, { session, seen: new Set() });
    before?.session.close("a newer session of this node has opened");
    this.#hellos.set(hello.name, hello);
    const nowMs = this.#options.clock.monotonic();
    this.#usage.connected(hello.name, nowMs);
    this.#options.traffic.connected(hello.name, hello.bootId, nowMs);
    this.#options.gatewayChanged(hello.name, hello.gateway);
    if (!state.node(hello.name)) this.#upsert(hello.name, undefined);
    else this.#upsert(hello.name, this.#declaredObject(hello.name));
    log.info("node session opened", { node: hello.name, version: hello.daemonVersion });
    return undefined;
  }

  inventory(session: NodeSession, held: readonly HeldInstance[], done: boolean): void {
    const connected = this.#current(session);
    if (!connected?.seen) return;
    for (const { instance, status } of held) {
      connected.seen.add(instance.uid);
      this.#take(session, instance, status);
    }
    if (done) this.#inventoryDone(session, connected, connected.seen);
  }

  statuses(
    session: NodeSession,
    statuses: readonly { readonly uid: string; readonly status: ObservedStatus }[],
  ): void {
    if (!this.#current(session)) return;
    for (const { uid, status } of statuses) {
      const outcome = this.#options.state.observe(session.nodeName, uid, status);
      if (outcome.kind === "changed") this.#options.changed(outcome.change);
      else if (outcome.kind === "unknown") this.#dismiss(session, uid, status);
    }
  }

  usages(session: NodeSession, usages: readonly InstanceUsage[]): void {
    if (!this.#current(session)) return;
    this.#usage.take(session.nodeName, usages, this.#options.clock.monotonic());
  }

  traffic(session: NodeSession, workloads: readonly WorkloadTraffic[]): void {
    if (!this.#current(session)) return;
    this.#options.traffic.take(session.nodeName, workloads, this.#options.clock.monotonic());
  }

  conditions(session: NodeSession, conditions: readonly NodeCondition[]): void {
    if (!this.#current(session)) return;
    const { nodeName } = session;
    if (!this.#options.state.setConditions(nodeName, conditions)) return;
    this.#objects.touch(nodeName);
    this.#options.nodeChanged(nodeName, "nodeUpdated");
  }

  modules(session: NodeSession, modules: readonly NodeModule[], complete: boolean): void {
    if (this.#current(session)) this.#options.state.updateModules(session.nodeName, modules, complete);
  }

  wakeUp(session: NodeSession, workloadUids: readonly string[]): void {
    if (this.#current(session)) this.#options.wakeUp(session.nodeName, workloadUids);
  }

  disconnected(session: NodeSession): void {
    if (!this.#current(session)) return;
    const { nodeName } = session;
    this.#sessions.delete(nodeName);
    this.#options.traffic.away(nodeName, this.#options.clock.monotonic());
    this.#options.log.warn("node session lost", { node: nodeName });
    this.#setConnection(nodeName, { kind: "suspect", sinceMs: this.#options.clock.monotonic() });
  }

  async close(): Promise<void> {
    this.#healthTimer?.cancel();
    this.#assessTimer?.cancel();
    await this.#objects.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #current(session: NodeSession): Connected | undefined {
    const connected = this.#sessions.get(session.nodeName);
    return connected?.session === session ? connected : undefined;
  }

  #take(session: NodeSession, instance: Instance, status: ObservedStatus): void {
    const isFinal = status.phase === "Succeeded" || status.phase === "Failed";
    const state = {
      kind: isFinal ? "ended" : "bound",
      nodeName: session.nodeName,
      observed: status,
    } as const;
    // What is lost on the way to it later may come back to no other node.
    const targetNode = instance.owner.kind === "WasmDaemonSet" ? session.nodeName : undefined;
    const outcome = this.#options.state.adopt({ ...this.#options.asDeclared(instance), targetNode, state });
    if (outcome.kind === "changed") {
      // Before its controller looks, which would take it for one too many.
      if (!isFinal && Object.hasOwn(instance.annotations, localWakeAnnotation))
        this.#options.wakeUp(session.nodeName, [instance.owner.uid]);
      this.#options.changed(outcome.change);
    } else if (outcome.kind === "refused") this.#dismiss(session, instance.uid, status);
    if (this.#options.state.instance(instance.uid)?.state.kind === "stopping")
      session.stop(instance.uid, undefined);
  }

  /** The node has something that the state does not want from it: a copy that was replaced, or a result long counted. */
  #dismiss(session: NodeSession, uid: string, status: ObservedStatus): void {
    if (status.phase === "Succeeded" || status.phase === "Failed") session.acknowledge(uid);
    else session.stop(uid, 0);
  }

  #inventoryDone(session: NodeSession, connected: Connected, seen: ReadonlySet<string>): void {
    const { state, clock, log, changed } = this.#options;
    const { nodeName } = session;
    connected.seen = undefined;
    const bootId = this.#hellos.get(nodeName)?.bootId;
    const isAnother = this.#inventoried.has(nodeName) && this.#inventoried.get(nodeName) !== bootId;
    this.#inventoried.set(nodeName, bootId);
    for (const instance of Array.from(state.instancesOn(nodeName))) {
      if (seen.has(instance.uid) || instance.state.kind === "ended" || instance.state.kind === "pending")
        continue;
      // Never heard of there: the assignment was lost on the way, so placement may decide anew. But a daemon of another start
      // may be on another machine with this name, and says nothing of what the first has got.
      const change =
        (isAnother ? undefined : state.forget(instance.uid)) ??
        state.markEnded(instance.uid, {
          reason: "NodeLost",
          message: `node ${nodeName} came back without it`,
          nowMs: clock.now(),
        });
      if (change) changed(change);
    }
    this.#unknown.delete(nodeName);
    this.#options.traffic.toldAll(nodeName);
    log.info("node connected", { node: nodeName, instances: seen.size });
    this.#setConnection(nodeName, { kind: "connected" });
    this.#options.registered(nodeName);
  }

  #setConnection(
    nodeName: string,
    connection: { kind: "connected" } | { kind: "suspect"; sinceMs: number },
  ): void {
    const { state, changed } = this.#options;
    if (!state.setConnection(nodeName, connection)) return;
    if (connection.kind !== "connected") this.#usage.away(nodeName);
    // What the API shows of an instance depends on whether its node can be reached.
    for (const instance of Array.from(state.instancesOn(nodeName))) {
      changed({ kind: "updated", instance, before: instance, freedOn: undefined });
    }
    this.#objects.touch(nodeName);
    this.#assessSoon();
    this.#options.nodeChanged(nodeName, connection.kind === "connected" ? "nodeAdded" : "nodeUpdated");
  }

  /** A look is at all nodes, and thousands may come or go at once. */
  #assessSoon(): void {
    this.#assessTimer ??= this.#options.clock.setTimer(assessDelayMs, () => {
      this.#assessTimer = undefined;
      this.#assessHealth();
    });
  }

  #assessHealth(): void {
    const { state, clock, lostAfterMs, log, changed } = this.#options;
    this.#healthTimer?.cancel();
    const nowMs = clock.monotonic();
    const health = assessNodeHealth({ nodes: state.nodes(), nowMs, lostAfterMs, memory: this.#health });
    if (health.memory.kind !== this.#health.kind) {
      log.warn(
        health.memory.kind === "massSilence" ? "too many nodes are silent: evictions stop" : "nodes are back",
      );
    }
    this.#health = health.memory;
    for (const name of health.lost) {
      const loss = state.loseNode(name, clock.now());
      this.#options.traffic.lost(name, nowMs);
      this.#options.gatewayChanged(name, undefined);
      log.warn("node lost, its instances are replaced", { node: name, instances: loss?.instances.length });
      for (const change of loss?.instances ?? []) changed(change);
      this.#unknown.delete(name);
      this.#objects.touch(name);
      this.#options.nodeChanged(name, "nodeUpdated");
    }
    const { wakeAtMs } = health;
    if (wakeAtMs !== undefined) {
      this.#healthTimer = clock.setTimer(wakeAtMs - nowMs, () => this.#assessHealth());
    }
  }

  #declaredObject(name: string): WasmNode | undefined {
    return this.#options.backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", name) as unknown as
      | WasmNode
      | undefined;
  }

  #upsert(name: string, object: WasmNode | undefined): void {
    const hello = this.#hellos.get(name);
    const overcommit = overcommitOf(object, this.#options.overcommit);
    const isGivenUp = object !== undefined && hello === undefined && wasLost(object);
    const ifNew: NodeConnection = isGivenUp
      ? { kind: "lost" }
      : { kind: "suspect", sinceMs: this.#options.clock.monotonic() };
    this.#options.state.upsertNode(
      {
        name,
        labels: { ...object?.metadata.labels, "kubernetes.io/hostname": name, ...hello?.labels },
        taints: (object?.spec.taints ?? []).map(({ key, value, effect }) => ({
          key,
          value: value ?? "",
          effect,
        })),
        unschedulable: object?.spec.unschedulable ?? false,
        allocatable: promised(hello?.allocatable ?? nothingCommitted, overcommit),
        overcommit,
        grants: hello?.grants,
        runtimes: hello?.runtimes ?? [],
      },
      ifNew,
    );
    this.#objects.touch(name);
  }
}

/** What the node's object says wins. Its texts are ratios: validation has seen to it. */
function overcommitOf(object: WasmNode | undefined, otherwise: Overcommit): Overcommit {
  const { cpu, memory } = object?.spec.overcommit ?? {};
  return {
    cpu: cpu === undefined ? otherwise.cpu : ratioOf(cpu),
    memory: memory === undefined ? otherwise.memory : ratioOf(memory),
  };
}

/**
 * Whether a leader of before has given the node up, and replaced what was on it: nothing is to be waited for. Otherwise machines that
 * are gone for good would hold up a new leader for ever.
 */
function wasLost({ status }: WasmNode): boolean {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready?.status === "False" && ready.reason === nodeLostReason;
}
