import type { Clock, Timer } from "../../kit/clock.ts";
import { GuestTrap } from "../wasi/component-resources.ts";
import { engine } from "./engine.ts";
import { scriptLimits } from "./limits.ts";

/**
 * Timers of one component's generated code; each fires in a turn of the guest. Bounded by what that code does: a handful for
 * each task.
 *
 * With some of them that code only asks whether something has happened yet: with intervals, every millisecond, and with a
 * timeout of ten that is set again and again while any task waits. Nothing happens to it but when the guest runs, or when
 * something of the host is over, so these are asked then instead, and rarely by the clock, should that ever not be so: an
 * idle component costs next to nothing.
 */
export class ScriptTimers {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #inTurn: (callback: () => unknown) => void;
  readonly #timers = new Map<number, Timer>();
  /** What only asks. */
  readonly #polls = new Map<number, { readonly ask: () => unknown; readonly repeats: boolean }>();
  #clockAsks: Timer | undefined;
  /** A turn is queued in which they are asked. */
  #askQueued = false;
  #last = 0;

  constructor(clock: Pick<Clock, "setTimer">, inTurn: (callback: () => unknown) => void) {
    this.#clock = clock;
    this.#inTurn = inTurn;
  }

  readonly setTimeout = (callback: () => unknown, delayMs = 0): number => {
    if (delayMs === scriptLimits.pollMs) return this.#poll(callback, false);
    const id = this.#nextId();
    const fire = () => {
      this.#timers.delete(id);
      this.#inTurn(callback);
    };
    this.#timers.set(id, this.#clock.setTimer(Math.max(1, delayMs), fire));
    return id;
  };

  readonly setInterval = (callback: () => unknown): number => this.#poll(callback, true);

  readonly clear = (id: number): void => {
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
    this.#polls.delete(id);
  };

  /** What they wait for may have happened. */
  ask(): void {
    if (this.#askQueued || this.#polls.size === 0) return;
    this.#askQueued = true;
    this.#inTurn(() => {
      this.#askQueued = false;
      const polls = [...this.#polls];
      for (const [id, { repeats }] of polls) if (!repeats) this.#polls.delete(id);
      return Promise.all(polls.map(([, { ask }]) => ask()));
    });
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#polls.clear();
    this.#clockAsks?.cancel();
  }

  #poll(ask: () => unknown, repeats: boolean): number {
    const id = this.#nextId();
    this.#polls.set(id, { ask, repeats });
    this.#askByClock();
    return id;
  }

  #askByClock(): void {
    this.#clockAsks ??= this.#clock.setTimer(scriptLimits.askMs, () => {
      this.#clockAsks = undefined;
      if (this.#polls.size === 0) return;
      this.#askByClock();
      this.ask();
    });
  }

  #nextId(): number {
    if (this.#timers.size + this.#polls.size >= scriptLimits.timersMax) {
      throw new GuestTrap(
        `wait for one thing more: ${scriptLimits.timersMax} timers are set, the most there may be`,
      );
    }
    return ++this.#last;
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
