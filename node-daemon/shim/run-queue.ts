/**
 * Who runs next. Guests run on this one thread, from one suspension to the next; in between, the queue decides.
 *
 *   woken   ──▶ ┐                          a wait is over: what is left of its fuel is little
 *   yielded ──▶ ├─▶ resume ─▶ guest runs ─▶ suspends ─▶ charged ─▶ next, until the turn is over ─▶ event loop
 *   urgent  ──▶ ┘                          killed: it only traps
 *
 * Invariants:
 * - Every resumption of a guest goes through here, one at a time, so that the time between is the guest's.
 * - Within a list the order is first in, first out. Woken guests go first, but each turn serves one yielded guest at
 *   least, so neither kind starves the other.
 * - A turn is bounded, and then timers, files and the daemon are served before the next one.
 * - Nothing is scheduled while nobody waits.
 *
 * A resumed guest continues in a microtask, the first after its promise is resolved. So a microtask that is queued
 * right behind runs when the guest has suspended again, or has ended. The engine suspends for one microtask even when a
 * suspending import answers no promise: whoever answers so says `hop`, and the guest is taken to go on.
 */

export interface Runnable {
  /** Continues the guest in the next microtask, or at once. Must not throw. */
  resume(): void;
  /** What it does is over only when no microtask is left: JavaScript stands between the host and this guest. */
  readonly drains?: true;
  /** What it used since then. */
  charge(ms: number): void;
}

export type RunClass = "urgent" | "woken" | "yielded";

export interface RunQueueOptions {
  /** Milliseconds with fractions, monotonic. */
  readonly now: () => number;
  /** Calls it in the next turn of the event loop, after I/O. */
  readonly schedule: (turn: () => void) => void;
  /** Calls it once no microtask is left. Only for runnables that drain. */
  readonly whenDrained: (step: () => void) => void;
  readonly turnMs: number;
}

export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #lists = { urgent: new Fifo(), woken: new Fifo(), yielded: new Fifo() };
  readonly #entries = new Map<Runnable, Entry>();
  #scheduled = false;
  #running: Runnable | undefined;
  #runningSince = 0;
  #turnEnds = 0;
  #yieldedServed = false;
  #hopped = false;

  constructor(options: RunQueueOptions) {
    this.#options = options;
  }

  /** A runnable waits once at most; pushing it again moves it, to the end of that list. */
  push(runnable: Runnable, runClass: RunClass): void {
    this.remove(runnable);
    const entry: Entry = { runnable };
    this.#entries.set(runnable, entry);
    this.#lists[runClass].push(entry);
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    this.#options.schedule(this.#turn);
  }

  remove(runnable: Runnable): void {
    const entry = this.#entries.get(runnable);
    if (!entry) return;
    entry.runnable = undefined;
    this.#entries.delete(runnable);
  }

  /** Whether the running guest may go on without suspending: nobody waits and the turn is not over. */
  get mayContinue(): boolean {
    return this.#entries.size === 0 && this.#options.now() < this.#turnEnds;
  }

  /** The running guest goes on in the next microtask. */
  hop(runnable: Runnable): void {
    if (this.#running === runnable) this.#hopped = true;
  }

  /** Since the running guest was resumed, if this is the one. */
  runningMs(runnable: Runnable): number {
    return this.#running === runnable ? this.#options.now() - this.#runningSince : 0;
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.#turnEnds = this.#options.now() + this.#options.turnMs;
    this.#yieldedServed = false;
    this.#step();
  };

  readonly #step = (): void => {
    if (this.#hopped) {
      this.#hopped = false;
      queueMicrotask(this.#step);
      return;
    }
    const now = this.#options.now();
    const last = this.#running;
    this.#running = undefined;
    last?.charge(now - this.#runningSince);
    const next = this.#next(now >= this.#turnEnds);
    if (next) {
      this.#running = next;
      this.#runningSince = now;
      next.resume();
      if (next.drains) this.#options.whenDrained(this.#step);
      else queueMicrotask(this.#step);
    } else if (this.#entries.size > 0 && !this.#scheduled) {
      this.#scheduled = true;
      this.#options.schedule(this.#turn);
    }
  };

  #next(turnOver: boolean): Runnable | undefined {
    const { urgent, woken, yielded } = this.#lists;
    if (turnOver && (this.#yieldedServed || yielded.empty)) return undefined;
    const next = turnOver ? undefined : (urgent.shift() ?? woken.shift());
    const chosen = next ?? yielded.shift();
    if (!next) this.#yieldedServed = true;
    if (chosen) this.#entries.delete(chosen);
    return chosen;
  }
}

interface Entry {
  /** Undefined once it was removed; the list skips it. */
  runnable: Runnable | undefined;
}

/** An array with a moving head: constant time at both ends. */
class Fifo {
  #entries: Entry[] = [];
  #head = 0;

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  get empty(): boolean {
    this.#skip();
    return this.#head === this.#entries.length;
  }

  shift(): Runnable | undefined {
    this.#skip();
    const runnable = this.#entries[this.#head]?.runnable;
    if (runnable) this.#head++;
    return runnable;
  }

  #skip(): void {
    while (this.#head < this.#entries.length && !this.#entries[this.#head]?.runnable) this.#head++;
    if (this.#head < 1024 && this.#head < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
