/**
 * All disruption budgets, and what they allow. Namespaces without a budget cost nothing: their instances are looked at when the
 * first budget comes.
 *
 * An instance may be stopped if every budget that selects it allows that. A budget allows to stop as many healthy instances as are
 * above what must stay; one that is not healthy, if enough others are, or always with AlwaysAllow. What has no node, is on
 * its way out, or is over, may go: nothing is lost by it.
 *
 * After the start it is not known how many there are until all nodes have reported: until then no budget allows anything.
 */
import type { WasmDisruptionBudget } from "../../../api/gen/kinds.gen.ts";
import type { Instance } from "../model.ts";
import { TimedHeap } from "../placement/timed-heap.ts";
import { toBudget, type Budget } from "./budget.ts";
import type { DisruptionTally } from "./disruption-guard.ts";
import {
  type BudgetFacts,
  type Entry,
  leavingOwners,
  type Member,
  NamespaceBook,
  requirementIn,
} from "./namespace-book.ts";

export interface BudgetBookOptions extends BudgetFacts {
  readonly instancesIn: (namespace: string) => Iterable<Instance>;
  /** A budget says something else than before. */
  readonly touched: (namespace: string, name: string) => void;
  /** More may be stopped than before; these owners have instances that should go. */
  readonly allowsMore: (ownerUids: Iterable<string>) => void;
}

/** What a budget counts now. */
export interface Standing {
  readonly budget: Budget;
  readonly healthy: number;
  /** How many must stay healthy. */
  readonly desired: number;
  readonly expected: number;
  /** What the owners of those that it selects want in all. */
  readonly wanted: number;
  /** How many healthy ones may be stopped now. */
  readonly allowed: number;
  /** Whether all nodes have told what they have. */
  readonly isKnown: boolean;
}

export class BudgetBook {
  readonly #options: BudgetBookOptions;
  readonly #namespaces = new Map<string, NamespaceBook>();
  /** How many more than desired were healthy when it was last looked at. */
  readonly #spare = new WeakMap<Entry, number>();
  readonly #due = new TimedHeap<Member>();
  #isKnown = false;

  constructor(options: BudgetBookOptions) {
    this.#options = options;
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  put(object: WasmDisruptionBudget, nowMs: number): void {
    const budget = toBudget(object);
    const { namespace } = budget;
    let book = this.#namespaces.get(namespace);
    if (book === undefined) {
      book = new NamespaceBook(this.#options, (entry) => this.#touched(entry), this.#due);
      this.#namespaces.set(namespace, book);
      for (const instance of this.#options.instancesIn(namespace))
        book.instanceChanged(instance, false, nowMs);
    }
    const before = book.entry(budget.name);
    book.put(budget);
    if (before) this.#options.allowsMore(leavingOwners(before));
  }

  delete({ metadata: { namespace = "", name } }: Pick<WasmDisruptionBudget, "metadata">): void {
    const book = this.#namespaces.get(namespace);
    const entry = book?.entry(name);
    if (book === undefined || entry === undefined) return;
    book.delete(name);
    if (book.isEmpty) {
      this.#namespaces.delete(namespace);
      book.close();
    }
    this.#options.allowsMore(leavingOwners(entry));
  }

  instanceChanged(instance: Instance, isRemoved: boolean, nowMs: number): void {
    this.#namespaces.get(instance.namespace)?.instanceChanged(instance, isRemoved, nowMs);
  }

  ownerChanged(namespace: string, ownerUid: string, nowMs: number): void {
    this.#namespaces.get(namespace)?.ownerChanged(ownerUid, nowMs);
  }

  /** All nodes have reported, or are lost. */
  instancesAreKnown(): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    for (const book of this.#namespaces.values()) for (const entry of book.entries()) this.#touched(entry);
  }

  /** When the next instance becomes healthy by waiting. */
  nextDueMs(): number | undefined {
    return this.#due.firstAtMs();
  }

  /** `waitedUntilMs`: what was waited for; later than now if the clock was set back meanwhile. */
  timePassed(nowMs: number, waitedUntilMs = nowMs): void {
    const untilMs = Math.max(nowMs, waitedUntilMs);
    const members: Member[] = [];
    for (let one = this.#due.popDue(untilMs); one; one = this.#due.popDue(untilMs)) members.push(one);
    for (const member of members) member.book.assess(member, nowMs);
  }

  standing(namespace: string, name: string): Standing | undefined {
    const entry = this.#namespaces.get(namespace)?.entry(name);
    return entry && this.#standingOf(entry);
  }

  /** The budgets that do not allow to stop this instance now. */
  refusals(instance: Instance): readonly Standing[] {
    const member = this.#memberOf(instance);
    if (member === undefined) return [];
    return [...member.group.entries]
      .filter((entry) => !this.#allows(entry, member, 0))
      .map((entry) => this.#standingOf(entry));
  }

  tally(): DisruptionTally | undefined {
    if (this.#namespaces.size === 0) return undefined;
    const taken = new Map<Entry, number>();
    return {
      isGuarded: (instance) => (this.#memberOf(instance)?.group.entries.size ?? 0) > 0,
      take: (instance) => {
        const member = this.#memberOf(instance);
        if (member === undefined) return true;
        let isAllowed = true;
        for (const entry of member.group.entries) {
          const before = taken.get(entry) ?? 0;
          if (!this.#allows(entry, member, before)) isAllowed = false;
          if (member.isHealthy) taken.set(entry, before + 1);
        }
        return isAllowed;
      },
    };
  }

  /** undefined: stopping it takes nothing from anybody, or no budget is in its namespace. */
  #memberOf({ namespace, uid, state }: Instance): Member | undefined {
    return state.kind === "bound" ? this.#namespaces.get(namespace)?.member(uid) : undefined;
  }

  #allows(entry: Entry, { isHealthy }: Member, taken: number): boolean {
    if (!this.#isKnown) return false;
    if (!isHealthy && entry.budget.sparesOnlyHealthy) return true;
    const { desired, expected } = requirementIn(entry);
    const spare = entry.healthy - taken - desired;
    return isHealthy ? expected > 0 && spare > 0 : spare >= 0;
  }

  #standingOf(entry: Entry): Standing {
    const { budget, healthy, wanted } = entry;
    const { desired, expected } = requirementIn(entry);
    const allowed = this.#isKnown && expected > 0 ? Math.max(0, healthy - desired) : 0;
    return { budget, healthy, desired, expected, wanted, allowed, isKnown: this.#isKnown };
  }

  #touched(entry: Entry): void {
    const { namespace, name } = entry.budget;
    const { desired } = requirementIn(entry);
    const spare = this.#isKnown ? entry.healthy - desired : Number.NEGATIVE_INFINITY;
    const before = this.#spare.get(entry) ?? Number.NEGATIVE_INFINITY;
    this.#spare.set(entry, spare);
    this.#options.touched(namespace, name);
    if (spare > before) this.#options.allowsMore(leavingOwners(entry));
  }
}
