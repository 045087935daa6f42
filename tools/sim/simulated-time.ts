/**
 * The one time of a simulated cluster, and the clocks of its processes.
 *
 *   process clock ──setTimer──▶ heap ──next──▶ fires, if its process still lives
 *
 * Nothing happens between two timers: whoever runs the simulation takes the next one, lets everything follow that follows
 * from it, and only then takes another. Timers that fall due at the same moment fire in the order in which they were set.
 */
import type { Clock, Timer } from "../../kit/clock.ts";

/** More timers than this at one moment mean that something waits without letting time go by. */
const firedAtOnceMax = 10_000;

interface Entry {
  readonly atMs: number;
  readonly order: number;
  fire: (() => void) | undefined;
}

export class SimulatedTime {
  readonly #heap: Entry[] = [];
  #elapsedMs = 0;
  #order = 0;
  #firedNow = 0;

  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const atMs = this.#elapsedMs + (delayMs > 0 ? delayMs : 0);
    const entry: Entry = { atMs, order: this.#order++, fire };
    this.#push(entry);
    const cancel = () => {
      entry.fire = undefined;
    };
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Fires all that is due at the next moment at which something is; answers false, at `untilMs`, when nothing is before. */
  fireNext(untilMs: number): boolean {
    const first = this.#first();
    if (first === undefined || first.atMs > untilMs) {
      this.#elapsedMs = untilMs;
      return false;
    }
    if (first.atMs > this.#elapsedMs) this.#firedNow = 0;
    this.#elapsedMs = first.atMs;
    for (let due = this.#first(); due?.atMs === this.#elapsedMs; due = this.#first()) {
      const { fire } = due;
      this.#pop();
      if (++this.#firedNow > firedAtOnceMax)
        throw new Error(
          `time stands still: ${firedAtOnceMax} timers fired at ${this.#elapsedMs} ms, the last: ${String(fire)}`,
        );
      fire?.();
    }
    return true;
  }

  /** The earliest that is not cancelled. */
  #first(): Entry | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.fire !== undefined) return first;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: Entry): void {
    let slot = this.#heap.push(entry) - 1;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = this.#heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      this.#heap[slot] = above;
      slot = parent;
    }
    this.#heap[slot] = entry;
  }

  #pop(): void {
    const moved = this.#heap.pop();
    if (moved === undefined || this.#heap.length === 0) return;
    let slot = 0;
    for (;;) {
      let child = 2 * slot + 1;
      const left = this.#heap[child];
      const right = this.#heap[child + 1];
      if (left !== undefined && right !== undefined && isBefore(right, left)) child++;
      const below = this.#heap[child];
      if (below === undefined || isBefore(moved, below)) break;
      this.#heap[slot] = below;
      slot = child;
    }
    this.#heap[slot] = moved;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

const wallStartMs = Date.UTC(2026, 0, 1);

/** The clock of one process. Its monotonic time begins at its birth, its wall clock may be wrong, and its timers die with it. */
export class ProcessClock implements Clock {
  readonly #time: SimulatedTime;
  readonly #bornMs: number;
  #wallOffsetMs: number;
  #isStopped = false;

  constructor(time: SimulatedTime, wallOffsetMs = 0) {
    this.#time = time;
    this.#bornMs = time.elapsedMs;
    this.#wallOffsetMs = wallOffsetMs;
  }

  now(): number {
    return wallStartMs + this.#time.elapsedMs + this.#wallOffsetMs;
  }

  monotonic(): number {
    return this.#time.elapsedMs - this.#bornMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    return this.#time.after(delayMs, () => {
      if (!this.#isStopped) fire();
    });
  }

  /** Moves the wall clock alone, as an administrator or NTP would. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** The process is dead. */
  stop(): void {
    this.#isStopped = true;
  }
}
