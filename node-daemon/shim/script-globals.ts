import type { Clock, Timer } from "../../kit/clock.ts";
import { GuestTrap } from "../wasi/component-resources.ts";
import { engine } from "./engine.ts";
import { scriptLimits } from "./limits.ts";

/** Timers of one component's generated code; each fires in a turn of the guest. Bounded by what that code does: a handful for each task. */
export class ScriptTimers {
  readonly #clock: Clock;
  readonly #inTurn: (callback: () => unknown) => void;
  readonly #timers = new Map<number, Timer>();
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

  readonly setInterval = (callback: () => unknown, delayMs = 0): number => {
    const id = ++this.#last;
    const fire = () => {
      this.#inTurn(() => {
        if (!this.#timers.has(id)) return undefined;
        this.#arm(id, delayMs, fire);
        return callback();
      });
    };
    this.#arm(id, delayMs, fire);
    return id;
  };

  readonly clear = (id: number): void => {
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
  };

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
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
