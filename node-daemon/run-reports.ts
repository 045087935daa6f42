/**
 * What drivers tell about runs, as events of the instances that they belong to. A run is an instance's own, one beside it
 * (see probes/side-runs.ts), or nobody's: then its end is settled and that is all.
 *
 *   driver ──started, ended, …──▶ kept until the instances are loaded ──▶ event of a lifecycle, or the attendant's
 */
import type { Isolation } from "../api/isolation.ts";
import type { LifecycleEvent } from "./core/lifecycle-state.ts";
import { replacementsAtOnceMax } from "./core/limits.ts";
import { graceOf, type HeldInstance } from "./held-instance.ts";
import type { RunAttendant } from "./probes/run-attendant.ts";
import { Replacements } from "./replacements.ts";
import type { RunEnd, RunId, RunListener, RunUsage } from "./runtimes/runtime-driver.ts";

export interface RunReportsOptions {
  readonly attendant: RunAttendant;
  readonly instanceOf: (uid: string) => HeldInstance | undefined;
  readonly dispatch: (held: HeldInstance, event: LifecycleEvent) => void;
  readonly noteUsage: (usage: RunUsage) => void;
  /** At a port that was not known before. */
  readonly listening: (held: HeldInstance) => void;
  /** An end that is of no instance. */
  readonly settle: (id: RunId) => void;
}

export class RunReports implements RunListener {
  readonly #options: RunReportsOptions;
  readonly #replacements = new Replacements(replacementsAtOnceMax, (uid, why) => this.#replace(uid, why));
  /** Bounded by what an earlier daemon has left running. */
  #early: (() => void)[] | undefined = [];

  constructor(options: RunReportsOptions) {
    this.#options = options;
  }

  /** The instances are loaded: what was told meanwhile is applied, in order. */
  open(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const apply of early) apply();
  }

  /** This instance is not on its way from one run to the next any more. */
  settled(uid: string): void {
    this.#replacements.done(uid);
  }

  started(id: RunId, atMs: number, isolation: Isolation): void {
    this.#apply(() => {
      const { attendant, instanceOf, dispatch } = this.#options;
      const held = instanceOf(id.uid);
      if (held) dispatch(held, { kind: "runStarted", run: id.run, atMs, isolation });
      else attendant.started(id);
    });
  }

  ended(id: RunId, atMs: number, end: RunEnd): void {
    this.#apply(() => {
      const { attendant, instanceOf, dispatch, settle } = this.#options;
      const held = instanceOf(id.uid);
      if (!held) {
        if (!attendant.ended(id, end)) settle(id);
        return;
      }
      const tell = (terminationMessage: string) =>
        dispatch(held, { kind: "runEnded", run: id.run, atMs, end, terminationMessage });
      const message = held.lifecycle.run === id.run ? attendant.runEnded(held, end) : undefined;
      if (message) void message.then(tell);
      else tell("");
    });
  }

  usage(usages: readonly RunUsage[]): void {
    const { instanceOf, noteUsage } = this.#options;
    for (const usage of usages) {
      if (instanceOf(usage.id.uid)?.lifecycle.run === usage.id.run) noteUsage(usage);
    }
  }

  /** What always runs anyway is begun anew on another process, a few at a time; the rest is left to end by itself. */
  outdated(ids: readonly RunId[], why: string): void {
    this.#apply(() => {
      for (const { uid, run } of ids) {
        const lifecycle = this.#options.instanceOf(uid)?.lifecycle;
        const concerned = lifecycle?.policy.restart === "Always" && lifecycle.run === run;
        if (concerned && lifecycle.state.kind !== "ended") this.#replacements.note(uid, why);
      }
      this.#replacements.beginSome();
    });
  }

  listening(id: RunId): void {
    this.#apply(() => {
      const held = this.#options.instanceOf(id.uid);
      if (held?.lifecycle.run === id.run) this.#options.listening(held);
    });
  }

  logsDropped(id: RunId): void {
    this.#apply(() => {
      const held = this.#options.instanceOf(id.uid);
      if (held) this.#options.dispatch(held, { kind: "logsDropped" });
    });
  }

  #apply(task: () => void): void {
    if (this.#early) this.#early.push(task);
    else task();
  }

  #replace(uid: string, message: string): boolean {
    const held = this.#options.instanceOf(uid);
    if (held?.lifecycle.state.kind !== "running") return false;
    const { run } = held.lifecycle;
    const graceMs = graceOf(held);
    const restart = {
      kind: "restart",
      run,
      reason: "ShimReplaced",
      message,
      graceMs,
      again: "atOnce",
    } as const;
    this.#options.dispatch(held, restart);
    return true;
  }
}
