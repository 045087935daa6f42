/**
 * The preStop of instances that are to stop: a fresh instance with other arguments, or a sleep.
 *
 *   begin ─▶ under way ── ended, or its grace is over (then killed) ─▶ done, told once
 *                └─────── cancel: killed, and not told ───────────────────▶ forgotten
 *
 * A second `begin` for the same instance shortens the grace. How preStop ends changes nothing: the stop goes on.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { PreStop } from "../core/probe-config.ts";
import type { SideOutcome } from "./side-runs.ts";

export interface PreStopOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly exec: (
    uid: string,
    args: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ) => Promise<SideOutcome>;
  readonly done: (uid: string, run: number) => void;
}

interface UnderWay {
  readonly uid: string;
  readonly run: number;
  readonly over: AbortController;
  graceTimer: Timer | undefined;
}

export class PreStops {
  readonly #options: PreStopOptions;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: PreStopOptions) {
    this.#options = options;
  }

  begin(uid: string, run: number, preStop: PreStop, graceMs: number): void {
    const known = this.#underWay.get(uid);
    if (known?.run === run) {
      known.graceTimer?.cancel();
      known.graceTimer = this.#graceTimer(known, graceMs);
      return;
    }
    this.cancel(uid);
    const over = new AbortController();
    const begun: UnderWay = { uid, run, over, graceTimer: undefined };
    begun.graceTimer = this.#graceTimer(begun, graceMs);
    this.#underWay.set(uid, begun);
    if (preStop.kind === "sleep") {
      const timer = this.#options.clock.setTimer(preStop.ms, () => this.#finish(begun));
      over.signal.addEventListener("abort", () => timer.cancel(), { once: true });
    } else {
      void this.#exec(begun, preStop.args, graceMs);
    }
  }

  cancel(uid: string): void {
    const begun = this.#underWay.get(uid);
    if (!begun) return;
    this.#underWay.delete(uid);
    begun.graceTimer?.cancel();
    begun.over.abort(new Error("the instance has ended"));
  }

  close(): void {
    for (const uid of this.#underWay.keys()) this.cancel(uid);
  }

  #graceTimer(begun: UnderWay, graceMs: number): Timer {
    return this.#options.clock.setTimer(graceMs, () => {
      this.#options.log.info("preStop took the whole grace", { uid: begun.uid, graceMs });
      this.#finish(begun);
    });
  }

  async #exec(begun: UnderWay, args: readonly string[], graceMs: number): Promise<void> {
    const { uid, over } = begun;
    const { exec, log } = this.#options;
    const outcome = await exec(uid, args, graceMs, over.signal).catch((thrown: unknown): SideOutcome => ({
      kind: "notStarted",
      message: errorMessage(thrown),
    }));
    const well = outcome.kind === "ended" && outcome.end.kind === "exited" && outcome.end.exitCode === 0;
    if (!well && !over.signal.aborted) log.warn("preStop did not end well", { uid, ...outcome });
    this.#finish(begun);
  }

  #finish(begun: UnderWay): void {
    const { uid, run } = begun;
    if (this.#underWay.get(uid) !== begun) return;
    this.cancel(uid);
    this.#options.done(uid, run);
  }
}
