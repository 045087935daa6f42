/**
 * The parts of the engine, put together: who owns what, and who tells whom. What happens when something changes is the
 * engine's (engine.ts); here nothing is decided.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { PlacementSimulator } from "../apiserver/placement-simulator.ts";
import { AutoscalerKeeper } from "../autoscaling/autoscaler-keeper.ts";
import type { MetricSources } from "../autoscaling/metric-watches.ts";
import { NodeMetricSource } from "../autoscaling/nodes/node-metric-source.ts";
import type { Backend } from "../backend/backend.ts";
import type { ScaleBackend } from "../backend/scale-backend.ts";
import { decide } from "../core/autoscaling/decide.ts";
import type { ObjectCounts } from "../backend/object-counts.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { PlacementObserver } from "../recording/placement-observer.ts";
import { ClusterState } from "../core/cluster-state/cluster-state.ts";
import { TrafficBook } from "../core/cluster-state/traffic-book.ts";
import type { Instance } from "../core/model.ts";
import {
  defaultConfiguration,
  limitsUsage,
  type PlacementConfiguration,
} from "../core/placement/profile-declaration.ts";
import { PriorityClasses } from "../core/priority-classes.ts";
import { ConfigKeeper } from "./config-keeper.ts";
import { configLookup } from "./config-lookup.ts";
import { DaemonSetMarks } from "./daemon-set-marks.ts";
import { CronJobKeeper } from "./cron/cron-job-keeper.ts";
import { BudgetKeeper } from "./disruption/budget-keeper.ts";
import { Evictions } from "./disruption/evictions.ts";
import { EventRecorder } from "./event-recorder.ts";
import { declaredParts } from "./new-instance.ts";
import { InstanceExplainer } from "./instance-explainer.ts";
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
import { wakesOnRequest } from "./routes/served-workloads.ts";
import { TaintEvictions } from "./taint-evictions.ts";
import { type CatalogueEntry, TemplateCatalogue } from "./template-catalogue.ts";
import type { WorkloadTraces } from "../tracing/workload-traces.ts";
import { WakeUps } from "./wake-ups.ts";
import { isGang, type Workload } from "./workloads.ts";
import { WorkloadPace } from "./workload-pace.ts";

export interface EngineOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly lostAfterMs: number;
  readonly placement?: PlacementConfiguration | undefined;
  /** undefined: nothing is scaled by metrics. */
  readonly autoscaling?: AutoscalingOptions | undefined;
  /** For the status of quotas; absent where somebody else writes it, as Kubernetes' own controller does. */
  readonly objectCounts?: ObjectCounts | undefined;
  /** Namespaces that may have routes for `*` and `*.com` without a label that says so; `*`: all. */
  readonly wideHostNamespaces?: readonly string[] | undefined;
  /** Public keys, PEM, of those who sign tickets for calls of functions. */
  readonly ticketKeys?: readonly string[];
  /** Told of all that placement sees and decides. */
  readonly observer?: (PlacementObserver & { watch(state: ClusterState): void }) | undefined;
  /** Sees each placement that is about to be committed, while its instance is still pending. */
  readonly deciding?: ((instance: Instance, nodeName: string) => void) | undefined;
  /** Sees each instance that is about to be stopped because it should go and the disruption budgets allow it. */
  readonly evicting?: ((instance: Instance) => void) | undefined;
  /** Follows what becomes of written workloads; absent: nobody wants to know. */
  readonly traces?: WorkloadTraces | undefined;
}

export interface AutoscalingOptions {
  readonly scales: ScaleBackend;
  /** Of metrics that others are asked for. */
  readonly sources: MetricSources;
}

/** What the parts ask of the engine. */
export interface EngineHooks {
  /** This owner is to be looked at. */
  readonly mark: (ownerUid: string) => void;
  readonly markAll: (ownerUids: Iterable<string>) => void;
  /** There is to be a turn. */
  readonly schedule: () => void;
  readonly changed: (change: InstanceChange) => void;
  readonly nodeChanged: (nodeName: string, kind: "nodeAdded" | "nodeUpdated") => void;
  /** A template can be used now, or there is another one. */
  readonly templatesChanged: (ownerUid: string) => void;
  /** A workload is to be seen like this. */
  readonly seen: (workload: Workload) => void;
  /** Our own write of it; `before` is what was written to. */
  readonly stored: (workload: Workload, before: Workload) => void;
}

export class EngineParts {
  readonly nodes: NodeBook;
  readonly simulator: PlacementSimulator;
  readonly state = new ClusterState();
  readonly workloads = new Map<string, Workload>();
  /** Declared before the start, and left alone until all nodes have reported. */
  readonly held = new Set<string>();
  readonly catalogue: TemplateCatalogue;
  readonly revisions: RevisionKeeper;
  readonly events: EventRecorder;
  readonly wakeUps: WakeUps;
  readonly priorities = new PriorityClasses();
  readonly quotas: QuotaKeeper;
  readonly placement: PlacementRunner;
  readonly budgets: BudgetKeeper;
  readonly evictions: Evictions;
  readonly taintEvictions: TaintEvictions;
  readonly reconciler: Reconciler;
  readonly movable = new MovableWorkloads();
  readonly daemonSets = new DaemonSetMarks();
  readonly rebalancer: Rebalancer;
  readonly cronJobs: CronJobKeeper;
  readonly autoscalers: AutoscalerKeeper | undefined;
  readonly explainer: InstanceExplainer;
  readonly pace: WorkloadPace;
  readonly config: ConfigKeeper;
  readonly routing: Routing;
  readonly traffic: TrafficBook;
  /** Of autoscalers' metrics, those of type Resource and Requests. */
  readonly nodeMetrics: NodeMetricSource;
  readonly #options: EngineOptions;
  readonly #hooks: EngineHooks;

  constructor(options: EngineOptions, hooks: EngineHooks) {
    const { backend, clock, log, placement = defaultConfiguration } = options;
    this.#options = options;
    this.#hooks = hooks;
    const { state } = this;
    const { changed } = hooks;
    options.observer?.watch(state);
    this.events = new EventRecorder(backend, clock, log);
    this.cronJobs = new CronJobKeeper({ backend, clock, log, events: this.events });
    this.pace = new WorkloadPace(clock, (uid) => this.#hooks.mark(uid));
    this.wakeUps = new WakeUps(clock, (uids) => this.#hooks.markAll(uids));
    this.revisions = this.#makeRevisionKeeper();
    this.catalogue = new TemplateCatalogue({
      lookup: (namespace) => configLookup(backend, namespace),
      revisionTemplate: (ownerUid, hash) => this.revisions.template(ownerUid, hash),
      latestTemplate: (ownerUid) => this.revisions.latestTemplate(ownerUid),
    });
    this.config = this.#makeConfigKeeper();
    this.routing = this.#makeRouting();
    this.traffic = new TrafficBook({
      isKnown: (uid) => this.workloads.has(uid),
      changed: (uid) => this.nodeMetrics.trafficTold(uid),
    });
    this.nodeMetrics = this.#makeNodeMetrics();
    this.nodes = new NodeBook({
      ...options,
      state,
      overcommit: placement.overcommit,
      events: this.events,
      asDeclared: (instance) => this.#asDeclared(instance),
      changed,
      nodeChanged: this.#hooks.nodeChanged,
      registered: (name) => {
        this.config.registered(name);
        this.routing.registered(name);
      },
      gatewayChanged: (name, gateway) => this.routing.gatewayChanged(name, gateway),
      wakeUp: (name, uids) => this.routing.wakeUp(name, uids),
      traffic: this.traffic,
      metered: (ownerUid) => this.nodeMetrics.usageTold(ownerUid),
      usageFell: limitsUsage(placement) ? (name) => this.placement.usageFell(name) : () => {},
    });
    this.quotas = this.#makeQuotaKeeper();
    this.budgets = this.#makeBudgetKeeper();
    this.evictions = this.#makeEvictions();
    this.placement = new PlacementRunner({
      state,
      clock,
      placement,
      quotas: this.quotas.book,
      events: this.events,
      changed,
      session: (nodeName) => this.nodes.session(nodeName),
      entryOf: (uid, templateHash) => this.entryOf(uid, templateHash),
      observer: options.observer,
      isGang: (uid) => isGang(this.workloads.get(uid)),
      isBeingMade: (uid) => this.reconciler.hasSteps(uid),
      budgets: this.budgets,
      again: () => this.#hooks.schedule(),
      deciding: options.deciding,
      traces: options.traces,
    });
    this.explainer = this.#makeExplainer();
    this.taintEvictions = new TaintEvictions({
      state,
      clock,
      evict: (instance, message) => this.evictions.forTaint(instance, message),
    });
    this.reconciler = this.#makeReconciler();
    this.rebalancer = this.#makeRebalancer();
    this.simulator = this.#makeSimulator(placement);
    this.autoscalers = options.autoscaling && this.#makeAutoscalers(options.autoscaling);
  }

  #makeAutoscalers({ scales, sources }: AutoscalingOptions): AutoscalerKeeper {
    const { backend, clock, log } = this.#options;
    const { state } = this;
    return new AutoscalerKeeper({
      backend,
      scales,
      sources: { Resource: this.nodeMetrics, Requests: this.nodeMetrics, ...sources },
      clock,
      log,
      events: this.events,
      decide,
      cluster: {
        instance: (uid) => state.instance(uid),
        instances: () => state.instances(),
        instancesOwnedBy: (uid) => state.instancesOwnedBy(uid),
        node: (name) => state.node(name),
        hasUnknownNodes: () => this.nodes.hasUnknown(),
        wakesOnRequest: (uid) => {
          const workload = this.workloads.get(uid);
          return workload !== undefined && wakesOnRequest(workload);
        },
      },
    });
  }

  #makeNodeMetrics(): NodeMetricSource {
    return new NodeMetricSource(
      {
        usageOf: (uid) => this.nodes.usageOf(uid),
        ownerOf: (uid) => this.state.instance(uid)?.owner.uid,
        isServing: (uid) => this.workloads.has(uid),
        trafficOf: (uid, nowMs) => this.traffic.figures(uid, nowMs),
      },
      this.#options.clock,
    );
  }

  #makeRouting(): Routing {
    return new Routing({
      ...this.#options,
      state: this.state,
      events: this.events,
      revisions: this.revisions,
      unpinned: (workloadUid) => this.#hooks.mark(workloadUid),
      session: (nodeName) => this.nodes.session(nodeName),
      isKnown: (uid) => !this.held.has(uid),
      wakeUps: {
        workload: (uid) => this.workloads.get(uid),
        refusal: (workload) => this.#quotaRefusal(workload),
        seen: this.#hooks.seen,
        stored: this.#hooks.stored,
      },
      again: () => this.#hooks.schedule(),
    });
  }

  #makeExplainer(): InstanceExplainer {
    return new InstanceExplainer({
      state: this.state,
      clock: this.#options.clock,
      quotas: this.quotas.book,
      placement: this.placement,
      entryOf: (uid, templateHash) => this.entryOf(uid, templateHash),
    });
  }

  #makeConfigKeeper(): ConfigKeeper {
    return new ConfigKeeper({
      clock: this.#options.clock,
      catalogue: this.catalogue,
      events: this.events,
      nodes: () => this.nodes,
      workload: (uid) => this.workloads.get(uid),
      wake: (uid) => {
        this.placement.wakeOwner(uid);
        this.#hooks.schedule();
      },
      remake: (uid) => {
        for (const instance of Array.from(this.state.instancesOwnedBy(uid)))
          if (instance.state.kind === "pending") this.reconciler.stop(instance.uid, undefined);
      },
      changed: (uid) => this.#hooks.templatesChanged(uid),
    });
  }

  #makeRevisionKeeper(): RevisionKeeper {
    return new RevisionKeeper({
      ...this.#options,
      namespaceOf: (ownerUid) => this.workloads.get(ownerUid)?.object.metadata.namespace,
      changed: (ownerUid) => {
        this.config.revisionsChanged(ownerUid);
        this.routing.revisionsChanged(ownerUid);
        this.#hooks.templatesChanged(ownerUid);
      },
    });
  }

  #makeQuotaKeeper(): QuotaKeeper {
    return new QuotaKeeper({
      ...this.#options,
      state: this.state,
      objectCounts: this.#options.objectCounts,
      changed: (namespace) => this.placement.quotaChanged(namespace),
    });
  }

  #makeBudgetKeeper(): BudgetKeeper {
    return new BudgetKeeper({
      ...this.#options,
      state: this.state,
      workload: (uid) => this.workloads.get(uid),
      allowsMore: (ownerUids) => this.#hooks.markAll(ownerUids),
    });
  }

  #makeEvictions(): Evictions {
    return new Evictions({
      state: this.state,
      events: this.events,
      workload: (uid) => this.workloads.get(uid),
      refusals: (instance) => this.budgets.refusals(instance),
      evicting: this.#options.evicting,
      changed: this.#hooks.changed,
      stop: (uid, graceMs, why) => this.reconciler.stop(uid, graceMs, why),
    });
  }

  #makeReconciler(): Reconciler {
    return new Reconciler({
      ...this.#options,
      state: this.state,
      catalogue: this.catalogue,
      revisions: this.revisions,
      isPinned: (workload, number) => this.routing.isPinned(workload, number),
      events: this.events,
      nodes: this.nodes,
      priorities: this.priorities,
      changed: this.#hooks.changed,
      letGo: (uid, why) => this.evictions.letGo(uid, why),
      workload: (uid) => this.workloads.get(uid),
      stored: this.#hooks.stored,
    });
  }

  #makeRebalancer(): Rebalancer {
    return makeRebalancer({
      state: this.state,
      clock: this.#options.clock,
      events: this.events,
      placement: this.placement,
      reconciler: this.reconciler,
      // What a leader of before has left half done looks settled until it is reconciled again.
      movable: () => [...this.movable.uids()].filter((uid) => !this.held.has(uid)),
      mayDisrupt: (instance) => this.budgets.mayDisrupt(instance),
      entryOf: (uid, templateHash) => this.entryOf(uid, templateHash),
      changed: this.#hooks.changed,
    });
  }

  #makeSimulator(placement: PlacementConfiguration): EngineSimulator {
    const { backend, clock } = this.#options;
    return new EngineSimulator({
      state: this.state,
      clock,
      quotas: this.quotas.book,
      priorities: this.priorities,
      workloads: this.workloads,
      entryOf: (workload) => this.reconciler.catalogueEntry(workload),
      isolationFor: (workload, entry) => this.reconciler.isolationFor(workload, entry),
      lookup: (namespace) => configLookup(backend, namespace),
      placement,
      refusals: (instance) => this.budgets.refusals(instance),
    });
  }

  /** A template that a workload has or had; undefined when the workload is gone, or the template not kept. */
  entryOf(uid: string, templateHash: string): CatalogueEntry | undefined {
    const workload = this.workloads.get(uid);
    return workload && this.reconciler.catalogueEntryOf(workload, templateHash);
  }

  /** A node that is in wrong hands is not to say what the instances of others ask of their neighbours. */
  #asDeclared(instance: Instance): Instance {
    const { owner, templateHash } = instance;
    const workload = this.workloads.get(owner.uid);
    const entry = this.entryOf(owner.uid, templateHash);
    return workload && entry ? { ...instance, ...declaredParts(workload, entry) } : instance;
  }

  /** Why the quotas of its namespace leave no room for an instance. What it has got already is not asked for again. */
  #quotaRefusal(workload: Workload): string | undefined {
    if (this.state.countOwnedBy(workload.object.metadata.uid) > 0) return undefined;
    const request = this.reconciler.requestOfOne(workload);
    return request && this.quotas.book.allowance(request.quota, 1).refusal;
  }

  async close(): Promise<void> {
    this.wakeUps.close();
    this.pace.close();
    this.config.close();
    this.events.close();
    this.placement.close();
    this.rebalancer.close();
    this.taintEvictions.close();
    await Promise.all([
      this.cronJobs.close(),
      this.autoscalers?.close(),
      this.nodeMetrics[Symbol.asyncDispose](),
      this.revisions.close(),
      this.reconciler.close(),
      this.quotas.close(),
      this.budgets.close(),
      this.routing.close(),
      this.nodes.close(),
    ]);
  }
}
