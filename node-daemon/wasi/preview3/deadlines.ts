/**
 * The waits of one instance for the monotonic clock: any number at once, one timer. They end in the order of their
 * deadlines, so that a guest that has seen one end finds the earlier ones ended as well, whatever timers did.
 */
import { onDeadline } from "../deadline.ts";
import { GuestEnded, type ComponentHost } from "../host.ts";

interface Waiter {
  readonly atNs: bigint;
  readonly wake: () => void;
}

export class Deadlines {
  readonly #host: ComponentHost;
  /** By deadline; of equal ones, the first that came. */
  readonly #waiters: Waiter[] = [];
  #cancelTimer = () => {};

  constructor(host: ComponentHost) {
    this.#host = host;
  }

  /** Counts as a resource while it lasts. Rejects with `GuestEnded` if the guest was killed meanwhile. */
  wait(atNs: bigint): void | Promise<void> {
    if (this.#host.clock.monotonicNs() >= atNs) return;
    this.#host.resources.take();
    return this.#wait(atNs).finally(() => this.#host.resources.giveBack());
  }

  async #wait(atNs: bigint): Promise<void> {
    const woken = await this.#host.wait<"over" | "killed">((wake) => {
      const waiter = { atNs, wake: () => wake("over") };
      this.#add(waiter);
      return () => this.#remove(waiter);
    }, "killed");
    if (woken === "killed") throw new GuestEnded();
  }

  #add(waiter: Waiter): void {
    const before = this.#waiters.findLastIndex((other) => other.atNs <= waiter.atNs);
    this.#waiters.splice(before + 1, 0, waiter);
    if (before === -1) this.#arm();
  }

  #remove(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index === -1) return;
    this.#waiters.splice(index, 1);
    if (index === 0) this.#arm();
  }

  /** For the first. */
  #arm(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const first = this.#waiters[0];
    if (!first) return;
    let fired = false;
    const cancel = onDeadline(this.#host, "monotonic", first.atNs, () => {
      fired = true;
      this.#wakeThoseOver();
    });
    // If it was over already, the next one is armed by now.
    if (!fired) this.#cancelTimer = cancel;
  }

  #wakeThoseOver(): void {
    const now = this.#host.clock.monotonicNs();
    const left = this.#waiters.findIndex((waiter) => waiter.atNs > now);
    const over = this.#waiters.splice(0, left === -1 ? this.#waiters.length : left);
    this.#arm();
    for (const waiter of over) waiter.wake();
  }
}
