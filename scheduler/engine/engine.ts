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
import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { EvictionOutcome, EvictionRequest, LogOptions } from "../apiserver/live-resource.ts";
import type { PlacementSimulator } from "../apiserver/placement-simulator.ts";
import type { Backend, BackendEvent } from "../backend/backend.ts";
import type { ObjectCounts } from "../backend/object-counts.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { PlacementObserver } from "../recording/placement-observer.ts";
import { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { ClusterNode, Instance, WorkloadKind } from "../core/model.ts";
import type { NodeReport } from "../core/placement/explanation.ts";
import {
  defaultConfiguration,
  limitsUsage,
  type PlacementConfiguration,
} from "../core/placement/profile-declaration.ts";
import { PriorityClasses } from "../core/priority-classes.ts";
import { ConfigKeeper } from "./config-keeper.ts";
import { configLookup } from "./config-lookup.ts";
import { watchDeclaredObjects } from "./declared-objects.ts";
import { DaemonSetMarks } from "./daemon-set-marks.ts";
import { CronJobKeeper } from "./cron/cron-job-keeper.ts";
import { BudgetKeeper } from "./disruption/budget-keeper.ts";
import { Evictions } from "./disruption/evictions.ts";
import { EventRecorder } from "./event-recorder.ts";
import type { InstanceFigures } from "./instance-object.ts";
import { openLogOf } from "./instance-log.ts";
import { declaredParts } from "./new-instance.ts";
import { InstanceExplainer } from "./instance-explainer.ts";
import { troubleOf } from "./instance-trouble.ts";
import { LiveInstances, type InstanceSource } from "./live-instances.ts";
import { NodeBook } from "./node-book.ts";
import { EngineSimulator } from "./placement-simulation/engine-simulator.ts";
import { PlacementRunner } from "./placement-runner.ts";
import { QuotaKeeper } from "./quota-keeper.ts";
import { Reconciler } from "./reconciler.ts";
import { MovableWorkloads } from "./rebalancing/movable-workloads.ts";
import { makeRebalancer } from "./rebalancing/make-rebalancer.ts";
import type { Rebalancer } from "./rebalancing/rebalancer.ts";
import { RevisionKeeper } from "./revisions/revision-keeper.ts";
import { Routing } from "./routes/routing.ts";
import { TaintEvictions } from "./taint-evictions.ts";
import { type CatalogueEntry, TemplateCatalogue } from "./template-catalogue.ts";
import type { Progress } from "./step-backlog.ts";
import { Turns } from "./turns.ts";
import { WakeUps } from "./wake-ups.ts";
import { isGang, templateOf, toWorkload, type Workload } from "./workloads.ts";
import { WorkloadPace } from "./workload-pace.ts";

export interface EngineOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly lostAfterMs: number;
  readonly placement?: PlacementConfiguration | undefined;
  /** For the status of quotas; absent where somebody else writes it, as Kubernetes' own controller does. */
  readonly objectCounts?: ObjectCounts | undefined;
  /** Told of all that placement sees and decides. */
  readonly observer?: (PlacementObserver & { watch(state: ClusterState): void }) | undefined;
  /** Sees each placement that is about to be committed, while its instance is still pending. */
  readonly deciding?: ((instance: Instance, nodeName: string) => void) | undefined;
  /** Sees each instance that is about to be stopped because it should go and the disruption budgets allow it. */
  readonly evicting?: ((instance: Instance) => void) | undefined;
}

const retryAfterBugMs = 10_000;

export class Engine implements InstanceSource, AsyncDisposable {
  readonly live: LiveInstances;
  readonly nodes: NodeBook;
  readonly simulator: PlacementSimulator;
  readonly #options: EngineOptions;
  readonly #state = new ClusterState();
  readonly #workloads = new Map<string, Workload>();
  readonly #held = new Set<string>();
  readonly #turns: Turns;
  readonly #catalogue: TemplateCatalogue;
  readonly #revisions: RevisionKeeper;
  readonly #events: EventRecorder;
  readonly #wakeUps: WakeUps;
  readonly #priorities = new PriorityClasses();
  readonly #quotas: QuotaKeeper;
  readonly #placement: PlacementRunner;
  readonly #budgets: BudgetKeeper;
  readonly #evictions: Evictions;
  readonly #taintEvictions: TaintEvictions;
  readonly #reconciler: Reconciler;
  readonly #movable = new MovableWorkloads();
  readonly #daemonSets = new DaemonSetMarks();
  readonly #rebalancer: Rebalancer;
  readonly #cronJobs: CronJobKeeper;
  readonly #explainer: InstanceExplainer;
  readonly #pace: WorkloadPace;
  readonly #config: ConfigKeeper;
  readonly #routing: Routing;
  readonly #stopping = new AbortController();

  constructor(options: EngineOptions) {
    const { backend, clock, log, placement = defaultConfiguration } = options;
    this.#options = options;
    this.#turns = this.#makeTurns();
    const state = this.#state;
    options.observer?.watch(state);
    const changed = (change: InstanceChange) => this.#instanceChanged(change);
    this.live = new LiveInstances(this, clock.now() * 1000, log);
    this.#events = new EventRecorder(backend, clock, log);
    this.#cronJobs = new CronJobKeeper({ backend, clock, log, events: this.#events });
    this.#pace = new WorkloadPace(clock, (uid) => this.#turns.mark(uid));
    this.#wakeUps = new WakeUps(clock, (uids) => this.#turns.markAll(uids));
    this.#revisions = this.#makeRevisionKeeper();
    this.#catalogue = new TemplateCatalogue({
      lookup: (namespace) => configLookup(backend, namespace),
      revisionTemplate: (ownerUid, hash) => this.#revisions.template(ownerUid, hash),
      latestTemplate: (ownerUid) => this.#revisions.latestTemplate(ownerUid),
    });
    this.#config = this.#makeConfigKeeper();
    this.#routing = this.#makeRouting();
    this.nodes = new NodeBook({
      ...options,
      state,
      overcommit: placement.overcommit,
      events: this.#events,
      asDeclared: (instance) => this.#asDeclared(instance),
      changed,
      nodeChanged: (name, kind) => this.#nodeChanged(name, kind),
      registered: (name) => {
        this.#config.registered(name);
        this.#routing.registered(name);
      },
      gatewayChanged: (name, gateway) => this.#routing.gatewayChanged(name, gateway),
      wakeUp: (name, uids) => this.#routing.wakeUp(name, uids),
      usageFell: limitsUsage(placement) ? (name) => this.#placement.usageFell(name) : () => {},
    });
    this.#quotas = this.#makeQuotaKeeper();
    this.#budgets = this.#makeBudgetKeeper();
    this.#evictions = this.#makeEvictions();
    this.#placement = new PlacementRunner({
      state,
      clock,
      placement,
      quotas: this.#quotas.book,
      events: this.#events,
      changed,
      session: (nodeName) => this.nodes.session(nodeName),
      entryOf: (uid, templateHash) => this.#entryOf(uid, templateHash),
      observer: options.observer,
      isGang: (uid) => isGang(this.#workloads.get(uid)),
      isBeingMade: (uid) => this.#reconciler.hasSteps(uid),
      budgets: this.#budgets,
      again: () => this.#turns.schedule(),
      deciding: options.deciding,
    });
    this.#explainer = this.#makeExplainer();
    this.#taintEvictions = new TaintEvictions({
      state,
      clock,
      evict: (instance, message) => this.#evictions.forTaint(instance, message),
    });
    this.#reconciler = this.#makeReconciler();
    this.#rebalancer = this.#makeRebalancer();
    this.simulator = this.#makeSimulator(placement);
  }

  #makeTurns(): Turns {
    const { clock, log } = this.#options;
    return new Turns({
      prepare: () => {
        this.#turns.markAll([...this.#daemonSets.take()]);
        this.#reconciler.beginTurn();
      },
      reconcile: (uid) => this.#reconcile(uid),
      failed: (uid, thrown) => {
        log.error("a workload could not be reconciled", { workload: uid, err: thrown });
        this.#reconciler.abandon(uid);
        this.#wakeUps.set(uid, clock.now() + retryAfterBugMs);
      },
      finish: () => {
        this.#placement.run();
        this.#routing.run();
      },
    });
  }

  #makeRouting(): Routing {
    return new Routing({
      ...this.#options,
      state: this.#state,
      events: this.#events,
      revisions: this.#revisions,
      session: (nodeName) => this.nodes.session(nodeName),
      isKnown: (uid) => !this.#held.has(uid),
      wakeUps: {
        workload: (uid) => this.#workloads.get(uid),
        refusal: (workload) => this.#quotaRefusal(workload),
        seen: (workload) => this.#seen(workload),
        stored: (workload, before) => this.#workloadStored(workload, before),
      },
      again: () => this.#turns.schedule(),
    });
  }

  #makeExplainer(): InstanceExplainer {
    return new InstanceExplainer({
      state: this.#state,
      clock: this.#options.clock,
      quotas: this.#quotas.book,
      placement: this.#placement,
      entryOf: (uid, templateHash) => this.#entryOf(uid, templateHash),
    });
  }

  #makeConfigKeeper(): ConfigKeeper {
    return new ConfigKeeper({
      clock: this.#options.clock,
      catalogue: this.#catalogue,
      events: this.#events,
      nodes: () => this.nodes,
      workload: (uid) => this.#workloads.get(uid),
      wake: (uid) => {
        this.#placement.wakeOwner(uid);
        this.#turns.schedule();
      },
      remake: (uid) => {
        for (const instance of Array.from(this.#state.instancesOwnedBy(uid)))
          if (instance.state.kind === "pending") this.#reconciler.stop(instance.uid, undefined);
      },
      changed: (uid) => this.#templatesChanged(uid),
    });
  }

  #makeRevisionKeeper(): RevisionKeeper {
    return new RevisionKeeper({
      ...this.#options,
      namespaceOf: (ownerUid) => this.#workloads.get(ownerUid)?.object.metadata.namespace,
      changed: (ownerUid) => {
        this.#config.revisionsChanged(ownerUid);
        this.#routing.revisionsChanged(ownerUid);
        this.#templatesChanged(ownerUid);
      },
    });
  }

  #makeQuotaKeeper(): QuotaKeeper {
    return new QuotaKeeper({
      ...this.#options,
      state: this.#state,
      objectCounts: this.#options.objectCounts,
      changed: (namespace) => this.#placement.quotaChanged(namespace),
    });
  }

  #makeBudgetKeeper(): BudgetKeeper {
    return new BudgetKeeper({
      ...this.#options,
      state: this.#state,
      workload: (uid) => this.#workloads.get(uid),
      allowsMore: (ownerUids) => this.#turns.markAll(ownerUids),
    });
  }

  #makeEvictions(): Evictions {
    return new Evictions({
      state: this.#state,
      events: this.#events,
      workload: (uid) => this.#workloads.get(uid),
      refusals: (instance) => this.#budgets.refusals(instance),
      evicting: this.#options.evicting,
      changed: (change) => this.#instanceChanged(change),
      stop: (uid, graceMs, why) => this.#reconciler.stop(uid, graceMs, why),
    });
  }

  #makeReconciler(): Reconciler {
    return new Reconciler({
      ...this.#options,
      state: this.#state,
      catalogue: this.#catalogue,
      revisions: this.#revisions,
      events: this.#events,
      nodes: this.nodes,
      priorities: this.#priorities,
      changed: (change) => this.#instanceChanged(change),
      letGo: (uid, why) => this.#evictions.letGo(uid, why),
      workload: (uid) => this.#workloads.get(uid),
      stored: (workload, before) => this.#workloadStored(workload, before),
    });
  }

  #makeRebalancer(): Rebalancer {
    return makeRebalancer({
      state: this.#state,
      clock: this.#options.clock,
      events: this.#events,
      placement: this.#placement,
      reconciler: this.#reconciler,
      movable: () => this.#movable.uids(),
      mayDisrupt: (instance) => this.#budgets.mayDisrupt(instance),
      entryOf: (uid, templateHash) => this.#entryOf(uid, templateHash),
      changed: (change) => this.#instanceChanged(change),
    });
  }

  #makeSimulator(placement: PlacementConfiguration): EngineSimulator {
    const { backend, clock } = this.#options;
    return new EngineSimulator({
      state: this.#state,
      clock,
      quotas: this.#quotas.book,
      priorities: this.#priorities,
      workloads: this.#workloads,
      entryOf: (workload) => this.#reconciler.catalogueEntry(workload),
      isolationFor: (workload, entry) => this.#reconciler.isolationFor(workload, entry),
      lookup: (namespace) => configLookup(backend, namespace),
      placement,
      refusals: (instance) => this.#budgets.refusals(instance),
    });
  }

  /** Resolves when everything declared is known; node sessions may then be accepted. */
  async start(): Promise<void> {
    await watchDeclaredObjects(
      this.#options.backend,
      {
        node: (event) => this.#nodeEvent(event),
        config: (kind, event) => {
          this.#config.event(kind, event);
          this.#routing.configEvent(kind, event);
        },
        budget: (event) => this.#budgets.event(event),
        quota: (event) => this.#quotas.event(event),
        priorityClass: (event) => this.#priorityEvent(event),
        namespace: (event) => this.#namespaceEvent(event),
        revision: (event) => this.#revisions.event(event),
        route: (event) => this.#routing.routeEvent(event),
        workload: (kind, event, isOld) => this.#workloadEvent(kind, event, isOld),
      },
      this.#stopping.signal,
    );
    await this.#cronJobs.start(this.#stopping.signal);
    this.#options.log.info("declared objects read", {
      workloads: this.#workloads.size,
      held: this.#held.size,
      nodes: [...this.#state.nodes()].length,
    });
    this.#routing.started();
    this.#nodesReported();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#turns.close();
    this.#wakeUps.close();
    this.#pace.close();
    this.#config.close();
    this.#events.close();
    this.#placement.close();
    this.#rebalancer.close();
    this.#taintEvictions.close();
    await Promise.all([
      this.#cronJobs.close(),
      this.#revisions.close(),
      this.#reconciler.close(),
      this.#quotas.close(),
      this.#budgets.close(),
      this.#routing.close(),
      this.nodes.close(),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  *instances(namespace: string | undefined): Iterable<Instance> {
    for (const instance of this.#state.instances()) {
      if (namespace === undefined || instance.namespace === namespace) yield instance;
    }
  }

  hasInstances(ownerUid: string): boolean {
    return this.#state.countOwnedBy(ownerUid) > 0;
  }

  instanceNamed(namespace: string, name: string): Instance | undefined {
    return this.#state.instanceNamed(namespace, name);
  }

  /** What every rule says of every node about a pending instance; undefined while that cannot be asked. */
  explainPlacement(uid: string): readonly NodeReport[] | undefined {
    return this.#placement.explain(uid);
  }

  /** The nodes as placement sees them. */
  clusterNodes(): Iterable<ClusterNode> {
    return this.#state.nodes();
  }

  isReachable(nodeName: string): boolean {
    return this.#state.node(nodeName)?.connection.kind === "connected";
  }

  usageOf(uid: string): InstanceFigures | undefined {
    return this.nodes.usageOf(uid);
  }

  requestStop(uid: string, graceSeconds: number | undefined): void {
    this.#reconciler.stop(uid, graceSeconds === undefined ? undefined : graceSeconds * 1000);
  }

  hasAllReports(): boolean {
    return !this.nodes.hasUnknown();
  }

  requestEviction(instance: Instance, request: EvictionRequest): EvictionOutcome {
    return this.#evictions.request(instance, request);
  }

  explain(instance: Instance, limit: number): InstanceExplanation {
    return this.#explainer.explain(instance, limit);
  }

  openLog(instance: Instance, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return openLogOf(instance, (name) => this.nodes.session(name), options, signal);
  }

  /** A template that a workload has or had; undefined when the workload is gone, or the template not kept. */
  #entryOf(uid: string, templateHash: string): CatalogueEntry | undefined {
    const workload = this.#workloads.get(uid);
    return workload && this.#reconciler.catalogueEntryOf(workload, templateHash);
  }

  /** A node that is in wrong hands is not to say what the instances of others ask of their neighbours. */
  #asDeclared(instance: Instance): Instance {
    const { owner, templateHash } = instance;
    const workload = this.#workloads.get(owner.uid);
    const entry = this.#entryOf(owner.uid, templateHash);
    return workload && entry ? { ...instance, ...declaredParts(workload, entry) } : instance;
  }

  /** A template can be used now, or there is another one: its controller waits for that. */
  #templatesChanged(ownerUid: string): void {
    this.#pace.wake(ownerUid);
    this.#turns.mark(ownerUid);
  }

  #workloadEvent(kind: WorkloadKind, event: Exclude<BackendEvent, { kind: "synced" }>, isOld: boolean): void {
    const { uid } = event.object.metadata;
    const workload = this.#routing.view(toWorkload(kind, event.object));
    if (event.kind === "delete") {
      this.#pace.wake(uid);
      this.#workloads.delete(uid);
      this.#held.delete(uid);
      this.#config.workloadGone(uid);
      this.#movable.delete(uid);
      this.#daemonSets.delete(uid);
      this.#reconciler.drop(uid);
      this.#wakeUps.set(uid, undefined);
      this.#routing.workloadGone(workload);
    } else {
      const before = this.#workloads.get(uid);
      this.#workloads.set(uid, workload);
      if (this.#movable.put(workload)) this.#rebalancer.wake();
      this.#daemonSets.put(workload);
      this.#routing.workloadPut(workload);
      if (before?.object.metadata.generation !== workload.object.metadata.generation) {
        this.#pace.wake(uid);
        this.#config.workloadChanged(uid);
      }
      if (before !== undefined && isGang(before) !== isGang(workload)) this.#placement.gangChanged(uid);
      if (isOld && this.nodes.hasUnknown()) this.#held.add(uid);
    }
    this.#budgets.workloadChanged(workload);
    this.#turns.mark(uid);
  }

  /** It is woken up, or not after all: its controller acts as if it were declared so. */
  #seen(workload: Workload): void {
    const { uid } = workload.object.metadata;
    this.#workloads.set(uid, workload);
    // Nothing is wanted of it yet, so nothing can be made twice.
    this.#held.delete(uid);
    this.#pace.wake(uid);
    this.#budgets.workloadChanged(workload);
    this.#turns.mark(uid);
  }

  /** Why the quotas of its namespace leave no room for an instance. What it has got already is not asked for again. */
  #quotaRefusal(workload: Workload): string | undefined {
    if (this.#state.countOwnedBy(workload.object.metadata.uid) > 0) return undefined;
    const request = this.#reconciler.requestOfOne(workload);
    return request && this.#quotas.book.allowance(request.quota, 1).refusal;
  }

  /** Instances keep the priority that they were made with; what could not be made for want of the class now can. */
  #priorityEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    if (event.kind === "put") this.#priorities.put(event.object);
    else this.#priorities.delete(event.object);
    const { name } = event.object.metadata;
    for (const [uid, workload] of this.#workloads)
      if (templateOf(workload).spec.priorityClassName === name) this.#turns.mark(uid);
  }

  /** Terms of affinity may select namespaces by their labels. */
  #namespaceEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { name, labels = {} } = event.object.metadata;
    const known = event.kind === "put" ? labels : undefined;
    this.#state.setNamespace(name, known);
    this.#options.observer?.namespaceChanged(name, known);
    this.#placement.namespaceChanged();
  }

  #nodeEvent(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const node = event.object as unknown as WasmNode & ApiObject;
    if (event.kind === "put") this.nodes.declared(node);
    else this.nodes.undeclared(node.metadata.name);
  }

  #nodeChanged(nodeName: string, kind: "nodeAdded" | "nodeUpdated"): void {
    const node = this.#state.node(nodeName);
    this.#placement.nodeChanged(nodeName, kind);
    this.#options.observer?.nodeChanged(nodeName, node);
    this.#daemonSets.nodeChanged(nodeName, node);
    this.#evictions.nodeChanged(nodeName);
    this.#taintEvictions.nodeChanged(nodeName);
    this.#rebalancer.wake();
    this.#nodesReported();
    this.#turns.schedule();
  }

  /**
   * Our own write, before the watch brings it: a controller must never count from an older status than is stored. If the
   * watch has brought something since, that is this write or a later one.
   */
  #workloadStored(workload: Workload, before: Workload): void {
    const { uid } = workload.object.metadata;
    if (this.#workloads.get(uid) !== before) return;
    this.#workloads.set(uid, this.#routing.view(workload));
    this.#budgets.workloadChanged(workload);
    if (this.#movable.put(workload)) this.#rebalancer.wake();
  }

  /** If all have, what their instances use is known, and old workloads may be reconciled. */
  #nodesReported(): void {
    if (this.nodes.hasUnknown()) return;
    this.#quotas.usageIsKnown();
    this.#budgets.instancesAreKnown();
    this.#routing.open();
    if (this.#held.size === 0) return;
    this.#options.log.info("all nodes have reported; workloads are reconciled again", {
      workloads: this.#held.size,
    });
    const released = [...this.#held];
    this.#held.clear();
    this.#turns.markAll(released);
  }

  #instanceChanged(change: InstanceChange): void {
    const { instance } = change;
    this.nodes.instanceChanged(change);
    if (change.kind === "removed") {
      this.live.removed(instance);
    } else {
      this.live.changed(instance, change.before);
    }
    this.#quotas.instanceChanged(change);
    this.#budgets.instanceChanged(change);
    this.#evictions.instanceChanged(change);
    this.#placement.instanceChanged(change);
    this.#options.observer?.instanceChanged(change);
    this.#taintEvictions.instanceChanged(change);
    this.#reconciler.instanceChanged(change);
    this.#routing.instanceChanged(change);
    this.#rebalancer.instanceChanged(change);
    const trouble = troubleOf(change);
    if (trouble) this.#events.record(trouble);
    this.#turns.mark(instance.owner.uid);
  }

  #reconcile(uid: string): Progress | undefined {
    if (this.#held.has(uid)) return undefined;
    const workload = this.#workloads.get(uid);
    const progress = this.#reconciler.goOn(uid, workload);
    // What was marked during its steps has been passed over.
    if (progress === "done") this.#turns.mark(uid);
    if (progress !== undefined || this.#pace.rests(uid)) return progress;
    this.#pace.note(uid, this.#daemonSets.sizeOf(uid, this.#state.countOwnedBy(uid)));
    // The state changes only when steps are executed; what that makes dirty is looked at in the next turn.
    if (workload) this.#wakeUps.set(uid, this.#reconciler.reconcile(workload));
    else this.#reconciler.reconcileOrphans(uid);
    return this.#reconciler.goOn(uid, workload);
  }
}
