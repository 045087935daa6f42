/**
 * Instances that wait for a node, in groups of one request each. Holds uids, no instances.
 *
 *                 add                      take                    close: all placed
 *     (unknown) ────────▶ active ─────────────────────▶ in flight ─────────────────▶ (unknown)
 *                         ▲    ▲                             │
 *        its time is over │    │ wake, after its backoff     │ close: some have no place
 *                         │    └────────────────────┐        ▼
 *                      backoff ◀── wake, before ── unschedulable ◀── add to such a group: the same verdict
 *
 * A gang is handed out whole, whatever the limit. Nominated instances form groups of their own, which begin as unschedulable: a node
 * is reserved for them, and an event may show them another one earlier.
 *
 * Instances that may have one node only form a group for each node: they share their requirements, and fail one by one. Such a group
 * is woken by events of its node, unless it waits for others' instances; it costs events of other nodes nothing.
 *
 * Groups of the highest priority come first, and those of one priority are served in turn, so that a large one does not
 * hold up the others. An unschedulable group holds up nobody: it wakes by an event that may help it, never by time. Its
 * verdict is shared, so an instance that joins it costs nothing. The queue does not place.
 *
 * Invariants: a uid is in at most one group, and waits or is in flight, not both; a removed uid is never handed out or
 * taken back. Not bounded by itself: it holds what the cluster state holds as pending.
 */
import { backoffMs, type BackoffLimits } from "../../../kit/backoff.ts";
import type { PlacementRequirements } from "../model.ts";
import type { QuotaSubject } from "../quota/check-quotas.ts";
import type { Explanation } from "./explanation.ts";
import type { NodeEvent } from "./framework.ts";
import { ParkedGroups } from "./parked-groups.ts";
import { PriorityLine } from "./priority-line.ts";
import { TimedHeap } from "./timed-heap.ts";

export interface QueuedRequest {
  readonly key: string;
  readonly requirements: PlacementRequirements;
  /** The only node that will do; undefined: any. Not part of the key. */
  readonly targetNode: string | undefined;
  readonly priority: number;
  /** Whether others may be stopped to make room for it. */
  readonly preempts: boolean;
  /** Whether those that wait get nodes together or not at all. */
  readonly isGang: boolean;
  /** What the quotas of the namespace are asked about before any node is looked at. */
  readonly quota: QuotaSubject;
}

export interface Batch {
  readonly request: QueuedRequest;
  readonly uids: readonly string[];
  /** Whether a node is reserved for each of them. */
  readonly isNominated: boolean;
  /** How many wakes there had been: an event since then may have made the verdict obsolete. */
  readonly wakesBefore: number;
}

/** What became of a batch; those not named here have been placed. */
export interface BatchOutcome {
  readonly unplaceable: readonly string[];
  readonly explanation: Explanation | undefined;
  /** Proposals that were not committed: to be tried on a new snapshot. */
  readonly rejected: readonly string[];
}

export interface PlacementQueueOptions {
  /** How long a group rests between attempts that fail. */
  readonly backoff: BackoffLimits;
  /** Whether an event may let through what these rules rejected; `isNominated`: on another node than the one reserved. */
  readonly mayHelp: (
    event: NodeEvent,
    request: QueuedRequest,
    rejectedBy: ReadonlySet<string>,
    isNominated: boolean,
  ) => boolean;
}

type WakeHint = (request: QueuedRequest, rejectedBy: ReadonlySet<string>, isNominated: boolean) => boolean;

type GroupState =
  | { readonly kind: "idle" }
  | { readonly kind: "active" }
  | { readonly kind: "backoff"; readonly untilMs: number }
  | { readonly kind: "unschedulable"; readonly explanation: Explanation; readonly parkedMs: number };

/** Where an instance is in the queue, for people who ask. */
export interface QueuePlace {
  readonly request: QueuedRequest;
  readonly state: Exclude<GroupState, { readonly kind: "idle" }>;
  /** How many instances wait with it, itself included. */
  readonly alike: number;
  readonly failedAttempts: number;
}

interface Group {
  readonly request: QueuedRequest;
  readonly isNominated: boolean;
  readonly waiting: Set<string>;
  inFlight: number;
  failedAttempts: number;
  state: GroupState;
}

interface Membership {
  readonly group: Group;
  inFlight: boolean;
}

export class PlacementQueue {
  readonly #options: PlacementQueueOptions;
  readonly #groups = new Map<string, Group>();
  readonly #members = new Map<string, Membership>();
  readonly #active = new PriorityLine<Group>();
  readonly #unschedulable = new ParkedGroups<Group>();
  readonly #backoff = new TimedHeap<Group>();
  #preferred: string | undefined;
  #wakes = 0;

  constructor(options: PlacementQueueOptions) {
    this.#options = options;
  }

  /** How many instances wait or are in flight. */
  get size(): number {
    return this.#members.size;
  }

  /** Instances by the state of their group, for metrics. */
  counts(): Readonly<Record<"active" | "backoff" | "unschedulable", number>> {
    const counts = { active: 0, backoff: 0, unschedulable: 0 };
    for (const { state, waiting } of this.#groups.values())
      if (state.kind !== "idle") counts[state.kind] += waiting.size;
    return counts;
  }

  /** Queues an instance. If its group is known to have no place now, says why; nothing else will be done for it. */
  add(uid: string, request: QueuedRequest): Explanation | undefined {
    if (this.#members.has(uid)) return undefined;
    const group = this.#groupFor(request, false);
    this.#join(uid, group);
    if (group.state.kind === "idle") this.#enter(group, { kind: "active" });
    return group.state.kind === "unschedulable" ? group.state.explanation : undefined;
  }

  /** Queues an instance that has lost the node that was reserved for it: after a rest, so that nothing can go round and round. */
  addAgain(uid: string, request: QueuedRequest, nowMs: number): Explanation | undefined {
    const group = this.#groupFor(request, false);
    if (group.state.kind === "idle" && !this.#members.has(uid)) {
      group.failedAttempts++;
      this.#join(uid, group);
      this.#enterAt(group, nowMs + this.#restMs(group), nowMs);
    }
    return this.add(uid, request);
  }

  /** Queues an instance for which a node is reserved: `explanation` says why no other node takes it now. */
  addNominated(uid: string, request: QueuedRequest, explanation: Explanation, nowMs: number): void {
    if (this.#members.has(uid)) return;
    const group = this.#groupFor(request, true);
    this.#join(uid, group);
    if (group.state.kind === "idle")
      this.#enter(group, { kind: "unschedulable", explanation, parkedMs: nowMs });
  }

  /** Why an instance's group has no place, as last found out; undefined while that is not known. */
  explanation(uid: string): Explanation | undefined {
    const state = this.#members.get(uid)?.group.state;
    return state?.kind === "unschedulable" ? state.explanation : undefined;
  }

  /** undefined: it does not wait here. */
  place(uid: string): QueuePlace | undefined {
    const group = this.#members.get(uid)?.group;
    if (group === undefined) return undefined;
    const { request, state, waiting, inFlight, failedAttempts } = group;
    return {
      request,
      state: state.kind === "idle" ? { kind: "active" } : state,
      alike: waiting.size + inFlight,
      failedAttempts,
    };
  }

  /** Drops an instance that needs no place any more. */
  remove(uid: string): void {
    const member = this.#members.get(uid);
    if (member === undefined) return;
    const { group, inFlight } = member;
    this.#members.delete(uid);
    if (inFlight) group.inFlight--;
    group.waiting.delete(uid);
    // A smaller gang may fit where the larger did not.
    if (group.request.isGang && group.state.kind === "unschedulable") this.#enter(group, { kind: "active" });
    this.#dropIfEmpty(group);
  }

  /** Up to `limit` instances of the group whose turn it is, of a gang all. Must be closed. Undefined: nothing to do now. */
  take(limit: number, nowMs: number): Batch | undefined {
    for (let due = this.#backoff.popDue(nowMs); due !== undefined; due = this.#backoff.popDue(nowMs))
      if (due.state.kind === "backoff" && due.state.untilMs <= nowMs) this.#enter(due, { kind: "active" });
    const group = this.#first();
    if (group === undefined) return undefined;
    const uids: string[] = [];
    for (const uid of group.waiting) {
      if (uids.length >= limit && !group.request.isGang) break;
      uids.push(uid);
      group.waiting.delete(uid);
      const member = this.#members.get(uid);
      if (member !== undefined) member.inFlight = true;
    }
    group.inFlight += uids.length;
    this.#enter(group, { kind: group.waiting.size > 0 ? "active" : "idle" });
    const { request, isNominated } = group;
    return { request, uids, isNominated, wakesBefore: this.#wakes };
  }

  /** Lets these of a batch, about which nothing is decided yet, wait for their group's next turn. */
  putBack(batch: Batch, uids: readonly string[]): void {
    const group = this.#groups.get(groupKey(batch.request, batch.isNominated));
    if (group !== undefined && this.#takeBack(uids) > 0) this.#enter(group, { kind: "active" });
  }

  /** Ends what `take` began. */
  close(batch: Batch, outcome: BatchOutcome, nowMs: number): void {
    const group = this.#groups.get(groupKey(batch.request, batch.isNominated));
    if (group === undefined) return;
    const unplaceable = this.#takeBack(outcome.unplaceable);
    const rejected = this.#takeBack(outcome.rejected);
    let placed = 0;
    for (const uid of batch.uids) {
      if (this.#members.get(uid)?.inFlight !== true) continue;
      this.#members.delete(uid);
      group.inFlight--;
      placed++;
    }
    if (placed > 0) group.failedAttempts = 0;
    if (unplaceable > 0 && outcome.explanation !== undefined)
      this.#park(group, outcome.explanation, batch.wakesBefore, nowMs);
    else if (unplaceable + rejected > 0) this.#again(group, placed > 0, nowMs);
    this.#dropIfEmpty(group);
  }

  /** Wakes the groups that an event may help. Returns how many. */
  wake(event: NodeEvent, nowMs: number): number {
    const { mayHelp } = this.#options;
    return this.wakeOn(
      event.view.node.name,
      (request, rejectedBy, isNominated) => mayHelp(event, request, rejectedBy, isNominated),
      nowMs,
    );
  }

  /** Wakes the groups that something on a node may help: `mayHelp` is its hint. */
  wakeOn(nodeName: string, mayHelp: WakeHint, nowMs: number): number {
    return this.#wakeThose(this.#unschedulable.on(nodeName), mayHelp, nowMs);
  }

  /** The same for something that is no node's event; what only events of one node can help is not asked. */
  wakeWhere(mayHelp: WakeHint, nowMs: number): number {
    return this.#wakeThose(this.#unschedulable.anywhere(), mayHelp, nowMs);
  }

  #wakeThose(groups: Iterable<Group>, mayHelp: WakeHint, nowMs: number): number {
    this.#wakes++;
    let woken = 0;
    for (const group of groups) {
      if (group.state.kind !== "unschedulable") continue;
      const { explanation, parkedMs } = group.state;
      if (!mayHelp(group.request, explanation.rejectedBy, group.isNominated)) continue;
      woken++;
      const isPreferred = group.request.key === this.#preferred;
      this.#enterAt(group, isPreferred ? nowMs : parkedMs + this.#restMs(group), nowMs);
    }
    return woken;
  }

  /** The group with this key goes before others of its priority from now on, and rests no more between attempts. */
  prefer(key: string | undefined): void {
    this.#preferred = key;
  }

  hasGroup(key: string): boolean {
    return this.#groups.has(key);
  }

  /** Makes a group active whatever it waits for. Returns whether there is such a group. */
  wakeGroup(key: string): boolean {
    const group = this.#groups.get(key);
    if (group === undefined) return false;
    if (group.waiting.size > 0) this.#enter(group, { kind: "active" });
    return true;
  }

  /** When the next group's backoff is over; undefined: nothing happens by time alone. Active groups are due now. */
  wakeAtMs(): number | undefined {
    return this.#backoff.firstAtMs();
  }

  get hasActive(): boolean {
    return !this.#active.isEmpty;
  }

  /** Whether something waits that only an event can help. */
  get hasUnschedulable(): boolean {
    return this.#unschedulable.size > 0;
  }

  #first(): Group | undefined {
    const first = this.#active.first();
    const preferred = this.#preferred === undefined ? undefined : this.#groups.get(this.#preferred);
    if (preferred?.state.kind !== "active" || first === undefined) return first;
    return preferred.request.priority >= first.request.priority ? preferred : first;
  }

  #park(group: Group, explanation: Explanation, wakesBefore: number, nowMs: number): void {
    group.failedAttempts++;
    if (this.#wakes === wakesBefore)
      this.#enter(group, { kind: "unschedulable", explanation, parkedMs: nowMs });
    else this.#enterAt(group, nowMs + this.#restMs(group), nowMs);
  }

  #again(group: Group, hadSuccess: boolean, nowMs: number): void {
    if (!hadSuccess) group.failedAttempts++;
    this.#enterAt(group, hadSuccess ? nowMs : nowMs + this.#restMs(group), nowMs);
  }

  #restMs(group: Group): number {
    return backoffMs(group.failedAttempts - 1, this.#options.backoff);
  }

  #enterAt(group: Group, readyMs: number, nowMs: number): void {
    this.#enter(group, readyMs <= nowMs ? { kind: "active" } : { kind: "backoff", untilMs: readyMs });
  }

  /** The only place where a group changes its state. An active group that enters again goes to the end of the line. */
  #enter(group: Group, state: GroupState): void {
    const { priority } = group.request;
    this.#active.delete(group, priority);
    this.#unschedulable.delete(group);
    if (group.state.kind === "backoff") this.#backoff.delete(group);
    group.state = state;
    if (state.kind === "active") this.#active.add(group, priority);
    if (state.kind === "unschedulable") {
      const { target } = state.explanation;
      this.#unschedulable.add(group, target?.isAlone === true ? target.nodeName : undefined);
    }
    if (state.kind === "backoff") this.#backoff.set(group, state.untilMs);
  }

  /** Puts uids in flight back into their group; those removed meanwhile are skipped. */
  #takeBack(uids: readonly string[]): number {
    let count = 0;
    for (const uid of uids) {
      const member = this.#members.get(uid);
      if (member?.inFlight !== true) continue;
      member.inFlight = false;
      member.group.inFlight--;
      member.group.waiting.add(uid);
      count++;
    }
    return count;
  }

  #join(uid: string, group: Group): void {
    this.#members.set(uid, { group, inFlight: false });
    group.waiting.add(uid);
  }

  #groupFor(request: QueuedRequest, isNominated: boolean): Group {
    const key = groupKey(request, isNominated);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group: Group = {
      request,
      isNominated,
      waiting: new Set(),
      inFlight: 0,
      failedAttempts: 0,
      state: { kind: "idle" },
    };
    this.#groups.set(key, group);
    return group;
  }

  #dropIfEmpty(group: Group): void {
    if (group.waiting.size > 0) return;
    this.#enter(group, { kind: "idle" });
    if (group.inFlight === 0) this.#groups.delete(groupKey(group.request, group.isNominated));
  }
}

function groupKey({ key, targetNode }: QueuedRequest, isNominated: boolean): string {
  const group = targetNode === undefined ? key : `${key} on ${targetNode}`;
  return isNominated ? `${group} nominated` : group;
}
