/**
 * Who runs next. Guests run on this one thread, from one suspension to the next; in between, the queue decides.
 *
 *   woken   ──▶ ┐             ┌▶ fair queue, by weight ─┐
 *   yielded ──▶ ┴▶ account ───┤                         ├─▶ resume ─▶ guest runs ─▶ charged ─▶ next, until the turn is over
 *                             └▶ held: limit is used up │                              └─────▶ event loop
 *   urgent  ───────────────────────────────────────────▶┘   killed: it only traps
 *
 * Invariants:
 * - Every resumption of a guest goes through here, one at a time, so that the time between is the guest's.
 * - Accounts compete, not what they have waiting: an instance with a thousand tasks gets no more than one with a single one.
 * - Urgent ones go first, but each turn serves one of the others at least.
 * - A turn is bounded, and then timers, files and the daemon are served before the next one.
 * - Nothing is scheduled while nobody waits.
 * - All that the thread does between two turns for one instance or another is shared among those that something happened for.
 *
 * When is the guest done? It says so when it suspends; then the microtask behind the one in which it continued is the first
 * that is not its own. If it says nothing, because it goes on after a call that did not have to wait, has ended, or is still
 * being set up, it has the thread until no microtask is left. So it does not matter how many there are.
 */
import type { Account, Runnable } from "./account.ts";
import { CpuMeter } from "./cpu-meter.ts";
import { FairQueue } from "./fair-queue.ts";
import type { GuestTimers } from "./guest-timers.ts";
import { HeldAccounts } from "./held-accounts.ts";
import { queueLimits } from "./limits.ts";
import { LinkedList } from "./linked-list.ts";

export type RunClass = "urgent" | "woken" | "yielded";

export interface RunQueueOptions {
  /** Milliseconds with fractions, monotonic. */
  readonly now: () => number;
  /** CPU time of this thread in milliseconds, with fractions. */
  readonly cpuMs: () => number;
  /** Calls it in the next turn of the event loop, after I/O. */
  readonly schedule: (turn: () => void) => void;
  /** Calls it once no microtask is left. */
  readonly whenDrained: (step: () => void) => void;
  readonly timers: Pick<GuestTimers, "setTimer" | "isDue" | "fireDue">;
}

export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #urgent = new LinkedList<Runnable>();
  readonly #fair = new FairQueue<Account>(queueLimits);
  readonly #held: HeldAccounts;
  readonly #meter: CpuMeter<Account>;
  /** Those with events. */
  readonly #caused: Account[] = [];
  #scheduled = false;
  #inTurn = false;
  #running: Runnable | undefined;
  #runningSince = 0;
  /** The running guest has said that it is. */
  #suspended = false;
  #turnEnds = 0;
  #fairServed = false;
  #timersSince = 0;

  constructor(options: RunQueueOptions) {
    this.#options = options;
    this.#meter = new CpuMeter(options.cpuMs, (account, ms) => this.charge(account, ms));
    this.#held = new HeldAccounts({
      now: options.now,
      setTimer: (delayMs, fire) => options.timers.setTimer(delayMs, fire),
      letGo: (account) => {
        this.#fair.add(account, false);
        this.#schedule();
      },
    });
  }

  /** A runnable waits once at most; pushing it again moves it, to the end of its list. */
  push(runnable: Runnable, runClass: RunClass): void {
    this.remove(runnable);
    const { account } = runnable;
    if (runClass === "urgent") this.#urgent.push(runnable);
    else {
      const isFirst = account.waiting.empty;
      if (runClass === "yielded" && account.goesOn(runnable)) account.waiting.unshift(runnable);
      else account.waiting.push(runnable);
      if (isFirst) this.#admit(account, runClass === "woken");
    }
    this.#schedule();
  }

  remove(runnable: Runnable): void {
    const { account, list } = runnable;
    if (list === this.#urgent) this.#urgent.remove(runnable);
    if (list !== account.waiting) return;
    account.waiting.remove(runnable);
    if (!account.waiting.empty) return;
    this.#fair.remove(account);
    this.#held.remove(account);
  }

  /** Whether the running guest, which is this account's, may go on without suspending: nobody waits, and nothing is used up. */
  mayContinue(account: Account): boolean {
    if (this.#fair.size > 0 || !this.#urgent.empty || !account.waiting.empty) return false;
    const now = this.#options.now();
    if (now >= this.#turnEnds || this.#options.timers.isDue(now)) return false;
    return account.quota === undefined || account.quota.leftMs(now) > now - this.#runningSince;
  }

  /** The running guest has no more to do in this turn, but return to the engine. */
  suspended(runnable: Runnable): void {
    if (this.#running === runnable) this.#suspended = true;
  }

  /** Since the running guest was resumed, by the clock on the wall, if it is this account's. */
  runningMs(account: Account): number {
    return this.#running?.account === account ? this.#options.now() - this.#runningSince : 0;
  }

  now(): number {
    return this.#options.now();
  }

  /** Charges whoever runs now, also when it does not run any more. */
  payer(): ((ms: number) => void) | undefined {
    const account = this.#running?.account;
    return account && ((ms) => this.charge(account, ms));
  }

  /** For CPU time that was used for it outside its turns, as far as that is known. */
  charge(account: Account, ms: number): void {
    account.charge(ms);
    this.#fair.charge(account, ms);
  }

  /** Something has happened for it outside its turns; it pays for its share of what the thread does between turns. */
  caused(account: Account): void {
    if (this.#running?.account === account) return;
    if (account.events++ === 0) this.#caused.push(account);
    this.#schedule();
  }

  /** Once it has something waiting, and does not run. */
  #admit(account: Account, woken: boolean): void {
    if (this.#running?.account === account || account.place >= 0 || account.hold?.until !== undefined) return;
    if (account.quota && this.#held.holdIfSpent(account, this.#options.now())) return;
    this.#fair.add(account, woken);
  }

  #schedule(): void {
    if (this.#scheduled || this.#inTurn) return;
    if (this.#fair.size === 0 && this.#urgent.empty && this.#caused.length === 0) return;
    this.#scheduled = true;
    this.#options.schedule(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.#inTurn = true;
    this.#shareEvents(this.#meter.sinceLast());
    const now = this.#options.now();
    this.#turnEnds = now + queueLimits.turnMs;
    this.#fairServed = false;
    this.#step(now);
  };

  #step(now: number): void {
    if (this.#options.timers.fireDue(now)) {
      this.#timersSince = now;
      this.#options.whenDrained(this.#timersFired);
    } else this.#next(now);
  }

  readonly #timersFired = (): void => {
    const now = this.#options.now();
    const wallMs = now - this.#timersSince;
    const sharedMs = this.#shareEvents(wallMs, (account, ms) => this.#meter.add(account, ms));
    this.#meter.addUnowned(wallMs - sharedMs);
    this.#next(now);
  };

  #next(now: number): void {
    const next = this.#take(now >= this.#turnEnds);
    if (next) {
      this.#running = next;
      this.#runningSince = now;
      this.#suspended = false;
      if (next.member) next.account.pot?.enter(next.member);
      next.resume();
      queueMicrotask(this.#look);
    } else {
      this.#meter.settleIfWorth(queueLimits.settleMsLeast);
      this.#inTurn = false;
      this.#schedule();
    }
  }

  readonly #look = (): void => {
    if (this.#suspended) this.#over();
    else this.#options.whenDrained(this.#over);
  };

  readonly #over = (): void => {
    const now = this.#options.now();
    const last = this.#running;
    if (last) {
      const { account } = last;
      const wallMs = now - this.#runningSince;
      account.ran(last, wallMs);
      this.charge(account, wallMs);
      this.#meter.add(account, wallMs);
      this.#runningSince = now;
      if (last.member) account.pot?.leave(last.member, wallMs);
      last.over?.(wallMs);
      this.#running = undefined;
      if (this.#meter.unsettledMs >= queueLimits.settleMs) this.#meter.settle();
      if (!account.waiting.empty) this.#admit(account, false);
    }
    this.#step(now);
  };

  #take(turnOver: boolean): Runnable | undefined {
    const urgent = turnOver ? undefined : this.#urgent.shift();
    if (urgent) return urgent;
    if (turnOver && this.#fairServed) return undefined;
    this.#fairServed = true;
    return this.#fair.take()?.waiting.shift();
  }

  /** Answers how much of it was somebody's. */
  #shareEvents(ms: number, shared?: (account: Account, ms: number) => void): number {
    if (this.#caused.length === 0) return 0;
    let events = 0;
    for (const account of this.#caused) events += account.events;
    const eachMs = Math.min(ms / events, queueLimits.eventMsMax);
    for (const account of this.#caused) {
      const shareMs = eachMs * account.events;
      account.events = 0;
      this.charge(account, shareMs);
      shared?.(account, shareMs);
    }
    this.#caused.length = 0;
    return eachMs * events;
  }
}
