/**
 * Brings pending instances to placement and its proposals to the nodes.
 *
 *   pending ──template resolved──▶ queue ──▶ proposal ──assume──▶ assigned over the session
 *      │                       │ └──over quota──▶ waits in the queue until the namespace has room again
 *      │                       │ └──no node──▶ preemption: others make room, and a node is reserved
 *      ├──of a gang that is being made──▶ gathers until all of it is there
 *      └──something missing──▶ parked until the ConfigMap or Secret changes; without its profile, until the template does
 *
 * A turn places a bounded number (gangs aside, which are placed whole), so that sessions and the API get their turns in between.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import { earliest } from "../../kit/timestamps.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { DisruptionGuard } from "../core/disruption/disruption-guard.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance } from "../core/model.ts";
import type { BatchPlacement } from "../core/placement/choice.ts";
import { explanationText, type Explanation, type NodeReport } from "../core/placement/explanation.ts";
import type { NodeEvent, PlacementRequest, Profiles } from "../core/placement/framework.ts";
import { instanceAffinity } from "../core/placement/plugins/instance-affinity/instance-affinity.ts";
import { usageLimitName } from "../core/placement/plugins/usage-limit/usage-limit.ts";
import { Placer } from "../core/placement/placer.ts";
import { toProfiles, type PlacementConfiguration } from "../core/placement/profile-declaration.ts";
import { PlacementQueue, type Batch, type QueuedRequest, type QueuePlace } from "../core/placement/queue.ts";
import type { QuotaBook } from "../core/quota/quota-book.ts";
import type { NodeSession, NodeTemplate } from "../nodes/node-port.ts";
import type { PlacementObserver } from "../recording/placement-observer.ts";
import { DecisionLog, type Decision } from "./decision-log.ts";
import { PlacementTally } from "./figures/placement-tally.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { GangProposer } from "./gang-proposer.ts";
import { ownerApiVersion } from "./instance-object.ts";
import { OwnerUids } from "./owner-uids.ts";
import { Preemption } from "./preemption.ts";
import { Proposals } from "./proposals.ts";
import { allPlaced, type ProposalOutcome, Proposer, type ProposerOptions, quotaRule } from "./proposer.ts";
import { queuedRequest } from "./queued-request.ts";
import type { CatalogueEntry } from "./template-catalogue.ts";
import type { WorkloadTraces } from "../tracing/workload-traces.ts";
import { WakeNotes } from "./wake-notes.ts";

export interface PlacementRunnerOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly placement: PlacementConfiguration;
  readonly events: Pick<EventRecorder, "record">;
  readonly quotas: Pick<QuotaBook, "allowance" | "isExceeded" | "of">;
  readonly session: (nodeName: string) => NodeSession | undefined;
  readonly changed: (change: InstanceChange) => void;
  /** A template that a workload has or had; undefined when the workload is gone, or the template not kept. */
  readonly entryOf: (ownerUid: string, templateHash: string) => CatalogueEntry | undefined;
  /** Told of each time nodes were looked at; absent: nobody wants to know. */
  readonly observer?: Pick<PlacementObserver, "decided"> | undefined;
  /** Whether the instances of a workload that wait get nodes together or not at all. */
  readonly isGang: (ownerUid: string) => boolean;
  /** Whether the steps that make its instances are not all carried out yet. */
  readonly isBeingMade: (ownerUid: string) => boolean;
  readonly budgets: DisruptionGuard;
  /** Asks for another turn of the loop. */
  readonly again: () => void;
  /** Sees each proposal that is about to be committed, while its instance is still pending. */
  readonly deciding: ((instance: Instance, nodeName: string) => void) | undefined;
  /** Absent: nobody wants to know. */
  readonly traces?: Pick<WorkloadTraces, "place" | "assign"> | undefined;
}

export interface Whereabouts {
  /** undefined: it is not in the queue. */
  readonly place: QueuePlace | undefined;
  /** Whether its template refers to something that does not exist. */
  readonly isParked: boolean;
  /** Whether it waits until the rest of its gang is made. */
  readonly isGathering: boolean;
  /** undefined: it was not decided here, or too long ago. */
  readonly decision: Decision | undefined;
}

const batchSizeMax = 500;
/** What a turn spends on placement: 8 batches, or 500 instances that may have one node only, each a batch by itself. */
const turnBudget = 4_000;
const batchCost = { ofAny: 500, ofOneNode: 8 };
const cachedRequestsMax = 1_000;
/** Decisions that can still be explained: minutes of a busy cluster, days of a usual one. */
const decisionsMax = 10_000;
const limitedUsage: ReadonlySet<string> = new Set([usageLimitName]);

/** Where instances wait that have no node: in placement's queue, for what their template refers to, or for the rest of their gang. */
export type WaitingPlace = "active" | "backoff" | "unschedulable" | "parked" | "gathering";

export class PlacementRunner {
  readonly tally = new PlacementTally();
  readonly #options: PlacementRunnerOptions;
  readonly #profiles: Profiles;
  readonly #placer: Placer;
  readonly #queue: PlacementQueue;
  readonly #proposals: Proposals;
  readonly #proposer: Proposer;
  readonly #gangs: GangProposer;
  readonly #preemption: Preemption;
  /** Instances by owner whose template refers to something that does not exist. */
  readonly #parked = new OwnerUids();
  /** Instances of gangs of which more are being made. */
  readonly #gathering = new OwnerUids();
  readonly #notes = new WakeNotes();
  readonly #decisions = new DecisionLog(decisionsMax);
  #timer: Timer | undefined;

  constructor(options: PlacementRunnerOptions) {
    this.#options = options;
    this.#profiles = toProfiles(options.placement);
    this.#placer = new Placer({ profiles: this.#profiles, seed: 0, cachedRequestsMax });
    this.#queue = new PlacementQueue({
      backoff: options.placement.backoff,
      mayHelp: (event, request, rejectedBy, isNominated) =>
        this.#placer.mayHelp(event, this.#request(request), rejectedBy) ||
        (!isNominated &&
          (request.targetNode ?? event.view.node.name) === event.view.node.name &&
          this.#preemption.mayHelp(event.view, request)),
    });
    const proposals = new Proposals(options);
    this.#proposals = proposals;
    const request = (queued: QueuedRequest) => this.#request(queued);
    this.#preemption = new Preemption({
      ...options,
      placer: this.#placer,
      proposals,
      request,
      templateOf: ({ owner, templateHash }) => {
        const outcome = options.entryOf(owner.uid, templateHash)?.outcome;
        return outcome?.kind === "resolved" ? outcome.template : undefined;
      },
    });
    const proposing = {
      ...options,
      placer: this.#placer,
      preemption: this.#preemption,
      proposals,
      request,
      decided: (...decision: Parameters<ProposerOptions["decided"]>) => this.#noteDecisions(...decision),
    };
    this.#proposer = new Proposer(proposing);
    this.#gangs = new GangProposer(proposing);
  }

  instanceChanged(change: InstanceChange): void {
    const { kind, instance, before, freedOn } = change;
    const isPending = kind !== "removed" && instance.state.kind === "pending";
    const wasPending = before?.state.kind === "pending";
    const wasNominated = before?.state.kind === "pending" && before.state.nominatedNode !== undefined;
    if (wasNominated && !isNominated(instance, kind)) this.#denominated(instance, isPending);
    if (isPending && !wasPending) this.#enqueue(instance);
    if (kind === "removed" && wasPending) this.#drop(instance);
    if (kind === "removed") this.#decisions.drop(instance.uid);
    if (this.#queue.hasUnschedulable) this.#notes.noteNeighbours(change);
    if (freedOn === undefined) return;
    const hasQuotas = this.#options.quotas.of(instance.namespace).length > 0;
    this.#notes.noteFreed(freedOn, hasQuotas ? instance.namespace : undefined);
  }

  /** A quota of this namespace was made, changed or removed: what waits for one is tried again, or told why not. */
  quotaChanged(namespace: string): void {
    const woken = this.#queue.wakeWhere(
      ({ quota }, rejectedBy) => quota.namespace === namespace && rejectedBy.has(quotaRule),
      this.#now(),
    );
    this.#preemption.quotaChanged(namespace);
    if (woken > 0 || this.#preemption.hasDue) this.#options.again();
  }

  nodeChanged(nodeName: string, kind: "nodeAdded" | "nodeUpdated"): void {
    this.#wake(kind, nodeName);
    this.#preemption.nodeChanged(nodeName);
    if (this.#preemption.hasDue) this.#options.again();
  }

  /** Whether its instances are a gang has changed: those that wait are queued anew. */
  gangChanged(ownerUid: string): void {
    for (const instance of this.#options.state.instancesOwnedBy(ownerUid)) {
      if (instance.state.kind !== "pending" || isNominated(instance, "updated")) continue;
      this.#queue.remove(instance.uid);
      this.#enqueue(instance);
    }
    this.#options.again();
  }

  /** Less of a node is in use than before. */
  usageFell(nodeName: string): void {
    const view = this.#options.state.view(nodeName);
    if (!view) return;
    const woken = this.#queue.wakeOn(
      nodeName,
      (request, rejectedBy) =>
        rejectedBy.has(usageLimitName) &&
        this.#placer.mayHelp({ kind: "capacityFreed", view }, this.#request(request), limitedUsage),
      this.#now(),
    );
    if (woken > 0) this.#options.again();
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
    this.#enqueueAll(this.#parked.take(ownerUid));
  }

  /** What every rule says of every node about a pending instance; undefined while that cannot be asked. */
  explain(uid: string): readonly NodeReport[] | undefined {
    const { state } = this.#options;
    const instance = state.instance(uid);
    const entry = instance && this.#entryOf(instance);
    const isGang = instance !== undefined && this.#options.isGang(instance.owner.uid);
    if (instance?.state.kind !== "pending" || entry === undefined) return undefined;
    // From scratch, so that nothing which the deciding placer keeps can make both wrong alike.
    using placer = new Placer({ profiles: this.#profiles, seed: 0, cachedRequestsMax: 1 });
    return placer.explain(state.snapshot(), this.#request(queuedRequest(instance, entry, isGang)));
  }

  /** Where a pending instance is, for people who ask why. */
  whereabouts(instance: Instance): Whereabouts {
    const place = this.#queue.place(instance.uid);
    const isParked = this.#parked.has(instance.owner.uid, instance.uid);
    const isGathering = this.#gathering.has(instance.owner.uid, instance.uid);
    return { place, isParked, isGathering, decision: this.#decisions.of(instance.uid) };
  }

  /** Gives a pending instance to this very node, if quotas and the node still take it; returns whether. */
  placeOn(instance: Instance, nodeName: string): boolean {
    const entry = this.#entryOf(instance);
    if (entry?.outcome.kind !== "resolved") return false;
    const { quota } = queuedRequest(instance, entry, false);
    if (this.#options.quotas.allowance(quota, 1).count === 0) return false;
    return this.#proposals.commitAll([{ instance, nodeName }], entry.outcome.template);
  }

  get placer(): Placer {
    return this.#placer;
  }

  run(): void {
    for (const ownerUid of this.#gathering.owners())
      if (!this.#options.isBeingMade(ownerUid)) this.#enqueueAll(this.#gathering.take(ownerUid));
    this.#wakeFreed();
    this.#preemption.beginTurn();
    this.#preemption.settle();
    this.#wakeGang();
    for (let spent = 0; spent < turnBudget;) {
      const batch = this.#queue.take(batchSizeMax, this.#now());
      if (!batch) break;
      spent += batch.request.targetNode === undefined ? batchCost.ofAny : batchCost.ofOneNode;
      this.#place(batch);
      if (this.#preemption.isSpent) break;
    }
    if (this.#queue.hasActive || this.#preemption.hasDue) this.#options.again();
    this.#armTimer();
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** How many instances wait, by where. */
  waiting(): Readonly<Record<WaitingPlace, number>> {
    return { ...this.#queue.counts(), parked: this.#parked.size, gathering: this.#gathering.size };
  }

  /** Those that were to make room for others, and those for whom they were. */
  get preemptions(): Pick<Preemption, "preempted" | "preemptors"> {
    return this.#preemption;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #enqueueAll(uids: readonly string[]): void {
    for (const uid of uids) {
      const instance = this.#options.state.instance(uid);
      if (instance?.state.kind === "pending") this.#enqueue(instance);
    }
  }

  #enqueue(instance: Instance, isAgain = false): void {
    const ownerUid = instance.owner.uid;
    const isGang = this.#options.isGang(ownerUid);
    if (isGang && this.#options.isBeingMade(ownerUid)) {
      this.#gathering.add(ownerUid, instance.uid);
      return;
    }
    const entry = this.#entryOf(instance);
    if (entry?.outcome.kind === "missing") {
      this.#park(instance, entry.outcome.reason, entry.outcome.message);
      return;
    }
    if (!entry) return;
    const { profile } = entry.requirements;
    if (this.#profiles.named(profile) === undefined) {
      this.#park(instance, "UnknownPlacementProfile", unknownProfile(profile, this.#profiles.names));
      return;
    }
    const request = queuedRequest(instance, entry, isGang);
    const explanation = isAgain
      ? this.#queue.addAgain(instance.uid, request, this.#now())
      : this.#queue.add(instance.uid, request);
    if (explanation) this.#explain([instance.uid], explanation);
  }

  #denominated(instance: Instance, isPending: boolean): void {
    this.#preemption.denominated(instance.uid, isPending);
    this.#queue.remove(instance.uid);
    if (isPending) this.#enqueue(instance, true);
    this.#options.again();
  }

  #park(instance: Instance, reason: string, message: string): void {
    this.#parked.add(instance.owner.uid, instance.uid);
    this.#recordWarning(instance, reason, message);
    this.#tellPending(instance.uid, reason, message);
  }

  #drop(instance: Instance): void {
    this.#queue.remove(instance.uid);
    this.#parked.delete(instance.owner.uid, instance.uid);
    this.#gathering.delete(instance.owner.uid, instance.uid);
  }

  /** Once per turn, however many instances have ended; only what now fits, so that a full namespace costs nothing. */
  #wakeFreed(): void {
    const { quotas } = this.#options;
    for (const nodeName of this.#notes.freedNodes) {
      this.#wake("capacityFreed", nodeName);
      this.#preemption.freed(nodeName);
    }
    for (const event of this.#notes.neighbourEvents.values())
      this.#queue.wakeWhere(
        (request, rejectedBy) => this.#placer.mayHelpTopology(event, this.#request(request), rejectedBy),
        this.#now(),
      );
    for (const namespace of this.#notes.freedNamespaces)
      this.#queue.wakeWhere(
        ({ quota }, rejectedBy) =>
          quota.namespace === namespace && rejectedBy.has(quotaRule) && quotas.allowance(quota, 1).count > 0,
        this.#now(),
      );
    this.#notes.clear();
  }

  /** A gang's turn to collect places has come, or is over. */
  #wakeGang(): void {
    const { turns } = this.#gangs;
    if (turns.collecting !== undefined && !this.#queue.hasGroup(turns.collecting))
      turns.over(turns.collecting);
    const key = turns.due(this.#now());
    if (key !== undefined && !this.#queue.wakeGroup(key)) turns.over(key);
    this.#queue.prefer(turns.collecting);
  }

  #wake(kind: NodeEvent["kind"], nodeName: string): void {
    const view = this.#options.state.view(nodeName);
    if (!view) return;
    if (this.#queue.wake({ kind, view }, this.#now()) > 0) this.#options.again();
  }

  #place(batch: Batch): void {
    const instances = this.#placeable(batch);
    const first = instances[0];
    const entry = first && this.#entryOf(first);
    if (!first || entry?.outcome.kind !== "resolved") {
      for (const instance of instances) {
        if (entry?.outcome.kind === "missing")
          this.#park(instance, entry.outcome.reason, entry.outcome.message);
      }
      this.#queue.close(batch, { ...allPlaced }, this.#now());
      return;
    }
    const beganMs = this.#now();
    const { traces } = this.#options;
    const { template } = entry.outcome;
    const propose = () => this.#propose(batch, instances, template);
    const outcome = traces ? traces.place(first.owner.uid, instances.length, propose) : propose();
    this.tally.decided(instances.length, outcome, (this.#now() - beganMs) / 1000);
    this.#queue.putBack(batch, outcome.undecided);
    this.#queue.close(batch, outcome, this.#now());
    const { explanation, unplaceable, nominated, noOtherNode } = outcome;
    // A gang has nodes for all of it, and some may have no other node: no event makes them look for one.
    if (noOtherNode && !batch.request.isGang && batch.request.targetNode === undefined)
      for (const { uid } of nominated) this.#queue.addNominated(uid, batch.request, noOtherNode, this.#now());
    if (!explanation || batch.isNominated || unplaceable.length === 0) return;
    this.#explain(unplaceable, explanation);
    this.#recordWarning(first, "FailedPlacement", explanation.message);
  }

  #propose(
    { request, isNominated: isReserved }: Batch,
    instances: readonly Instance[],
    template: NodeTemplate,
  ): ProposalOutcome {
    if (isReserved) return this.#proposer.proposeElsewhere(request, instances, template);
    if (!request.isGang) return this.#proposer.propose(request, instances, template);
    const outcome = this.#gangs.propose(request, instances, template, this.#now());
    this.#queue.prefer(this.#gangs.turns.collecting);
    return outcome;
  }

  /** Those of a batch that still wait. The rest is let go of when the batch is closed. */
  #placeable(batch: Batch): readonly Instance[] {
    return batch.uids.flatMap((uid) => {
      const instance = this.#options.state.instance(uid);
      if (instance?.state.kind !== "pending") return [];
      // Its template is not kept any more: its workload drops it.
      return this.#entryOf(instance) ? [instance] : [];
    });
  }

  #entryOf({ owner, templateHash }: Instance): CatalogueEntry | undefined {
    return this.#options.entryOf(owner.uid, templateHash);
  }

  #request({ key, requirements, targetNode }: QueuedRequest): PlacementRequest {
    return { key, requirements, neighbours: this.#options.state.neighbours, targetNode };
  }

  /** Why instances got their nodes is kept for those who ask, and told to whoever records it. */
  #noteDecisions(
    instances: readonly Instance[],
    request: QueuedRequest,
    { nodeNames, choices }: BatchPlacement,
    rejected: readonly string[],
  ): void {
    const batch = { requirements: request.requirements, decidedMs: this.#options.clock.now() };
    for (const [place, choice] of choices.entries()) {
      const instance = instances[place];
      if (instance) this.#decisions.note(instance.uid, choice, batch);
    }
    this.#options.observer?.decided(instances, request, nodeNames, new Set(rejected));
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
    const atMs = earliest(this.#queue.wakeAtMs(), this.#gangs.turns.wakeAtMs());
    if (atMs === undefined) return;
    this.#timer = this.#options.clock.setTimer(atMs - this.#now(), () => this.#options.again());
  }
}

function unknownProfile(name: string, names: readonly string[]): string {
  return (
    `spec.placementProfile "${name}": this scheduler has no such profile, it has ${names.join(", ")}; ` +
    "correct the template, or add the profile to the scheduler's --placement-config and start it again"
  );
}

function isNominated({ state }: Instance, kind: InstanceChange["kind"]): boolean {
  return kind !== "removed" && state.kind === "pending" && state.nominatedNode !== undefined;
}
