import type { Clock, Timer } from "../../kit/clock.ts";
import { GuestTrap } from "../wasi/component-resources.ts";
import { engine } from "./engine.ts";
import { scriptLimits } from "./limits.ts";

/**
 * Timers of one component's generated code; each fires in a turn of the guest. Bounded by what that code does: a handful for
 * each task.
 *
 * That code uses intervals to ask whether something has happened yet, every millisecond. Nothing happens to it but in turns
 * of its guest, so an interval is asked after each turn instead, and rarely by the clock, should that ever not be so: an idle
 * component costs next to nothing.
 */
export class ScriptTimers {
  readonly #clock: Clock;
  readonly #inTurn: (callback: () => unknown) => void;
  readonly #timers = new Map<number, Timer>();
  readonly #intervals = new Map<number, () => unknown>();
  /** A turn is queued in which they are asked. */
  #askQueued = false;
  /** They were asked in this turn, and have found nothing. */
  #askedInVain = false;
  #last = 0;

  constructor(clock: Clock, inTurn: (callback: () => unknown) => void) {
    this.#clock = clock;
    this.#inTurn = inTurn;
  }

  readonly setTimeout = (callback: () => unknown, delayMs = 0): number => {
    const id = ++this.#last;
    this.#arm(id, delayMs, () => {
      this.#timers.delete(id);
      this.#inTurn(callback);
    });
    return id;
  };

  readonly setInterval = (callback: () => unknown): number => {
    const id = ++this.#last;
    const fire = () => {
      this.#arm(id, scriptLimits.intervalMs, fire);
      this.#ask();
    };
    this.#arm(id, scriptLimits.intervalMs, fire);
    this.#intervals.set(id, callback);
    return id;
  };

  /** A turn of the guest is over, and with it what intervals may have waited for. */
  turnEnded(): void {
    const inVain = this.#askedInVain;
    this.#askedInVain = false;
    if (this.#intervals.size > 0 && !inVain) this.#ask();
  }

  /** In a turn, after which they are not asked again unless one of them has found what it waited for. */
  #ask(): void {
    if (this.#askQueued) return;
    this.#askQueued = true;
    this.#inTurn(() => {
      this.#askQueued = false;
      const { size } = this.#intervals;
      const last = this.#last;
      const outcomes = [...this.#intervals.values()].map((callback) => callback());
      this.#askedInVain = this.#intervals.size === size && this.#last === last;
      return Promise.all(outcomes);
    });
  }

  readonly clear = (id: number): void => {
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
    this.#intervals.delete(id);
  };

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#intervals.clear();
  }

  #arm(id: number, delayMs: number, fire: () => void): void {
    if (this.#timers.size >= scriptLimits.timersMax) {
      throw new GuestTrap(
        `wait for one thing more: ${scriptLimits.timersMax} timers are set, the most there may be`,
      );
    }
    this.#timers.set(id, this.#clock.setTimer(Math.max(1, delayMs), fire));
  }
}

const silent = () => {};
/** What it says is not for the guest's log, and the shim's own is no place for what guests cause. */
export const silentConsole = { log: silent, debug: silent, info: silent, warn: silent, error: silent };

/** What is the same for all components. */
export const sharedEngine = {
  Global: engine.Global,
  Module: engine.Module,
  RuntimeError: engine.RuntimeError,
  SuspendError: engine.SuspendError,
} as const;
