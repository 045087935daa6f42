/**
 * Runs a controller on one workload and carries out its steps.
 *
 * Forgetting an instance lets its node drop the result, so for a job it happens only when the status that counts it is
 * durable: either the status computed in this run equals the stored one, or the write of exactly this status has
 * succeeded. A run whose write fails or conflicts forgets nothing; the next run counts again from what is stored.
 * Even then a job's ended instances are only retired: no controller sees them any more, people do.
 */
import { isDeepStrictEqual } from "node:util";
import type { InstanceTemplate } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock } from "../../kit/clock.ts";
import { assertNever, errorMessage } from "../../kit/errors.ts";
import { KeyedWorker } from "../../kit/keyed-worker.ts";
import type { Log } from "../../kit/log.ts";
import { randomSuffix, type Random } from "../../kit/random.ts";
import type { Backend } from "../backend/backend.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import { reconcileDeployment } from "../core/controllers/deployment/deployment.ts";
import { reconcileDaemonSet } from "../core/controllers/daemon-set/daemon-set.ts";
import {
  type DaemonSetMemory,
  emptyDaemonSetMemory,
} from "../core/controllers/daemon-set/failure-backoff.ts";
import { emptyJobMemory, reconcileJob, type JobMemory } from "../core/controllers/job/job.ts";
import { reconcileOrphans } from "../core/controllers/orphans.ts";
import type { ReconcileResult, Step } from "../core/controllers/step.ts";
import type { Isolation } from "../../api/isolation.ts";
import type { Instance, Revision, Slot } from "../core/model.ts";
import { LearnedIsolation } from "../core/learned-isolation.ts";
import type { PriorityClasses } from "../core/priority-classes.ts";
import type { QueuedRequest } from "../core/placement/queue.ts";
import type { StopReason } from "../nodes/node-port.ts";
import { queuedRequest } from "./queued-request.ts";
import { RetiredInstances } from "./retired-instances.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { type Progress, StepBacklog } from "./step-backlog.ts";
import { ownerApiVersion } from "./instance-object.ts";
import { nameStem, newInstance } from "./new-instance.ts";
import type { NodeBook } from "./node-book.ts";
import type { RevisionKeeper } from "./revisions/revision-keeper.ts";
import type { CatalogueEntry, TemplateCatalogue } from "./template-catalogue.ts";
import {
  namespaceOf,
  ownerOf,
  templateOf,
  templateOwner,
  toWorkload,
  workloadResources,
  type Workload,
} from "./workloads.ts";

export interface ReconcilerOptions {
  readonly state: ClusterState;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly catalogue: TemplateCatalogue;
  readonly events: EventRecorder;
  readonly nodes: NodeBook;
  readonly priorities: PriorityClasses;
  readonly revisions: RevisionKeeper;
  /** Whether a route names this revision. */
  readonly isPinned: (workload: Workload, number: number) => boolean;
  readonly changed: (change: InstanceChange) => void;
  /** Stops an instance that should go, if the disruption budgets allow it. */
  readonly letGo: (uid: string, why: string) => void;
  readonly workload: (uid: string) => Workload | undefined;
  /** A status has been written to `before`; this is the workload as stored. */
  readonly stored: (workload: Workload, before: Workload) => void;
}

interface PendingStatus {
  readonly status: unknown;
  /** Forgotten when this status is stored. */
  readonly forget: readonly string[];
}

/** Statuses of one object are written at most this often: a thousand instances starting make some thirty writes. */
const statusIntervalMs = 20;
/** Ended instances of jobs that can still be looked at, in the whole cluster. Nodes keep the logs of as many. */
const retiredMax = 1_000;

/** With five characters there are 14 million names; whoever finds none among so many of them takes a longer one. */
const nameTriesMax = 10;
const longSuffix = 10;

export class Reconciler implements AsyncDisposable {
  readonly #options: ReconcilerOptions;
  readonly #statuses = new Map<string, PendingStatus>();
  readonly #learned = new LearnedIsolation();
  readonly #retired = new RetiredInstances(retiredMax);
  readonly #backlog = new StepBacklog();
  readonly #jobMemories = new Map<string, JobMemory>();
  readonly #daemonSetMemories = new Map<string, DaemonSetMemory>();
  readonly #statusWriter: KeyedWorker;
  readonly #deletions: KeyedWorker;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { clock, log } = options;
    const backoff = { initialMs: 100, factor: 2, maxMs: 10_000 };
    this.#statusWriter = new KeyedWorker((uid) => this.#writeStatus(uid), {
      clock,
      backoff,
      concurrencyMax: 64,
      intervalMs: statusIntervalMs,
      failed: (uid, thrown) =>
        log.warn("status not written, trying again", { workload: uid, reason: errorMessage(thrown) }),
    });
    this.#deletions = new KeyedWorker((uid) => this.#delete(uid), {
      clock,
      backoff,
      concurrencyMax: 16,
      intervalMs: 1_000,
      failed: (uid, thrown) =>
        log.warn("finished workload not deleted, trying again", {
          workload: uid,
          reason: errorMessage(thrown),
        }),
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#statusWriter.close(), this.#deletions.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  catalogueEntry(workload: Workload): CatalogueEntry {
    return this.#options.catalogue.entry(templateOwner(workload));
  }

  /** Of the current template or one that it has had; undefined: that one is not kept. */
  catalogueEntryOf(workload: Workload, templateHash: string): CatalogueEntry | undefined {
    return this.#options.catalogue.entryOf(templateOwner(workload), templateHash);
  }

  /** What a new instance is made for: more than its template asks for, where its module was found to need it. */
  isolationFor(workload: Workload, { templateHash, requirements }: CatalogueEntry): Isolation {
    return this.#learned.isolationFor(workload.object.metadata.uid, templateHash, requirements.isolation);
  }

  beginTurn(): void {
    this.#backlog.beginTurn();
  }

  /** Carries out steps of a workload (undefined: it is gone), as far as the turn allows. undefined: there are none. */
  goOn(uid: string, workload: Workload | undefined): Progress | undefined {
    if (!workload) return this.#backlog.goOn(uid, "", (step) => this.#executeOrphaned(step));
    const namespace = namespaceOf(workload);
    return this.#backlog.goOn(uid, basisOf(workload), (step) => this.#execute(step, workload, namespace));
  }

  /** Whether not all of its steps are carried out. */
  hasSteps(uid: string): boolean {
    return this.#backlog.has(uid);
  }

  /** What a bug has left of its steps. */
  abandon(uid: string): void {
    this.#backlog.drop(uid);
  }

  /** Asks the controller; `goOn` then does what it wants. Returns when to look again although nothing has changed. */
  reconcile(workload: Workload): number | undefined {
    const { uid } = workload.object.metadata;
    const result = this.#control(workload);
    const before = workload.object.status;
    const isStored = result.status === before || isDeepStrictEqual(result.status, before);
    const forgotten: string[] = [];
    const steps: Step[] = [];
    for (const step of result.steps) {
      const waits = step.kind === "forgetInstance" && workload.kind === "WasmJob" && !isStored;
      if (waits) forgotten.push(step.uid);
      else steps.push(step);
    }
    this.#backlog.begin(uid, basisOf(workload), steps);
    if (isStored) {
      this.#statuses.delete(uid);
    } else {
      this.#statuses.set(uid, { status: result.status, forget: forgotten });
      this.#statusWriter.schedule(uid);
    }
    return result.wakeAtMs;
  }

  /** The workload is gone. */
  drop(ownerUid: string): void {
    this.#backlog.drop(ownerUid);
    this.#statuses.delete(ownerUid);
    this.#jobMemories.delete(ownerUid);
    this.#daemonSetMemories.delete(ownerUid);
    this.#learned.drop(ownerUid);
  }

  /** What nodes say of an instance may hold for those that are made after it. */
  instanceChanged({ kind, instance }: InstanceChange): void {
    // What is said of the last instances of a workload that is gone would be kept for ever.
    if (kind !== "removed" && this.#options.workload(instance.owner.uid)) this.#learned.note(instance);
  }

  reconcileOrphans(ownerUid: string): void {
    this.#backlog.begin(ownerUid, "", reconcileOrphans(this.#options.state.instancesOwnedBy(ownerUid)));
  }

  /** Without a grace the template's holds. */
  stop(uid: string, graceMs: number | undefined, why?: StopReason): void {
    const change = this.#options.state.markStopping(uid);
    if (change) this.#options.changed(change);
    const state = this.#options.state.instance(uid)?.state;
    if (state?.kind === "stopping") this.#options.nodes.session(state.nodeName)?.stop(uid, graceMs, why);
  }

  #revisionsOf(workload: Workload): readonly Revision[] {
    const { revisions, isPinned } = this.#options;
    return Array.from(revisions.of(workload.object.metadata.uid), (revision) =>
      isPinned(workload, revision.number) ? { ...revision, isPinned: true } : revision,
    );
  }

  #control(workload: Workload): ReconcileResult<unknown> {
    const { uid } = workload.object.metadata;
    const instances = this.#options.state.instancesOwnedBy(uid);
    const nowMs = this.#options.clock.now();
    const refusal = this.#refusalOf(templateOf(workload));
    switch (workload.kind) {
      case "WasmDeployment": {
        const { templateHash } = this.catalogueEntry(workload);
        const revisions = this.#revisionsOf(workload);
        const deployment = workload.object;
        const refusalOf = (hash: string) => this.#refusalOf(this.catalogueEntryOf(workload, hash)?.template);
        return reconcileDeployment({ deployment, templateHash, revisions, instances, refusalOf, nowMs });
      }
      case "WasmDaemonSet": {
        const { templateHash, requirements } = this.catalogueEntry(workload);
        const result = reconcileDaemonSet({
          daemonSet: workload.object,
          templateHash,
          requirements,
          revisions: this.#revisionsOf(workload),
          nodes: this.#options.state.nodes(),
          instances,
          refusal,
          nowMs,
          memory: this.#daemonSetMemories.get(uid) ?? emptyDaemonSetMemory,
        });
        this.#daemonSetMemories.set(uid, result.memory);
        return result;
      }
      case "WasmJob": {
        const memory = this.#jobMemories.get(uid) ?? emptyJobMemory;
        const counting = [...instances].filter((instance) => !this.#retired.has(instance.uid));
        const result = reconcileJob({ job: workload.object, instances: counting, refusal, nowMs, memory });
        this.#jobMemories.set(uid, result.memory);
        return result;
      }
      default:
        return assertNever(workload, "workload");
    }
  }

  /** Why no instance of a template can be made now. */
  #refusalOf(template: InstanceTemplate | undefined): string | undefined {
    const priority = this.#options.priorities.resolve(template?.spec.priorityClassName);
    return priority.kind === "unknown" ? priority.message : undefined;
  }

  #executeOrphaned(step: Step): void {
    if (step.kind === "stopInstance") this.stop(step.uid, undefined);
    else if (step.kind === "forgetInstance") this.#forget(step.uid);
  }

  #execute(step: Step, workload: Workload, namespace: string): void {
    switch (step.kind) {
      case "createInstances":
        this.#createMany(step, workload, namespace);
        return;
      case "createForSlot":
        this.#create(this.catalogueEntry(workload), workload, namespace, { slot: step.slot });
        return;
      case "recordRevision": {
        const entry = this.catalogueEntryOf(workload, step.revision.templateHash);
        if (entry) this.#options.revisions.record(workload, entry.template, step.revision);
        return;
      }
      case "deleteRevision":
        this.#options.revisions.delete(workload.object.metadata.uid, step.templateHash);
        return;
      case "stopInstance":
        this.stop(step.uid, undefined);
        return;
      case "evictInstance":
        this.#options.letGo(step.uid, step.why);
        return;
      case "forgetInstance":
        if (workload.kind === "WasmJob") this.#retire(step.uid);
        else this.#forget(step.uid);
        return;
      case "deleteOwner":
        this.#deletions.schedule(workload.object.metadata.uid);
        return;
      case "recordEvent": {
        const involved = { apiVersion: ownerApiVersion, ...ownerOf(workload), namespace };
        this.#options.events.record({
          involved,
          type: step.type,
          reason: step.reason,
          message: step.message,
        });
        return;
      }
      default:
        assertNever(step, "step");
    }
  }

  #createMany(
    { count, templateHash, targetNode }: Step & { readonly kind: "createInstances" },
    workload: Workload,
    namespace: string,
  ): void {
    const entry = this.catalogueEntryOf(workload, templateHash);
    // It has been deleted since: the controller looks again.
    if (!entry) return;
    for (let made = 0; made < count; made++) this.#create(entry, workload, namespace, { targetNode });
  }

  /** What an instance of its current template would ask of placement; undefined: none can be made. */
  requestOfOne(workload: Workload): QueuedRequest | undefined {
    const entry = this.catalogueEntry(workload);
    const priority = this.#options.priorities.resolve(entry.template.spec.priorityClassName);
    if (priority.kind === "unknown") return undefined;
    const nobody = { uid: "", name: "", slot: undefined, targetNode: undefined, createdMs: 0 };
    const isolation = this.isolationFor(workload, entry);
    return queuedRequest(newInstance({ workload, entry, priority, isolation, ...nobody }), entry, false);
  }

  /** Makes another one of the template of an instance, without a node yet. undefined: it cannot be made now. */
  makeLike({ owner, namespace, templateHash }: Instance): Instance | undefined {
    const workload = this.#options.workload(owner.uid);
    const entry = workload && this.catalogueEntryOf(workload, templateHash);
    return entry && this.#create(entry, workload, namespace, {});
  }

  #create(
    entry: CatalogueEntry,
    workload: Workload,
    namespace: string,
    { slot, targetNode }: { readonly slot?: Slot; readonly targetNode?: string | undefined },
  ): Instance | undefined {
    const { random, clock, state, priorities, changed } = this.#options;
    const priority = priorities.resolve(entry.template.spec.priorityClassName);
    // The controller was told and makes none.
    if (priority.kind === "unknown") return undefined;
    const instance = newInstance({
      workload,
      uid: random.uuid(),
      name: this.#freeName(namespace, nameStem(workload, entry, slot)),
      slot,
      targetNode,
      entry,
      priority,
      isolation: this.isolationFor(workload, entry),
      createdMs: clock.now(),
    });
    changed(state.addInstance(instance));
    return instance;
  }

  /** Among a hundred thousand alike, some hundreds of pairs would get the same name. */
  #freeName(namespace: string, stem: string): string {
    const { random, state } = this.#options;
    for (let tries = 0; tries < nameTriesMax; tries++) {
      const name = `${stem}-${randomSuffix(random)}`;
      if (!state.instanceNamed(namespace, name)) return name;
    }
    return `${stem}-${randomSuffix(random, longSuffix)}`;
  }

  #retire(uid: string): void {
    // Its job may have been deleted while the status that counts it was on its way.
    if (!this.#options.state.instance(uid)) return;
    const surplus = this.#retired.add(uid);
    if (surplus !== undefined) this.#forget(surplus);
  }

  #forget(uid: string): void {
    this.#retired.delete(uid);
    const change = this.#options.state.removeInstance(uid);
    if (!change) return;
    const { state } = change.instance;
    if (state.kind !== "pending") this.#options.nodes.session(state.nodeName)?.acknowledge(uid);
    this.#options.changed(change);
  }

  async #writeStatus(uid: string): Promise<void> {
    const pending = this.#statuses.get(uid);
    const workload = this.#options.workload(uid);
    if (!pending || !workload) return;
    const object = workload.object as unknown as ApiObject;
    const outcome = await this.#options.backend.updateStatus(
      workloadResources[workload.kind],
      object,
      pending.status,
    );
    // A conflict means that a newer object is on its way here as a watch event, which makes the workload dirty again.
    if (outcome.kind !== "written") return;
    this.#options.stored(toWorkload(workload.kind, outcome.object), workload);
    if (this.#statuses.get(uid) === pending) this.#statuses.delete(uid);
    for (const forgotten of pending.forget) this.#retire(forgotten);
  }

  async #delete(uid: string): Promise<void> {
    const workload = this.#options.workload(uid);
    if (!workload) return;
    const { backend } = this.#options;
    await backend.delete(workloadResources[workload.kind], workload.object as unknown as ApiObject);
    this.#options.log.info("finished workload deleted", {
      kind: workload.kind,
      namespace: namespaceOf(workload),
      name: workload.object.metadata.name,
    });
  }
}

/** Steps hold for as long as this stays the same. */
function basisOf({ object: { metadata } }: Workload): string {
  return `${metadata.generation} ${metadata.deletionTimestamp ?? ""}`;
}
