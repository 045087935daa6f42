import { CpuQuota, Hold } from "./cpu-quota.ts";
import type { Competitor } from "./fair-queue.ts";
import { queueLimits, weights } from "./limits.ts";
import { type Linked, LinkedList } from "./linked-list.ts";
import type { MemoryPot, PotMember } from "./serving/memory-pot.ts";

/** What a template asks of the CPU. */
export interface CpuShare {
  readonly requestMillis: number;
  readonly limitMillis: number | undefined;
}

/**
 * One instance, as the run queue knows it: its share of the thread, and everything that it has used. Whatever it runs, or has
 * done for it, is charged here.
 */
export class Account implements Competitor {
  readonly weight: number;
  virtualMs = 0;
  place = -1;
  order = 0;
  readonly quota: CpuQuota | undefined;
  /** If it has a quota. */
  readonly hold: Hold | undefined;
  readonly #owner: { used(): void };
  /** CPU time. What is charged in a turn is set right in it, so between turns this never goes back. */
  usedMs = 0;
  #shownMs: number | undefined;
  /** By the clock on the wall, in its turns. */
  ranMs = 0;
  /** What waits for its turn. */
  readonly waiting = new LinkedList<Runnable>();
  /** What happened for it outside its turns, since that was last charged. */
  events = 0;
  /** Where several have their memory together. */
  pot: MemoryPot | undefined;
  /** Which of several ran last, and for how long in a row. */
  #last: PotMember | undefined;
  #inRowMs = 0;
  #toldOfUse = false;

  /**
   * `owner` is told of use, once until it looks. A `quota` of another account is shared with it: what one uses the other
   * lacks.
   */
  constructor(
    { requestMillis, limitMillis }: CpuShare,
    nowMs: number,
    owner: { used(): void },
    quota?: CpuQuota,
  ) {
    this.weight = weightOf(requestMillis);
    this.quota = quota ?? (limitMillis === undefined ? undefined : new CpuQuota(limitMillis, nowMs));
    this.hold = this.quota && new Hold();
    this.#owner = owner;
  }

  /** As a clock: it never goes back, though what was charged may be set right. */
  clockMs(runningMs: number): number {
    this.#shownMs = Math.max(this.#shownMs ?? 0, this.usedMs + runningMs);
    return this.#shownMs;
  }

  /** A turn of it is over. */
  ran({ member, begins }: Runnable, wallMs: number): void {
    this.ranMs += wallMs;
    this.#inRowMs = this.#last === member && !begins ? this.#inRowMs + wallMs : wallMs;
    // Whoever is kept here is not collected.
    this.#last = this.waiting.empty ? undefined : member;
  }

  /** Whether what yields in its turn comes before the others of this account: until it has run for long in a row. */
  goesOn({ member }: Runnable): boolean {
    if (member === undefined) return false;
    return this.#last !== member || this.#inRowMs < queueLimits.inRowMs;
  }

  /** Less than nothing sets right what was too much. */
  charge(ms: number): void {
    this.usedMs += ms;
    this.quota?.spend(ms);
    if (this.#toldOfUse) return;
    this.#toldOfUse = true;
    this.#owner.used();
  }

  /** CPU time so far; from now on use is news again. */
  takeUsedMs(): number {
    this.#toldOfUse = false;
    return Math.max(0, this.usedMs);
  }
}

/** Something of an instance that waits for its turn on the thread. */
export abstract class Runnable implements Linked<Runnable> {
  abstract readonly account: Account;
  /** Whose memory can grow in its turns, if its account has a pot. */
  member: PotMember | undefined;
  /** It is the first turn of something new, whatever its member did before. */
  readonly begins: boolean = false;
  list: object | undefined;
  previous: Runnable | undefined;
  next: Runnable | undefined;

  /** Continues the guest in the next microtask, or at once. Must not throw. */
  abstract resume(): void;
  /** What began with `resume` is over, and is charged: so long by the clock on the wall. */
  over?(wallMs: number): void;
}

/** In proportion to the request, in the numbers of Kubernetes and cgroups (`cpu.shares`): a core is 1,024. */
export function weightOf(requestMillis: number): number {
  return Math.max(weights.least, Math.round((requestMillis * weights.perCore) / 1000));
}
