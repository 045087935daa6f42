/**
 * Makes room for instances of a higher priority, and sees their nominations through.
 *
 *   no node ──search──▶ victims stop, node reserved ──room is free──▶ placed there
 *                              │
 *                              ├── another node takes it first ──▶ placed elsewhere (by the queue)
 *                              └── node unfit, or taken by a higher one ──▶ nomination withdrawn ──▶ queue, from the beginning
 *
 * Nominees form units that are placed together: an instance by itself, or a gang. A unit is looked at when something has left
 * the node that it waits for, and when one of its nodes has changed. While it waits for what stops, nobody else is stopped
 * for it.
 *
 * Invariants: each nominated instance is in one unit; of a gang all are nominated or none.
 */
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { DisruptionGuard } from "../core/disruption/disruption-guard.ts";
import type { Instance } from "../core/model.ts";
import type { PlacementRequest } from "../core/placement/framework.ts";
import type { Placer } from "../core/placement/placer.ts";
import { PreemptionDraft, type PlannedPreemption } from "../core/placement/preemption/draft.ts";
import { preemptionLimits } from "../core/placement/preemption/limits.ts";
import { preemptorOf, type Occupants } from "../core/placement/preemption/preemptor.ts";
import {
  PreemptionSearch,
  type PreemptionPlan,
  type SearchExtent,
  wholeExtent,
} from "../core/placement/preemption/preemption-search.ts";
import { victimText, waitingText } from "../core/placement/preemption/preemption-text.ts";
import { estimateCost } from "../core/placement/preemption/quick-estimate.ts";
import type { QueuedRequest } from "../core/placement/queue.ts";
import type { NodeSnapshot } from "../core/placement/snapshot.ts";
import type { QuotaBook } from "../core/quota/quota-book.ts";
import { footprintOf } from "../core/resources.ts";
import type { NodeSession, NodeTemplate } from "../nodes/node-port.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { ownerApiVersion } from "./instance-object.ts";
import type { Proposal, Proposals } from "./proposals.ts";

export interface PreemptionOptions {
  readonly state: ClusterState;
  readonly placer: Placer;
  readonly proposals: Proposals;
  readonly events: Pick<EventRecorder, "record">;
  readonly quotas: Pick<QuotaBook, "isExceeded">;
  readonly session: (nodeName: string) => NodeSession | undefined;
  readonly changed: (change: InstanceChange) => void;
  /** As placement asks for them. */
  readonly request: (queued: QueuedRequest) => PlacementRequest;
  /** undefined: something that it refers to is missing, or the workload is gone. */
  readonly templateOf: (instance: Instance) => NodeTemplate | undefined;
  readonly budgets: DisruptionGuard;
}

interface Unit {
  readonly queued: QueuedRequest;
  readonly uids: Set<string>;
  /** The node on which room is missing still, as last seen. */
  waitsFor: string | undefined;
}

export interface PreemptionOutcome {
  /** Those that have a nomination now. */
  readonly nominated: readonly Instance[];
  /** Whether there may be room to make for the others, too: to be asked again, which goes on where this has stopped. */
  readonly isUnfinished: boolean;
}

type Outlook = "free" | "waiting" | "hopeless";

export class Preemption {
  readonly #options: PreemptionOptions;
  readonly #occupants: Occupants;
  readonly #units = new Map<string, Unit>();
  readonly #due = new Set<Unit>();
  /** By request: how many of the cheapest nodes were looked at in vain. */
  readonly #unfinished = new Map<string, number>();
  #leftInTurn: number = preemptionLimits.perTurnMax;
  #preempted = 0;
  #preemptors = 0;

  constructor(options: PreemptionOptions) {
    const { state, budgets } = options;
    this.#options = options;
    this.#occupants = {
      freeableOn: (name) => state.freeableOn(name),
      instancesOn: (name) => state.instancesOn(name),
      nomineesOn: (name) => state.nomineesOn(name),
      tally: () => budgets.tally(),
    };
  }

  /** Instances that were stopped for others, of all times. */
  get preempted(): number {
    return this.#preempted;
  }

  /** Instances for which others were stopped, of all times. */
  get preemptors(): number {
    return this.#preemptors;
  }

  beginTurn(): void {
    this.#leftInTurn = preemptionLimits.perTurnMax;
  }

  /** Whether this turn has had enough of it. */
  get isSpent(): boolean {
    return this.#leftInTurn <= 0;
  }

  get hasDue(): boolean {
    return this.#due.size > 0;
  }

  /** The queueing hint: whether this node could take the request if lower ones left it. */
  mayHelp(view: NodeSnapshot, { requirements, priority, preempts }: QueuedRequest): boolean {
    const { state } = this.#options;
    if (!preempts || !state.hasLowerThan(priority)) return false;
    const freeable = state.freeableOn(view.node.name);
    if (freeable === undefined) return false;
    return estimateCost(view, freeable, footprintOf(requirements), priority) < Number.POSITIVE_INFINITY;
  }

  /** Makes room for as many of these as it can. */
  preemptEach(queued: QueuedRequest, instances: readonly Instance[]): PreemptionOutcome {
    const search = this.#search(queued, instances, this.#extentFor(queued));
    if (search === undefined) return { nominated: [], isUnfinished: false };
    const draft = this.#draft();
    const served = instances.slice(0, this.#leftInTurn);
    for (const instance of served) {
      const plan = search.next(this.#options.state.snapshot());
      if (plan === undefined || !draft.add(instance, plan, waitingText(plan))) break;
    }
    const nominated = draft.planned.map(({ preemptor }) => preemptor);
    for (const { uid } of nominated) this.#nominated({ queued, uids: new Set([uid]), waitsFor: undefined });
    this.#carryOut(draft);
    this.#leftInTurn -= nominated.length;
    if (search.isCutShort) this.#unfinished.set(queued.key, search.looked);
    const isTurnOver = nominated.length === served.length && served.length < instances.length;
    return { nominated, isUnfinished: search.isCutShort || isTurnOver };
  }

  /**
   * Makes room for a gang, if that lets all of it in: for those that have no place, neither reserved nor just `found`. Returns whether;
   * all of it has nominations then.
   */
  preemptGang(queued: QueuedRequest, instances: readonly Instance[], found: readonly Proposal[]): boolean {
    const { state } = this.#options;
    if (!this.#mayPreempt(queued)) return false;
    const draft = this.#draft();
    const isWhole =
      found.every(({ instance, nodeName }) => draft.add(instance, freePlaceOn(nodeName), gangText)) &&
      this.#planAll(
        queued,
        instances.filter(({ uid }) => !hasNomination(state.instance(uid))),
        draft,
      );
    if (!isWhole) {
      draft.undo();
      return false;
    }
    this.#nominated({ queued, uids: new Set(instances.map(({ uid }) => uid)), waitsFor: undefined });
    this.#carryOut(draft);
    return true;
  }

  /** Something has left this node. */
  freed(nodeName: string): void {
    for (const unit of this.#unitsOn(nodeName)) if (unit.waitsFor === nodeName) this.#due.add(unit);
  }

  /** This node is another than before. */
  nodeChanged(nodeName: string): void {
    for (const unit of this.#unitsOn(nodeName)) this.#due.add(unit);
  }

  /** A quota of this namespace is another than before. */
  quotaChanged(namespace: string): void {
    for (const unit of this.#units.values())
      if (unit.queued.quota.namespace === namespace) this.#due.add(unit);
  }

  /** These may not have their places after all. */
  withdrawAll(instances: readonly Instance[]): void {
    for (const { uid } of instances) {
      const unit = this.#units.get(uid);
      if (unit) this.#withdraw(unit);
    }
  }

  /** An instance has no nomination any more: it is placed, gone, or still waits (`isPending`). */
  denominated(uid: string, isPending: boolean): void {
    const unit = this.#units.get(uid);
    if (unit === undefined) return;
    this.#units.delete(uid);
    unit.uids.delete(uid);
    if (unit.uids.size === 0) this.#due.delete(unit);
    else if (isPending) this.#withdraw(unit);
    else this.#due.add(unit);
  }

  /** Places the nominees for whom all the room is there, and withdraws nominations that have become pointless. */
  settle(): void {
    for (const unit of this.#due) {
      this.#due.delete(unit);
      this.#settleUnit(unit);
    }
  }

  #settleUnit(unit: Unit): void {
    const proposals: Proposal[] = [];
    for (const uid of unit.uids) {
      const instance = this.#options.state.instance(uid);
      if (instance?.state.kind === "pending" && instance.state.nominatedNode !== undefined)
        proposals.push({ instance, nodeName: instance.state.nominatedNode });
    }
    if (this.#options.quotas.isExceeded(unit.queued.quota)) {
      this.#withdraw(unit);
      return;
    }
    const outlooks = proposals.map((proposal) => this.#outlook(unit.queued, proposal));
    const waiting = proposals[outlooks.indexOf("waiting")];
    unit.waitsFor = waiting?.nodeName;
    if (!outlooks.includes("hopeless")) {
      if (waiting !== undefined) return;
      const first = proposals[0]?.instance;
      const template = first && this.#options.templateOf(first);
      if (template && this.#options.proposals.commitAll(proposals, template)) return;
    }
    this.#withdraw(unit);
  }

  #outlook(queued: QueuedRequest, { instance, nodeName }: Proposal): Outlook {
    const { state, placer } = this.#options;
    const snapshot = state.snapshot();
    const position = snapshot.positionOf(nodeName);
    if (position === undefined) return "hopeless";
    const request = this.#options.request(queued);
    if (placer.wouldFit(snapshot, request, position, [instance])) return "free";
    if (!placer.admits(snapshot, request, position)) return "hopeless";
    // Whether what stops there is enough shows when it is gone.
    return (state.freeableOn(nodeName)?.stopping.instances ?? 0) > 0 ? "waiting" : "hopeless";
  }

  /** Whoever hears of it queues them again. */
  #withdraw(unit: Unit): void {
    this.#due.delete(unit);
    const uids = [...unit.uids];
    unit.uids.clear();
    for (const uid of uids) this.#units.delete(uid);
    for (const uid of uids) {
      const change = this.#options.state.withdraw(uid);
      if (change) this.#options.changed(change);
    }
  }

  #mayPreempt({ preempts, priority }: QueuedRequest): boolean {
    return preempts && this.#options.state.hasLowerThan(priority);
  }

  /** undefined: the only node that will do is not there. */
  #extentFor({ key, targetNode }: QueuedRequest): SearchExtent | undefined {
    if (targetNode === undefined) return this.#nextExtent(key);
    const only = this.#options.state.snapshot().positionOf(targetNode);
    return only === undefined ? undefined : { ...wholeExtent, only };
  }

  #nextExtent(key: string): SearchExtent {
    const skipped = this.#unfinished.get(key) ?? 0;
    this.#unfinished.delete(key);
    if (this.#unfinished.size < preemptionLimits.unfinishedMax)
      return { skipped, looksMax: preemptionLimits.looksMax };
    // Whoever is forgotten begins anew; that this one ends makes sure that all do.
    this.#unfinished.clear();
    return { skipped, looksMax: Number.POSITIVE_INFINITY };
  }

  #search(
    queued: QueuedRequest,
    instances: readonly Instance[],
    extent: SearchExtent | undefined,
  ): PreemptionSearch | undefined {
    if (extent === undefined || instances.length === 0 || !this.#mayPreempt(queued)) return undefined;
    const { state, placer } = this.#options;
    const preemptor = preemptorOf(placer, this.#options.request(queued), queued.priority);
    return new PreemptionSearch(state.snapshot(), preemptor, this.#occupants, extent);
  }

  #planAll(queued: QueuedRequest, instances: readonly Instance[], draft: PreemptionDraft): boolean {
    const search = this.#search(queued, instances, wholeExtent);
    if (search === undefined) return instances.length === 0;
    return instances.every((instance) => {
      const plan = search.next(this.#options.state.snapshot());
      return plan !== undefined && draft.add(instance, plan, waitingText(plan));
    });
  }

  #draft(): PreemptionDraft {
    const { state, budgets } = this.#options;
    return new PreemptionDraft(state, (instance) => budgets.note(instance));
  }

  #nominated(unit: Unit): void {
    for (const uid of unit.uids) this.#units.set(uid, unit);
    this.#due.add(unit);
  }

  #carryOut(draft: PreemptionDraft): void {
    for (const change of draft.changes) this.#options.changed(change);
    for (const planned of draft.planned) this.#stopVictims(planned);
  }

  #stopVictims({ preemptor, plan }: PlannedPreemption): void {
    if (plan.victims.length === 0) return;
    this.#preemptors++;
    this.#preempted += plan.victims.length;
    const message = victimText(preemptor);
    const session = this.#options.session(plan.nodeName);
    for (const { uid, name, owner, namespace } of plan.victims) {
      session?.stop(uid, undefined, { reason: "Preempted", message });
      const involved = { apiVersion: ownerApiVersion, ...owner, namespace };
      this.#options.events.record({
        involved,
        type: "Normal",
        reason: "Preempted",
        message: `instance ${name} on node ${plan.nodeName}: ${message}`,
      });
    }
    const involved = { apiVersion: ownerApiVersion, ...preemptor.owner, namespace: preemptor.namespace };
    this.#options.events.record({
      involved,
      type: "Normal",
      reason: "Preempting",
      message: `instance ${preemptor.name}: ${waitingText(plan)}`,
    });
  }

  *#unitsOn(nodeName: string): Iterable<Unit> {
    for (const { uid } of this.#options.state.nomineesOn(nodeName)) {
      const unit = this.#units.get(uid);
      if (unit) yield unit;
    }
  }
}

function hasNomination(instance: Instance | undefined): boolean {
  return instance?.state.kind === "pending" && instance.state.nominatedNode !== undefined;
}

const gangText = "has a place, and waits for the rest of its gang";

function freePlaceOn(nodeName: string): PreemptionPlan {
  return { nodeName, victims: [], displaced: [], stopping: [] };
}
