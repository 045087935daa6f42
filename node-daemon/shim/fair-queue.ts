/**
 * Who is next, by what everyone has used: start-time fair queueing, with CFS's rule for those that slept.
 *
 *   virtual time of one    what it has used, divided by its weight
 *   virtual time of all    that of the one that was taken last; it never goes back
 *
 * Invariants:
 * - The one with the least virtual time is next; among equals the one that came first.
 * - Who was away comes back no further behind the time of all than a credit allows: sleep is not saved up, but a short wait
 *   is made good at once, so who sleeps most of the time is next when it wakes.
 * - What is owed stays owed, up to a bound: who used more than its share waits until the others have had theirs.
 *
 * No clock and no effects: virtual times move only by what `charge` is told.
 */
import { IndexedHeap, type Placed } from "./indexed-heap.ts";

export interface Competitor extends Placed {
  /** Above zero. */
  readonly weight: number;
  /** The queue's own, as the next: milliseconds of CPU time per unit of weight. */
  virtualMs: number;
  order: number;
}

/** Both in CPU time, whatever the weight. */
export interface FairQueueLimits {
  readonly creditMs: number;
  readonly debtMs: number;
}

export class FairQueue<T extends Competitor> {
  readonly #heap = new IndexedHeap<T>(isBefore);
  readonly #limits: FairQueueLimits;
  #virtualMs = 0;
  #order = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#heap.size;
  }

  /** `woken`: what it waited for has happened, and it may use its credit. It must not be in already. */
  add(one: T, woken: boolean): void {
    const { creditMs, debtMs } = this.#limits;
    const least = this.#virtualMs - (woken ? creditMs / one.weight : 0);
    const most = this.#virtualMs + debtMs / one.weight;
    one.virtualMs = Math.min(Math.max(one.virtualMs, least), most);
    one.order = this.#order++;
    this.#heap.add(one);
  }

  take(): T | undefined {
    const { first } = this.#heap;
    if (!first) return undefined;
    this.#heap.remove(first);
    this.#virtualMs = Math.max(this.#virtualMs, first.virtualMs);
    return first;
  }

  remove(one: T): void {
    this.#heap.remove(one);
  }

  /** It has used so much; less than nothing sets right what was too much. In the queue or not. */
  charge(one: T, ms: number): void {
    one.virtualMs += ms / one.weight;
    this.#heap.moved(one);
  }
}

function isBefore(a: Competitor, b: Competitor): boolean {
  return a.virtualMs < b.virtualMs || (a.virtualMs === b.virtualMs && a.order < b.order);
}
