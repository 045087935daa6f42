/**
 * The instances of one namespace as its disruption budgets see them.
 *
 *   budget ──selects──▶ group (one owner, one set of labels) ──has──▶ member (an instance that is not over)
 *
 * A selector is asked once per group. A change of an instance then costs one look-up, and one addition for each budget that
 * selects it, if it became healthy or not. Healthy is: bound, ready for its owner's minReadySeconds, on a node that can be reached.
 *
 * Invariants: a budget's counts are the sums over its groups; a group without members is not kept; a member with a time in `due`
 * is not healthy yet and becomes so then, unless it changes before.
 */
import { selectorMatches } from "../../../api/validation/label-selector.ts";
import type { Instance } from "../model.ts";
import { availableAtMs } from "../controllers/availability.ts";
import type { TimedHeap } from "../placement/timed-heap.ts";
import { canonicalJson } from "../templates/template-hash.ts";
import { type Budget, requirementOf, type Requirement } from "./budget.ts";

/** What the workload says of its instances. */
export interface OwnerFacts {
  /** How many it wants. */
  readonly wanted: number;
  readonly minReadyMs: number;
}

export interface BudgetFacts {
  /** undefined: the workload is gone. */
  readonly owner: (ownerUid: string) => OwnerFacts | undefined;
  readonly isReachable: (nodeName: string) => boolean;
}

/** A budget with what it counts. */
export interface Entry {
  readonly budget: Budget;
  readonly groups: Set<Group>;
  selected: number;
  healthy: number;
  /** What the owners of those that it selects want in all. */
  wanted: number;
  /** How many groups of each owner it selects. */
  readonly owners: Map<Owner, number>;
}

interface Owner {
  readonly uid: string;
  facts: OwnerFacts;
  readonly groups: Set<Group>;
}

interface Group {
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: Owner;
  readonly members: Set<Member>;
  readonly entries: Set<Entry>;
  healthy: number;
  /** Members that should go and are there still. */
  leaving: number;
}

export interface Member {
  readonly book: NamespaceBook;
  instance: Instance;
  readonly group: Group;
  isHealthy: boolean;
  isLeaving: boolean;
}

const noFacts: OwnerFacts = { wanted: 0, minReadyMs: 0 };

export class NamespaceBook {
  readonly #facts: BudgetFacts;
  readonly #touched: (entry: Entry) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #groups = new Map<string, Group>();
  readonly #owners = new Map<string, Owner>();
  readonly #members = new Map<string, Member>();
  readonly #due: TimedHeap<Member>;

  /** `touched`: the counts of this budget have changed. `due`: when members become healthy by waiting. */
  constructor(facts: BudgetFacts, touched: (entry: Entry) => void, due: TimedHeap<Member>) {
    this.#facts = facts;
    this.#touched = touched;
    this.#due = due;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  entry(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  member(uid: string): Member | undefined {
    return this.#members.get(uid);
  }

  put(budget: Budget): void {
    this.delete(budget.name);
    const entry: Entry = { budget, groups: new Set(), selected: 0, healthy: 0, wanted: 0, owners: new Map() };
    this.#entries.set(budget.name, entry);
    for (const group of this.#groups.values()) link(entry, group);
    this.#touched(entry);
  }

  delete(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    for (const group of entry.groups) group.entries.delete(entry);
  }

  /** An instance as it is now. */
  instanceChanged(instance: Instance, isRemoved: boolean, nowMs: number): void {
    const known = this.#members.get(instance.uid);
    if (isRemoved || instance.state.kind === "ended") {
      if (known) this.#remove(known);
      return;
    }
    const member = known ?? this.#add(instance);
    member.instance = instance;
    setLeaving(member, instance.leaving !== undefined && instance.state.kind === "bound");
    this.assess(member, nowMs);
  }

  /** What the workload says may be other than before. */
  ownerChanged(ownerUid: string, nowMs: number): void {
    const owner = this.#owners.get(ownerUid);
    if (owner === undefined) return;
    const before = owner.facts;
    owner.facts = this.#facts.owner(ownerUid) ?? noFacts;
    if (owner.facts.wanted !== before.wanted)
      for (const entry of entriesOf(owner.groups)) {
        entry.wanted += owner.facts.wanted - before.wanted;
        this.#touched(entry);
      }
    if (owner.facts.minReadyMs === before.minReadyMs) return;
    for (const group of owner.groups) for (const member of group.members) this.assess(member, nowMs);
  }

  /** Nobody asks it any more. */
  close(): void {
    for (const member of this.#members.values()) this.#due.delete(member);
  }

  assess(member: Member, nowMs: number): void {
    const fromMs = healthyFromMs(member, this.#facts.isReachable, nowMs);
    if (fromMs !== undefined && fromMs > nowMs) this.#due.set(member, fromMs);
    else this.#due.delete(member);
    this.#setHealthy(member, fromMs !== undefined && fromMs <= nowMs);
  }

  #add(instance: Instance): Member {
    const group = this.#groupOf(instance);
    const member: Member = { book: this, instance, group, isHealthy: false, isLeaving: false };
    this.#members.set(instance.uid, member);
    group.members.add(member);
    for (const entry of group.entries) {
      entry.selected++;
      this.#touched(entry);
    }
    return member;
  }

  #remove(member: Member): void {
    const { group, instance } = member;
    this.#setHealthy(member, false);
    setLeaving(member, false);
    this.#due.delete(member);
    this.#members.delete(instance.uid);
    group.members.delete(member);
    for (const entry of group.entries) {
      entry.selected--;
      this.#touched(entry);
    }
    if (group.members.size === 0) this.#dropGroup(group);
  }

  #setHealthy(member: Member, isHealthy: boolean): void {
    if (member.isHealthy === isHealthy) return;
    member.isHealthy = isHealthy;
    const { group } = member;
    const sign = isHealthy ? 1 : -1;
    group.healthy += sign;
    for (const entry of group.entries) {
      entry.healthy += sign;
      this.#touched(entry);
    }
  }

  #groupOf({ owner: { uid }, labels }: Instance): Group {
    const key = `${uid} ${canonicalJson(labels)}`;
    const known = this.#groups.get(key);
    if (known) return known;
    const owner = this.#owners.get(uid) ?? {
      uid,
      facts: this.#facts.owner(uid) ?? noFacts,
      groups: new Set<Group>(),
    };
    this.#owners.set(uid, owner);
    const group: Group = {
      key,
      labels,
      owner,
      members: new Set(),
      entries: new Set(),
      healthy: 0,
      leaving: 0,
    };
    owner.groups.add(group);
    this.#groups.set(key, group);
    for (const entry of this.#entries.values()) link(entry, group);
    return group;
  }

  #dropGroup(group: Group): void {
    this.#groups.delete(group.key);
    group.owner.groups.delete(group);
    if (group.owner.groups.size === 0) this.#owners.delete(group.owner.uid);
    for (const entry of group.entries) {
      entry.groups.delete(group);
      countOwner(entry, group.owner, -1);
    }
  }
}

/** Owners of instances that should go and are selected by the budget. */
export function* leavingOwners({ groups }: Entry): Iterable<string> {
  for (const { leaving, owner } of groups) if (leaving > 0) yield owner.uid;
}

export function requirementIn({ budget, selected, wanted }: Entry): Requirement {
  return requirementOf(budget.rule, { selected, wanted });
}

function link(entry: Entry, group: Group): void {
  if (!selectorMatches(entry.budget.selector, group.labels)) return;
  entry.groups.add(group);
  group.entries.add(entry);
  entry.selected += group.members.size;
  entry.healthy += group.healthy;
  countOwner(entry, group.owner, 1);
}

function countOwner(entry: Entry, owner: Owner, sign: 1 | -1): void {
  const before = entry.owners.get(owner) ?? 0;
  const count = before + sign;
  if (count === 0) entry.owners.delete(owner);
  else entry.owners.set(owner, count);
  if (before === 0) entry.wanted += owner.facts.wanted;
  else if (count === 0) entry.wanted -= owner.facts.wanted;
}

function entriesOf(groups: Iterable<Group>): ReadonlySet<Entry> {
  const entries = new Set<Entry>();
  for (const group of groups) for (const entry of group.entries) entries.add(entry);
  return entries;
}

function setLeaving(member: Member, isLeaving: boolean): void {
  if (member.isLeaving === isLeaving) return;
  member.isLeaving = isLeaving;
  member.group.leaving += isLeaving ? 1 : -1;
}

/** undefined: it is not ready, on its way out, or nobody can reach it. */
function healthyFromMs(
  { instance, group }: Member,
  isReachable: BudgetFacts["isReachable"],
  nowMs: number,
): number | undefined {
  const { state } = instance;
  if (state.kind !== "bound" || !isReachable(state.nodeName)) return undefined;
  return availableAtMs(instance, group.owner.facts.minReadyMs, nowMs);
}
