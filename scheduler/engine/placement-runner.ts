/**
 * Brings pending instances to placement and its proposals to the nodes.
 *
 *   pending ──template resolved──▶ queue ──▶ proposal ──assume──▶ assigned over the session
 *      │                       │ └──over quota──▶ waits in the queue until the namespace has room again
 *      └──something missing──▶ parked until the ConfigMap or Secret changes
 *
 * A turn places a bounded number, so that sessions and the API get their turns in between.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance, PlacementRequirements } from "../core/model.ts";
import { defaultProfile } from "../core/placement/default-profile.ts";
import type { BatchPlacement, Choice } from "../core/placement/choice.ts";
import { explainWithoutNodes, explanationText, type Explanation } from "../core/placement/explanation.ts";
import {
  profilesOf,
  type InstanceEvent,
  type NodeEvent,
  type PlacementRequest,
} from "../core/placement/framework.ts";
import { instanceAffinity } from "../core/placement/plugins/instance-affinity/instance-affinity.ts";
import { Placer } from "../core/placement/placer.ts";
import {
  PlacementQueue,
  type Batch,
  type BatchOutcome,
  type QueuedRequest,
  type QueuePlace,
} from "../core/placement/queue.ts";
import { chargeOf, traitsOf } from "../core/quota/compute-resources.ts";
import type { QuotaBook } from "../core/quota/quota-book.ts";
import type { NodeSession, NodeTemplate } from "../nodes/node-port.ts";
import type { PlacementObserver } from "../recording/placement-observer.ts";
import { DecisionLog, type Decision } from "./decision-log.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { ownerApiVersion } from "./instance-object.ts";
import type { CatalogueEntry } from "./template-catalogue.ts";

export interface PlacementRunnerOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly events: Pick<EventRecorder, "record">;
  readonly quotas: Pick<QuotaBook, "allowance" | "of">;
  readonly session: (nodeName: string) => NodeSession | undefined;
  readonly changed: (change: InstanceChange) => void;
  /** The current template of a workload; undefined when the workload is gone. */
  readonly entryOf: (ownerUid: string) => CatalogueEntry | undefined;
  /** Told of each time nodes were looked at; absent: nobody wants to know. */
  readonly observer?: Pick<PlacementObserver, "decided"> | undefined;
  /** Asks for another turn of the loop. */
  readonly again: () => void;
}

export interface Whereabouts {
  /** undefined: it is not in the queue. */
  readonly place: QueuePlace | undefined;
  /** Whether its template refers to something that does not exist. */
  readonly isParked: boolean;
  /** undefined: it was not decided here, or too long ago. */
  readonly decision: Decision | undefined;
}

const batchSizeMax = 500;
const batchesPerTurn = 8;
/** How long instances without a place rest at least, once an event woke them. */
const retryBackoff = { initialMs: 100, factor: 2, maxMs: 10_000 };
const cachedRequestsMax = 1_000;
/** Decisions that can still be explained: minutes of a busy cluster, days of a usual one. */
const decisionsMax = 10_000;
/** The name under which quotas stand among the rules that reject. */
export const quotaRule = "resource-quota";

const nothingProposed: BatchPlacement = { nodeNames: [], choices: [], explanation: undefined };

export class PlacementRunner {
  readonly #options: PlacementRunnerOptions;
  readonly #placer = new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax });
  readonly #queue: PlacementQueue;
  /** Instances by owner whose template refers to something that does not exist. */
  readonly #parked = new Map<string, Set<string>>();
  /** Nodes on which an instance has let go of something since the last turn. */
  readonly #freedNodes = new Set<string>();
  /** Of templates whose instances came to nodes or went since the last turn: each once. */
  readonly #neighbourEvents = new Map<string, InstanceEvent>();
  /** Namespaces with quotas in which an instance has let go of something since the last turn. */
  readonly #freedNamespaces = new Set<string>();
  readonly #decisions = new DecisionLog(decisionsMax);
  #timer: Timer | undefined;

  constructor(options: PlacementRunnerOptions) {
    this.#options = options;
    this.#queue = new PlacementQueue({
      backoff: retryBackoff,
      mayHelp: (event, request, rejectedBy) =>
        this.#placer.mayHelp(event, this.#request(request), rejectedBy),
    });
  }

  instanceChanged({ kind, instance, before, freedOn }: InstanceChange): void {
    const isPending = kind !== "removed" && instance.state.kind === "pending";
    const wasPending = before?.state.kind === "pending";
    if (isPending && !wasPending) this.#enqueue(instance);
    if (kind === "removed" && wasPending) this.#drop(instance);
    if (kind === "removed") this.#decisions.drop(instance.uid);
    if (this.#queue.hasUnschedulable)
      this.#noteNeighbours(
        instance,
        before?.state.kind,
        kind === "removed" ? undefined : instance.state.kind,
      );
    if (freedOn === undefined) return;
    this.#freedNodes.add(freedOn);
    if (this.#options.quotas.of(instance.namespace).length > 0) this.#freedNamespaces.add(instance.namespace);
  }

  /** A quota of this namespace was made, changed or removed: what waits for one is tried again, or told why not. */
  quotaChanged(namespace: string): void {
    const woken = this.#queue.wakeWhere(
      ({ quota }, rejectedBy) => quota.namespace === namespace && rejectedBy.has(quotaRule),
      this.#now(),
    );
    if (woken > 0) this.#options.again();
  }

  nodeChanged(nodeName: string, kind: "nodeAdded" | "nodeUpdated"): void {
    this.#wake(kind, nodeName);
  }

  /** Terms of affinity may select other namespaces now. */
  namespaceChanged(): void {
    const woken = this.#queue.wakeWhere(
      (_, rejectedBy) => rejectedBy.has(instanceAffinity.name),
      this.#now(),
    );
    if (woken > 0) this.#options.again();
  }

  /** What a workload's template refers to has changed. */
  wakeOwner(ownerUid: string): void {
    const parked = this.#parked.get(ownerUid);
    if (!parked) return;
    this.#parked.delete(ownerUid);
    for (const uid of parked) {
      const instance = this.#options.state.instance(uid);
      if (instance?.state.kind === "pending") this.#enqueue(instance);
    }
  }

  /** Where a pending instance is, for people who ask why. */
  whereabouts(instance: Instance): Whereabouts {
    const place = this.#queue.place(instance.uid);
    const isParked = this.#parked.get(instance.owner.uid)?.has(instance.uid) === true;
    return { place, isParked, decision: this.#decisions.of(instance.uid) };
  }

  get placer(): Placer {
    return this.#placer;
  }

  run(): void {
    this.#wakeFreed();
    for (let batches = 0; batches < batchesPerTurn; batches++) {
      const batch = this.#queue.take(batchSizeMax, this.#now());
      if (!batch) break;
      this.#place(batch);
    }
    if (this.#queue.hasActive) this.#options.again();
    this.#armTimer();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #enqueue(instance: Instance): void {
    const entry = this.#options.entryOf(instance.owner.uid);
    if (entry?.outcome.kind === "missing") {
      this.#park(instance, entry.outcome.reason, entry.outcome.message);
      return;
    }
    if (!entry) return;
    const request = queuedRequest(instance, entry);
    const explanation = this.#queue.add(instance.uid, request);
    if (explanation) this.#explain([instance.uid], explanation);
  }

  /** Where an instance is now, or not any more, may be what others wait for. */
  #noteNeighbours(
    instance: Instance,
    before: Instance["state"]["kind"] | undefined,
    now: Instance["state"]["kind"] | undefined,
  ): void {
    const isBound = now === "bound" && before !== "bound";
    const isGone = (before === "bound" || before === "stopping") && now !== before;
    if (!isBound && !isGone) return;
    const kind = isBound ? "instancesBound" : "instancesGone";
    const { owner, templateHash, namespace, labels, claims } = instance;
    this.#neighbourEvents.set(`${kind}/${owner.uid}/${templateHash}`, {
      kind,
      namespace,
      labels,
      affinity: claims.affinity,
    });
  }

  #park(instance: Instance, reason: string, message: string): void {
    const parked = this.#parked.get(instance.owner.uid) ?? new Set();
    this.#parked.set(instance.owner.uid, parked);
    parked.add(instance.uid);
    this.#recordWarning(instance, reason, message);
    this.#tellPending(instance.uid, reason, message);
  }

  #drop(instance: Instance): void {
    this.#queue.remove(instance.uid);
    const parked = this.#parked.get(instance.owner.uid);
    parked?.delete(instance.uid);
    if (parked?.size === 0) this.#parked.delete(instance.owner.uid);
  }

  /** Once per turn, however many instances have ended; only what now fits, so that a full namespace costs nothing. */
  #wakeFreed(): void {
    const { quotas } = this.#options;
    for (const nodeName of this.#freedNodes) this.#wake("capacityFreed", nodeName);
    this.#freedNodes.clear();
    for (const event of this.#neighbourEvents.values())
      this.#queue.wakeWhere(
        (request, rejectedBy) => this.#placer.mayHelpTopology(event, this.#request(request), rejectedBy),
        this.#now(),
      );
    this.#neighbourEvents.clear();
    for (const namespace of this.#freedNamespaces)
      this.#queue.wakeWhere(
        ({ quota }, rejectedBy) =>
          quota.namespace === namespace && rejectedBy.has(quotaRule) && quotas.allowance(quota, 1).count > 0,
        this.#now(),
      );
    this.#freedNamespaces.clear();
  }

  #wake(kind: NodeEvent["kind"], nodeName: string): void {
    const view = this.#options.state.view(nodeName);
    if (!view) return;
    if (this.#queue.wake({ kind, view }, this.#now()) > 0) this.#options.again();
  }

  #place(batch: Batch): void {
    const instances = this.#placeable(batch);
    const first = instances[0];
    const entry = first && this.#options.entryOf(first.owner.uid);
    if (!first || entry?.outcome.kind !== "resolved") {
      for (const instance of instances) {
        if (entry?.outcome.kind === "missing")
          this.#park(instance, entry.outcome.reason, entry.outcome.message);
      }
      this.#queue.close(batch, { unplaceable: [], explanation: undefined, rejected: [] }, this.#now());
      return;
    }
    const { explanation, unplaceable, rejected } = this.#propose(
      batch.request,
      instances,
      entry.outcome.template,
    );
    this.#queue.close(batch, { unplaceable, explanation, rejected }, this.#now());
    if (explanation) {
      this.#explain(unplaceable, explanation);
      this.#recordWarning(first, "FailedPlacement", explanation.message);
    }
  }

  /** Places as many of these as the quotas and then the nodes take. They are alike, and there is at least one. */
  #propose(queued: QueuedRequest, instances: readonly Instance[], template: NodeTemplate): BatchOutcome {
    const { quotas, state } = this.#options;
    const { count } = quotas.allowance(queued.quota, instances.length);
    const { nodeNames, choices, explanation } =
      count > 0 ? this.#placer.placeBatch(state.snapshot(), this.#request(queued), count) : nothingProposed;
    const rejected = this.#commit(instances, nodeNames, template);
    this.#noteDecisions(instances, choices, queued.requirements);
    if (count > 0)
      this.#options.observer?.decided(
        instances.slice(0, count),
        queued.requirements,
        nodeNames,
        new Set(rejected),
      );
    const left = instances.slice(nodeNames.length).map(({ uid }) => uid);
    if (explanation || left.length === 0) return { unplaceable: left, explanation, rejected };
    // Asked again: what was committed counts, and what the nodes did not take after all leaves room for others.
    const { refusal } = quotas.allowance(queued.quota, 1);
    if (refusal === undefined)
      return { unplaceable: [], explanation: undefined, rejected: [...rejected, ...left] };
    return { unplaceable: left, explanation: explainWithoutNodes(quotaRule, refusal), rejected };
  }

  /** Those of a batch that still wait. The rest is let go of when the batch is closed. */
  #placeable(batch: Batch): readonly Instance[] {
    return batch.uids.flatMap((uid) => {
      const instance = this.#options.state.instance(uid);
      return instance?.state.kind === "pending" ? [instance] : [];
    });
  }

  #request({ key, requirements }: QueuedRequest): PlacementRequest {
    return { key, requirements, neighbours: this.#options.state.neighbours };
  }

  /** Returns the proposals that no longer held. */
  #commit(
    instances: readonly Instance[],
    nodeNames: readonly string[],
    template: NodeTemplate,
  ): readonly string[] {
    const rejected: string[] = [];
    for (const [place, nodeName] of nodeNames.entries()) {
      const instance = instances[place];
      if (!instance) break;
      const session = this.#options.session(nodeName);
      const outcome = session ? this.#options.state.assume(instance.uid, nodeName) : undefined;
      if (outcome?.kind === "assumed") {
        session?.assign(outcome.change.instance, template);
        this.#options.changed(outcome.change);
      } else if (outcome?.kind !== "gone") {
        rejected.push(instance.uid);
      }
    }
    return rejected;
  }

  #noteDecisions(
    instances: readonly Instance[],
    choices: readonly Choice[],
    requirements: PlacementRequirements,
  ): void {
    const decidedMs = this.#options.clock.now();
    for (const [place, choice] of choices.entries()) {
      const instance = instances[place];
      if (instance) this.#decisions.note(instance.uid, { choice, requirements, decidedMs });
    }
  }

  #explain(uids: readonly string[], explanation: Explanation): void {
    const text = explanationText(explanation);
    for (const uid of uids) this.#tellPending(uid, "Unschedulable", text);
  }

  #tellPending(uid: string, reason: string, message: string): void {
    const change = this.#options.state.explainPending(uid, reason, message);
    if (change) this.#options.changed(change);
  }

  #recordWarning({ owner, namespace }: Instance, reason: string, message: string): void {
    const involved = { apiVersion: ownerApiVersion, ...owner, namespace };
    this.#options.events.record({ involved, type: "Warning", reason, message });
  }

  #armTimer(): void {
    this.#timer?.cancel();
    const atMs = this.#queue.wakeAtMs();
    if (atMs === undefined) return;
    this.#timer = this.#options.clock.setTimer(atMs - this.#now(), () => this.#options.again());
  }
}

function queuedRequest(instance: Instance, entry: CatalogueEntry): QueuedRequest {
  const { owner, namespace, templateHash, hasDeadline, isolation, priority, priorityClass } = instance;
  return {
    // Beside the template, what instances of it may differ in: a class can be made anew with another value, or become that
    // of those that name none; a module can be found to need a process; and quotas look for a deadline.
    key: [owner.uid, templateHash, priorityClass, priority, isolation, hasDeadline].join("/"),
    requirements: { ...entry.requirements, isolation },
    priority,
    quota: {
      namespace,
      workload: owner.name,
      charge: chargeOf(instance),
      traits: traitsOf(instance),
      unspecified: entry.unspecified,
    },
  };
}
