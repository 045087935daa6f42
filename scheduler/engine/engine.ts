/**
 * The scheduler's one loop: it owns the cluster state, and nothing else changes it.
 *
 *   declared objects ─┐                                ┌─▶ steps: make, stop, forget instances
 *   node sessions ────┼─▶ cluster state ─▶ dirty owners ┼─▶ status writes (coalesced per object)
 *   timers ───────────┘                                └─▶ placement ─▶ assign over the sessions
 *
 * Inputs change the state at once and mark owners dirty; once per event-loop turn the loop reconciles each dirty owner, as
 * far as the turn allows (see step-backlog.ts; large ones less often, see workload-pace.ts), and runs placement. Nothing here waits: writes to the backend and the sessions are queued elsewhere, and come back as
 * inputs.
 *
 * After the start, workloads that were declared before are left alone (held) until every node that could have their
 * instances has sent its inventory or is lost; new ones are placed at once. So a new leader duplicates nothing.
 *
 * Invariants: an instance is only assigned to a node after the state has assumed it; the end of a job's instance is
 * acknowledged to its node only after it is counted durably (see Reconciler).
 */
import type { InstanceExplanation, WasmNode } from "../../api/gen/kinds.gen.ts";
import type { CallEndpoint } from "../../api/call-ticket.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { EvictionOutcome, EvictionRequest, LogOptions } from "../apiserver/live-resource.ts";
import type { PlacementSimulator } from "../apiserver/placement-simulator.ts";
import type { AutoscalerFigures } from "../autoscaling/autoscaler-figures.ts";
import type { BackendEvent } from "../backend/backend.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { TrafficFigures } from "../core/cluster-state/traffic-book.ts";
import type { ClusterNode, Instance, WorkloadKind } from "../core/model.ts";
import type { NodeReport } from "../core/placement/explanation.ts";
import { EngineParts, type EngineOptions } from "./engine-parts.ts";
import { watchDeclaredObjects } from "./declared-objects.ts";
import { EngineFigures } from "./figures/engine-figures.ts";
import type { InstanceFigures } from "./instance-object.ts";
import { openLogOf } from "./instance-log.ts";
import { troubleOf } from "./instance-trouble.ts";
import { LiveInstances, type InstanceSource } from "./live-instances.ts";
import type { NodeBook } from "./node-book.ts";
import type { Progress } from "./step-backlog.ts";
import { Turns } from "./turns.ts";
import { WorkloadUsages } from "./workload-usages.ts";
import { isGang, templateOf, toWorkload, type Workload } from "./workloads.ts";

const retryAfterBugMs = 10_000;

export class Engine implements InstanceSource, AsyncDisposable {
  readonly live: LiveInstances;
  readonly usages: WorkloadUsages;
  readonly figures: EngineFigures;
  readonly #options: EngineOptions;
  readonly #parts: EngineParts;
  readonly #turns: Turns;
  readonly #stopping = new AbortController();

  constructor(options: EngineOptions) {
    this.#options = options;
    this.figures = new EngineFigures(options.clock, () => this.#parts);
    this.#turns = this.#makeTurns();
    this.live = new LiveInstances(this, options.clock.now() * 1000, options.log);
    this.usages = this.#makeUsages();
    this.#parts = new EngineParts(options, {
      mark: (uid) => this.#turns.mark(uid),
      markAll: (uids) => this.#turns.markAll(uids),
      schedule: () => this.#turns.schedule(),
      changed: (change) => this.#instanceChanged(change),
      nodeChanged: (name, kind) => this.#nodeChanged(name, kind),
      templatesChanged: (uid) => this.#templatesChanged(uid),
      seen: (workload) => this.#seen(workload),
      stored: (workload, before) => this.#workloadStored(workload, before),
    });
  }

  get nodes(): NodeBook {
    return this.#parts.nodes;
  }

  get autoscalers(): AutoscalerFigures | undefined {
    return this.#parts.autoscalers;
  }

  get simulator(): PlacementSimulator {
    return this.#parts.simulator;
  }

  /** Gateways that take calls of a workload's functions, in the order in which to try them. */
  callEndpoints(workloadUid: string): readonly CallEndpoint[] {
    return this.#parts.routing.callEndpoints(workloadUid, this.#options.random.fraction());
  }

  /** What gateways say of the requests for a workload; undefined: none has told of it. */
  trafficOf(workloadUid: string): TrafficFigures | undefined {
    return this.#parts.traffic.figures(workloadUid, this.#options.clock.monotonic());
  }

  #makeUsages(): WorkloadUsages {
    return new WorkloadUsages(
      {
        workloads: () => this.#parts.workloads.values(),
        instancesOf: (uid) => this.#parts.state.instancesOwnedBy(uid),
        isReachable: (nodeName) => this.isReachable(nodeName),
        usageOf: (uid) => this.nodes.usageOf(uid),
        trafficOf: (uid) => this.trafficOf(uid),
      },
      this.#options.clock,
    );
  }

  #makeTurns(): Turns {
    const { clock, log } = this.#options;
    return new Turns({
      prepare: () => {
        this.figures.turns.begin();
        this.#turns.markAll([...this.#parts.daemonSets.take()]);
        this.#parts.reconciler.beginTurn();
      },
      reconcile: (uid) => this.#reconcile(uid),
      failed: (uid, thrown) => {
        this.figures.turns.failures++;
        log.error("a workload could not be reconciled", { workload: uid, err: thrown });
        this.#parts.reconciler.abandon(uid);
        this.#parts.wakeUps.set(uid, clock.now() + retryAfterBugMs);
      },
      finish: () => {
        this.#parts.placement.run();
        this.#parts.routing.run();
        this.figures.turns.end();
      },
    });
  }

  /** Resolves when everything declared is known; node sessions may then be accepted. */
  async start(): Promise<void> {
    await watchDeclaredObjects(
      this.#options.backend,
      {
        node: (event) => this.#nodeEvent(event),
        config: (kind, event) => {
          this.#parts.config.event(kind, event);
          this.#parts.routing.configEvent(kind, event);
        },
        budget: (event) => this.#parts.budgets.event(event),
        quota: (event) => this.#parts.quotas.event(event),
        priorityClass: (event) => this.#priorityEvent(event),
        namespace: (event) => this.#namespaceEvent(event),
        revision: (event) => this.#parts.revisions.event(event),
        route: (event) => this.#parts.routing.routeEvent(event),
        workload: (kind, event, isOld) => this.#workloadEvent(kind, event, isOld),
      },
      this.#stopping.signal,
    );
    await this.#parts.cronJobs.start(this.#stopping.signal);
    await this.#parts.autoscalers?.start(this.#stopping.signal);
    this.#options.log.info("declared objects read", {
      workloads: this.#parts.workloads.size,
      held: this.#parts.held.size,
      nodes: [...this.#parts.state.nodes()].length,
    });
    this.#parts.routing.started();
    this.#nodesReported();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#turns.close();
    await this.#parts.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  *instances(namespace: string | undefined): Iterable<Instance> {
    for (const instance of this.#parts.state.instances()) {
      if (namespace === undefined || instance.namespace === namespace) yield instance;
    }
  }

  hasInstances(ownerUid: string): boolean {
    return this.#parts.state.countOwnedBy(ownerUid) > 0;
  }

  instanceNamed(namespace: string, name: string): Instance | undefined {
    return this.#parts.state.instanceNamed(namespace, name);
  }

  /** What every rule says of every node about a pending instance; undefined while that cannot be asked. */
  explainPlacement(uid: string): readonly NodeReport[] | undefined {
    return this.#parts.placement.explain(uid);
  }

  /** The nodes as placement sees them. */
  clusterNodes(): Iterable<ClusterNode> {
    return this.#parts.state.nodes();
  }

  isReachable(nodeName: string): boolean {
    return this.#parts.state.node(nodeName)?.connection.kind === "connected";
  }

  usageOf(uid: string): InstanceFigures | undefined {
    return this.nodes.usageOf(uid);
  }

  requestStop(uid: string, graceSeconds: number | undefined): void {
    this.#parts.reconciler.stop(uid, graceSeconds === undefined ? undefined : graceSeconds * 1000);
  }

  hasAllReports(): boolean {
    return !this.nodes.hasUnknown();
  }

  requestEviction(instance: Instance, request: EvictionRequest): EvictionOutcome {
    return this.#parts.evictions.request(instance, request);
  }

  explain(instance: Instance, limit: number): InstanceExplanation {
    return this.#parts.explainer.explain(instance, limit);
  }

  openLog(instance: Instance, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return openLogOf(instance, (name) => this.nodes.session(name), options, signal);
  }

  /** A template can be used now, or there is another one: its controller waits for that. */
  #templatesChanged(ownerUid: string): void {
    this.#parts.pace.wake(ownerUid);
    this.#turns.mark(ownerUid);
  }

  #workloadEvent(kind: WorkloadKind, event: Exclude<BackendEvent, { kind: "synced" }>, isOld: boolean): void {
    const { uid } = event.object.metadata;
    const workload = this.#parts.routing.view(toWorkload(kind, event.object));
    if (event.kind === "delete") {
      this.#parts.pace.wake(uid);
      this.#parts.workloads.delete(uid);
      this.#parts.held.delete(uid);
      this.#parts.config.workloadGone(uid);
      this.#parts.movable.delete(uid);
      this.#parts.daemonSets.delete(uid);
      this.#parts.reconciler.drop(uid);
      this.#parts.wakeUps.set(uid, undefined);
      this.#parts.routing.workloadGone(workload);
      this.#parts.traffic.removeWorkload(uid);
    } else {
      const before = this.#parts.workloads.get(uid);
      this.#parts.workloads.set(uid, workload);
      if (this.#parts.movable.put(workload)) this.#parts.rebalancer.wake();
      this.#parts.daemonSets.put(workload);
      this.#parts.routing.workloadPut(workload);
      if (before?.object.metadata.generation !== workload.object.metadata.generation) {
        this.#parts.pace.wake(uid);
        this.#parts.config.workloadChanged(uid);
      }
      if (before !== undefined && isGang(before) !== isGang(workload)) this.#parts.placement.gangChanged(uid);
      if (isOld && this.nodes.hasUnknown()) this.#parts.held.add(uid);
    }
    this.#parts.budgets.workloadChanged(workload);
    this.#turns.mark(uid);
  }

  /** It is woken up, or not after all: its controller acts as if it were declared so. */
  #seen(workload: Workload): void {
    const { uid } = workload.object.metadata;
    this.#parts.workloads.set(uid, workload);
    // Nothing is wanted of it yet, so nothing can be made twice.
    this.#parts.held.delete(uid);
    this.#parts.pace.wake(uid);
    this.#parts.budgets.workloadChanged(workload);
    this.#turns.mark(uid);
  }

  /** Instances keep the priority that they were made with; what could not be made for want of the class now can. */
  #priorityEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    if (event.kind === "put") this.#parts.priorities.put(event.object);
    else this.#parts.priorities.delete(event.object);
    const { name } = event.object.metadata;
    for (const [uid, workload] of this.#parts.workloads)
      if (templateOf(workload).spec.priorityClassName === name) this.#turns.mark(uid);
  }

  /** Terms of affinity may select namespaces by their labels. */
  #namespaceEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { name, labels = {} } = event.object.metadata;
    const known = event.kind === "put" ? labels : undefined;
    this.#parts.state.setNamespace(name, known);
    this.#parts.routing.namespaceChanged(name, known);
    this.#options.observer?.namespaceChanged(name, known);
    this.#parts.placement.namespaceChanged();
  }

  #nodeEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const node = event.object as unknown as WasmNode & ApiObject;
    if (event.kind === "put") this.nodes.declared(node);
    else this.nodes.undeclared(node.metadata.name);
  }

  #nodeChanged(nodeName: string, kind: "nodeAdded" | "nodeUpdated"): void {
    const node = this.#parts.state.node(nodeName);
    this.#parts.placement.nodeChanged(nodeName, kind);
    this.#options.observer?.nodeChanged(nodeName, node);
    this.#parts.daemonSets.nodeChanged(nodeName, node);
    this.#parts.evictions.nodeChanged(nodeName);
    this.#parts.taintEvictions.nodeChanged(nodeName);
    this.#parts.rebalancer.wake();
    this.#nodesReported();
    this.#turns.schedule();
  }

  /**
   * Our own write, before the watch brings it: a controller must never count from an older status than is stored. If the
   * watch has brought something since, that is this write or a later one.
   */
  #workloadStored(workload: Workload, before: Workload): void {
    const { uid } = workload.object.metadata;
    if (this.#parts.workloads.get(uid) !== before) return;
    this.#parts.workloads.set(uid, this.#parts.routing.view(workload));
    this.#parts.budgets.workloadChanged(workload);
    if (this.#parts.movable.put(workload)) this.#parts.rebalancer.wake();
  }

  /** If all have, what their instances use is known, and old workloads may be reconciled. */
  #nodesReported(): void {
    if (this.nodes.hasUnknown()) return;
    this.#parts.quotas.usageIsKnown();
    this.#parts.budgets.instancesAreKnown();
    this.#parts.routing.open();
    this.#parts.autoscalers?.nodesAreKnown();
    if (this.#parts.held.size === 0) return;
    this.#options.log.info("all nodes have reported; workloads are reconciled again", {
      workloads: this.#parts.held.size,
    });
    const released = [...this.#parts.held];
    this.#parts.held.clear();
    this.#turns.markAll(released);
  }

  #instanceChanged(change: InstanceChange): void {
    const { instance } = change;
    if (change.kind === "added") this.#options.traces?.made(instance.owner.uid);
    this.figures.instances.changed(change, this.#options.clock.now());
    this.nodes.instanceChanged(change);
    if (change.kind === "removed") {
      this.live.removed(instance);
    } else {
      this.live.changed(instance, change.before);
    }
    this.#parts.quotas.instanceChanged(change);
    this.#parts.budgets.instanceChanged(change);
    this.#parts.evictions.instanceChanged(change);
    this.#parts.placement.instanceChanged(change);
    this.#options.observer?.instanceChanged(change);
    this.#parts.taintEvictions.instanceChanged(change);
    this.#parts.reconciler.instanceChanged(change);
    this.#parts.routing.instanceChanged(change);
    this.#parts.rebalancer.instanceChanged(change);
    this.#parts.autoscalers?.instanceChanged(change);
    const trouble = troubleOf(change);
    if (trouble) this.#parts.events.record(trouble);
    this.#turns.mark(instance.owner.uid);
  }

  #reconcile(uid: string): Progress | undefined {
    if (this.#parts.held.has(uid)) return undefined;
    const workload = this.#parts.workloads.get(uid);
    const { traces } = this.#options;
    const look = () => this.#look(uid, workload);
    return this.figures.turns.reconciled(workload?.kind ?? "Gone", () =>
      traces ? traces.reconcile(uid, look) : look(),
    );
  }

  #look(uid: string, workload: Workload | undefined): Progress | undefined {
    const progress = this.#parts.reconciler.goOn(uid, workload);
    // What was marked during its steps has been passed over.
    if (progress === "done") this.#turns.mark(uid);
    if (progress !== undefined || this.#parts.pace.rests(uid)) return progress;
    this.#parts.pace.note(uid, this.#parts.daemonSets.sizeOf(uid, this.#parts.state.countOwnedBy(uid)));
    // The state changes only when steps are executed; what that makes dirty is looked at in the next turn.
    if (workload) this.#parts.wakeUps.set(uid, this.#parts.reconciler.reconcile(workload));
    else this.#parts.reconciler.reconcileOrphans(uid);
    return this.#parts.reconciler.goOn(uid, workload);
  }
}
