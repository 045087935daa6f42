/**
 * What comes before instances are told to stop: their preStop (a fresh instance with other arguments, or a sleep), and beside it, for
 * servers, the end of the requests that they have under way.
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
  /** Resolves when the server has nothing under way any more. */
  readonly drained: (uid: string) => Promise<void>;
  readonly forgetDrain: (uid: string) => void;
  readonly done: (uid: string, run: number) => void;
}

export interface Departure {
  readonly uid: string;
  readonly run: number;
  readonly preStop: PreStop | undefined;
  readonly drains: boolean;
}

interface UnderWay extends Departure {
  readonly over: AbortController;
  graceTimer: Timer | undefined;
}

export class PreStops {
  readonly #options: PreStopOptions;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: PreStopOptions) {
    this.#options = options;
  }

  begin(departure: Departure, graceMs: number): void {
    const { uid, run, preStop, drains } = departure;
    const known = this.#underWay.get(uid);
    if (known?.run === run) {
      known.graceTimer?.cancel();
      known.graceTimer = this.#graceTimer(known, graceMs);
      return;
    }
    this.cancel(uid);
    const over = new AbortController();
    const begun: UnderWay = { ...departure, over, graceTimer: undefined };
    begun.graceTimer = this.#graceTimer(begun, graceMs);
    this.#underWay.set(uid, begun);
    let partsLeft = Number(preStop !== undefined) + Number(drains);
    const partDone = () => {
      if (--partsLeft <= 0) this.#finish(begun);
    };
    if (preStop?.kind === "sleep") {
      const timer = this.#options.clock.setTimer(preStop.ms, partDone);
      over.signal.addEventListener("abort", () => timer.cancel(), { once: true });
    } else if (preStop) {
      void this.#exec(begun, preStop.args, graceMs).then(partDone);
    }
    if (drains) void this.#options.drained(uid).then(partDone);
  }

  cancel(uid: string): void {
    const begun = this.#underWay.get(uid);
    if (!begun) return;
    this.#underWay.delete(uid);
    begun.graceTimer?.cancel();
    begun.over.abort(new Error("the instance has ended"));
    if (begun.drains) this.#options.forgetDrain(uid);
  }

  close(): void {
    for (const uid of this.#underWay.keys()) this.cancel(uid);
  }

  #graceTimer(begun: UnderWay, graceMs: number): Timer {
    return this.#options.clock.setTimer(graceMs, () => {
      this.#options.log.info("what comes before a stop took the whole grace", { uid: begun.uid, graceMs });
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
  }

  #finish(begun: UnderWay): void {
    const { uid, run } = begun;
    if (this.#underWay.get(uid) !== begun) return;
    this.cancel(uid);
    this.#options.done(uid, run);
  }
}
