/**
 * Those that could run and have used up what their CPU limit gives them, until the period in which they have some again. One
 * timer for all.
 */
import type { Timer } from "../../kit/clock.ts";
import type { Account } from "./account.ts";
import { periodAt, periodBeginMs } from "./cpu-quota.ts";

export interface HeldAccountsOptions {
  readonly now: () => number;
  readonly setTimer: (delayMs: number, fire: () => void) => Timer;
  readonly letGo: (account: Account) => void;
}

export class HeldAccounts {
  readonly #options: HeldAccountsOptions;
  readonly #byPeriod = new Map<number, Set<Account>>();
  #armed: { readonly timer: Timer; readonly period: number } | undefined;

  constructor(options: HeldAccountsOptions) {
    this.#options = options;
  }

  /** If it has to wait. */
  holdIfSpent(account: Account, nowMs: number): boolean {
    const { quota, hold } = account;
    if (quota === undefined || quota.leftMs(nowMs) > 0) return false;
    const period = quota.releasePeriod(nowMs);
    const held = this.#byPeriod.get(period);
    if (held) held.add(account);
    else this.#byPeriod.set(period, new Set([account]));
    hold?.begin(period, nowMs);
    if (this.#armed === undefined || period < this.#armed.period) this.#arm(period, nowMs);
    return true;
  }

  /** It has nothing to run any more, if it was held. */
  remove(account: Account): void {
    const { hold } = account;
    if (hold?.until === undefined) return;
    const held = this.#byPeriod.get(hold.until);
    held?.delete(account);
    if (held?.size === 0) this.#byPeriod.delete(hold.until);
    hold.end(this.#options.now());
  }

  #arm(period: number, nowMs: number): void {
    this.#armed?.timer.cancel();
    const timer = this.#options.setTimer(Math.max(0, periodBeginMs(period) - nowMs), this.#onPeriod);
    this.#armed = { timer, period };
  }

  readonly #onPeriod = (): void => {
    this.#armed = undefined;
    const nowMs = this.#options.now();
    const period = periodAt(nowMs);
    for (const [due, held] of this.#byPeriod) {
      if (due > period) continue;
      this.#byPeriod.delete(due);
      for (const account of held) {
        account.hold?.end(nowMs);
        // It may have been charged meanwhile, and be held again.
        if (!this.holdIfSpent(account, nowMs)) this.#options.letGo(account);
      }
    }
    if (this.#byPeriod.size > 0) this.#arm(Math.min(...this.#byPeriod.keys()), nowMs);
  };
}
