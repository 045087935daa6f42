/**
 * The runs of one hosting process, and what the daemon is told about them.
 *
 *   start ─▶ preparing ─▶ running ─▶ ended ─ settle ─▶ forgotten
 *                 └───────────────────▲
 *
 * Invariants:
 * - A run that is known is not started again; an end is kept until it is settled, with or without a daemon.
 * - What is to be told is kept as the state of the run, not as messages: a daemon that is slow or away makes nothing
 *   grow beyond the runs themselves.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import type { RunEnd, RunId, RunSpec, RunUsage } from "../runtimes/runtime-driver.ts";
import type { Alone } from "./alone.ts";
import { directLimits } from "./direct/limits.ts";
import { Instance, type InstanceEvents, type InstanceParts } from "./instance.ts";
import { messageCharsMax, type ShimLimits } from "./limits.ts";
import { type BoundListener, type RunReport, runKey, type ShimIdentity } from "./protocol.ts";

interface Run {
  readonly id: RunId;
  instance: Instance | undefined;
  startedMs: number | undefined;
  ended: { readonly atMs: number; readonly end: RunEnd } | undefined;
  logsDropped: boolean;
  readonly stopNotice: RunSpec["stopNotice"];
  listeners: readonly BoundListener[];
}

export interface ShimEvents {
  started(id: RunId, atMs: number): void;
  ended(id: RunId, atMs: number, end: RunEnd): void;
  logsDropped(id: RunId): void;
  listening(id: RunId, listeners: readonly BoundListener[]): void;
  usage(usages: readonly RunUsage[]): void;
  /** The number of runs, ended ones included, has become zero. */
  emptied(): void;
}

export class Shim {
  readonly #parts: InstanceParts;
  readonly #limits: ShimLimits;
  readonly #clock: Clock;
  readonly #events: ShimEvents;
  /** Whose runs it takes; it may still be nobody's. */
  readonly #owner: () => Pick<ShimIdentity, "namespace">;
  readonly #alone: Pick<Alone, "add" | "remove">;
  readonly #instanceEvents: InstanceEvents = {
    started: ({ uid }) => this.#started(this.#byUid.get(uid)),
    used: ({ uid }) => this.#markUsed(this.#byUid.get(uid)),
    logsDropped: ({ uid }) => this.#logsDropped(this.#byUid.get(uid)),
    listening: ({ uid }, listener) => this.#listening(this.#byUid.get(uid), listener),
  };
  readonly #runs = new Map<string, Run>();
  /** Those that have not ended: one of each uid at most. */
  readonly #byUid = new Map<string, Run>();
  #unsettled = 0;
  readonly #used = new Set<Run>();
  #usageTimer: Timer | undefined;
  #usageDueMs = 0;
  /** Set once the process was told to go: what a run that nobody asked to stop has ended with. */
  #terminating = false;
  readonly #asked = new WeakSet<Run>();

  constructor(
    parts: InstanceParts,
    limits: ShimLimits,
    events: ShimEvents,
    owner: () => Pick<ShimIdentity, "namespace">,
    alone: Pick<Alone, "add" | "remove">,
  ) {
    this.#parts = parts;
    this.#owner = owner;
    this.#alone = alone;
    this.#limits = limits;
    this.#clock = parts.clock;
    this.#events = events;
  }

  get empty(): boolean {
    return this.#runs.size === 0;
  }

  get running(): number {
    return this.#runs.size - this.#unsettled;
  }

  reports(): RunReport[] {
    return [...this.#runs.values()].map(({ id, startedMs, ended, logsDropped, stopNotice, listeners }) => ({
      id,
      startedMs,
      ended,
      logsDropped,
      stopNotice,
      listeners,
    }));
  }

  start(spec: RunSpec): void {
    const key = runKey(spec.id);
    if (this.#runs.has(key)) return;
    const run: Run = {
      id: spec.id,
      instance: undefined,
      startedMs: undefined,
      ended: undefined,
      logsDropped: false,
      stopNotice: spec.stopNotice,
      listeners: [],
    };
    this.#runs.set(key, run);
    const refused = this.#refusal(spec);
    if (refused) {
      this.#end(run, refused);
      return;
    }
    const beside = this.#byUid.get(spec.beside ?? "")?.instance;
    const instance = new Instance(this.#parts, spec, this.#instanceEvents, beside?.quota);
    run.instance = instance;
    this.#byUid.set(spec.id.uid, run);
    if (spec.stopAloneAfterMs !== undefined) this.#alone.add(spec.id.uid, spec.stopAloneAfterMs);
    void instance.host().then((end) => this.#end(run, end));
  }

  stop(uid: string, graceMs: number): void {
    const run = this.#byUid.get(uid);
    if (!run?.instance) return;
    this.#asked.add(run);
    run.instance.stop(graceMs);
  }

  /** `asked`: the daemon wants it so, and the runs end as stopped. Otherwise they are lost to whoever started them. */
  stopAll(asked: boolean): void {
    this.#terminating ||= !asked;
    for (const run of this.#byUid.values()) {
      if (asked) this.#asked.add(run);
      run.instance?.stop(0);
    }
  }

  settle(id: RunId): void {
    const key = runKey(id);
    if (!this.#runs.get(key)?.ended) return;
    this.#runs.delete(key);
    this.#unsettled--;
    if (this.empty) this.#events.emptied();
  }

  #refusal(spec: RunSpec): RunEnd | undefined {
    const refuse = (reason: string, message: string, retryable = true): RunEnd => ({
      kind: "refused",
      reason,
      message,
      retryable,
    });
    if (this.#terminating) return refuse("ShimFull", "the hosting process is shutting down");
    if (this.running > this.#limits.instancesMax || this.#unsettled > this.#limits.unsettledMax)
      return refuse("ShimFull", "the hosting process has no room for another instance");
    const { namespace } = this.#owner();
    if (spec.namespace !== namespace) {
      const whose = namespace === undefined ? "nobody" : `namespace ${namespace}`;
      const message = `a bug of the daemon: started an instance of namespace ${spec.namespace} in a process that hosts those of ${whose}`;
      return refuse("InternalError", message, false);
    }
    const other = this.#byUid.get(spec.id.uid);
    if (other) {
      const message = `a bug of the daemon: started while run ${other.id.run} of the same instance has not ended`;
      return refuse("InternalError", message, false);
    }
    return undefined;
  }

  #started(run: Run | undefined): void {
    if (!run) return;
    run.startedMs = this.#clock.now();
    this.#events.started(run.id, run.startedMs);
    // One that waits for requests may never use anything: whoever adds up has to know that it is nothing.
    this.#markUsed(run);
  }

  #end(run: Run, end: RunEnd): void {
    const told: RunEnd =
      end.kind === "stopped" && this.#terminating && !this.#asked.has(run)
        ? { kind: "lost", message: "the hosting process was told to terminate" }
        : end;
    if (run.instance) {
      // The last of its usage goes ahead of the end; a run that started and ended unseen has used something too.
      this.#used.delete(run);
      if (run.startedMs !== undefined) this.#events.usage([usageOf(run, run.instance)]);
      this.#byUid.delete(run.id.uid);
      this.#alone.remove(run.id.uid);
      run.instance = undefined;
    }
    run.ended = { atMs: this.#clock.now(), end: withShortMessage(told) };
    this.#unsettled++;
    this.#events.ended(run.id, run.ended.atMs, run.ended.end);
  }

  #logsDropped(run: Run | undefined): void {
    if (!run || run.logsDropped) return;
    run.logsDropped = true;
    this.#events.logsDropped(run.id);
  }

  #listening(run: Run | undefined, listener: BoundListener): void {
    if (!run) return;
    run.listeners = [...run.listeners, listener];
    this.#events.listening(run.id, run.listeners);
  }

  /** The timer runs only while someone has started or used something: an idle shim does nothing. */
  #markUsed(run: Run | undefined): void {
    if (!run) return;
    this.#used.add(run);
    const { usagePeriodMs } = this.#limits;
    const periodMs = run.instance?.isDirect ? Math.min(directLimits.toldMs, usagePeriodMs) : usagePeriodMs;
    const dueMs = this.#clock.monotonic() + periodMs;
    if (this.#usageTimer && this.#usageDueMs <= dueMs) return;
    this.#usageTimer?.cancel();
    this.#usageDueMs = dueMs;
    this.#usageTimer = this.#clock.setTimer(periodMs, () => this.#pushUsage());
  }

  #pushUsage(): void {
    this.#usageTimer = undefined;
    const usages: RunUsage[] = [];
    for (const run of this.#used) if (run.instance) usages.push(usageOf(run, run.instance));
    this.#used.clear();
    if (usages.length > 0) this.#events.usage(usages);
  }
}

/** Whoever wrote it: an end is kept, and travels in statuses and events. */
function withShortMessage(end: RunEnd): RunEnd {
  if (!("message" in end) || end.message.length <= messageCharsMax) return end;
  return { ...end, message: `${end.message.slice(0, messageCharsMax - 1)}…` };
}

function usageOf(run: Run, instance: Instance): RunUsage {
  return { id: run.id, ...instance.takeUsage() };
}
