import type { Clock, Timer } from "./clock.ts";

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that moves only when told to. Timers due at the same time fire in the order they were set. */
export class FakeClock implements Clock {
  #elapsedMs = 0;
  #wallMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const entry = { at: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, fire };
    this.#pending.add(entry);
    const cancel = () => void this.#pending.delete(entry);
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Moves time on by `ms`, firing every timer that falls due, in order. */
  advance(ms: number): void {
    const end = this.#elapsedMs + ms;
    for (;;) {
      const due = [...this.#pending]
        .filter((entry) => entry.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!due) break;
      this.#pending.delete(due);
      this.#moveTo(due.at);
      due.fire();
    }
    this.#moveTo(end);
  }

  /** Moves the wall clock alone, as an administrator or NTP would. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  #moveTo(at: number): void {
    this.#wallMs += at - this.#elapsedMs;
    this.#elapsedMs = at;
  }
}
