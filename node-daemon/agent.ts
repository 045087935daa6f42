/**
 * The one writer of this node's instances. Sessions, drivers, timers and setups feed it events; it applies them to the
 * lifecycles, one at a time, and carries out the actions that come back.
 *
 *   session ──assign, stop, acknowledge──┐                        ┌──▶ setups (fetch, prepare, mount)
 *   driver ───started, ended, usage──────┼─▶ reduce ─▶ actions ───┼──▶ timer (one, for the earliest wait)
 *   setups, timer ───────────────────────┘      │                 └──▶ after the commit: start, stop, settle
 *                                               └──▶ changed status ──▶ session
 *
 * Invariants:
 * - What a restart must know is on disk before the driver is told: a start (or the next daemon would not know the
 *   run), and a settle (or the end would be lost).
 * - All events of one event-loop turn share one transaction.
 * - An ended instance stays until the scheduler has acknowledged it.
 * - A disk that refuses the transaction delays starts and settles; it is tried again, and nothing else stops.
 */
import type { Isolation } from "../api/isolation.ts";
import type { QosClass } from "../api/qos.ts";
import type { Clock } from "../kit/clock.ts";
import { WherryError } from "../kit/errors.ts";
import type { Log } from "../kit/log.ts";
import type { Random } from "../kit/random.ts";
import type { NodeAssignment, NodeTemplate } from "./core/assignment.ts";
import { Gate } from "./core/gate.ts";
import { hasSideRuns, stopsWhenCutOff } from "./core/instance-config.ts";
import { assigned, reduce } from "./core/lifecycle.ts";
import type { Lifecycle, LifecycleAction, LifecycleEvent, Now, Step } from "./core/lifecycle-state.ts";
import { mountConcurrencyMax, replacementsAtOnceMax } from "./core/limits.ts";
import { mustStore, recover } from "./core/recover.ts";
import { type ReportedStatus, statusOf } from "./core/status.ts";
import type { StopCause } from "./core/termination.ts";
import type { ModuleStore } from "./images/module-store.ts";
import { configOf, graceOf, type HeldInstance, isSettled, policyOf } from "./held-instance.ts";
import { Ledger } from "./ledger.ts";
import type { AllowedNetwork } from "./network/allowed-network.ts";
import { RunAttendant } from "./probes/run-attendant.ts";
import { Replacements } from "./replacements.ts";
import type {
  AdoptedRun,
  LogLimits,
  RunEnd,
  RunId,
  RunListener,
  RunUsage,
  RuntimeDriver,
} from "./runtimes/runtime-driver.ts";
import type { Checkpoint, StoredInstance } from "./session/checkpoint.ts";
import {
  type RunContext,
  runSpecOf,
  setUp,
  setUpAgain,
  type SetupPorts,
  type SetupRequest,
} from "./setup.ts";
import { type HeldTemplate, Templates } from "./templates.ts";
import { UsageBook } from "./usage-book.ts";
import type { InstanceFolders } from "./volumes/instance-folders.ts";
import type { VolumeStore } from "./volumes/volume-store.ts";
import { WakeTimer } from "./wake-timer.ts";

export interface AgentOptions {
  readonly nodeName: string;
  readonly stateDir: string;
  readonly logLimits: LogLimits;
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly modules: Pick<ModuleStore, "fetch" | "retain" | "release">;
  readonly volumes: Pick<VolumeStore, "mount" | "removeInstance" | "removeTemplate">;
  readonly network: AllowedNetwork;
  readonly folders: Pick<InstanceFolders, "remove">;
  readonly checkpoint: Checkpoint;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What is told when an instance's status changed. Set by whoever reports to the scheduler. */
export type StatusListener = (uid: string) => void;

/** What is asked when the node runs short. */
export interface Evictable {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly qos: QosClass;
  readonly priority: number;
  readonly requestBytes: number;
  /** As last reported. */
  readonly memoryBytes: number;
}

type DriverAction = Extract<LifecycleAction, { kind: "startRun" | "stopRun" | "settle" }>;

export class NodeAgent implements RunListener {
  readonly #options: AgentOptions;
  readonly #setupPorts: SetupPorts;
  readonly #held = new Map<string, HeldInstance>();
  readonly #templates = new Templates();
  readonly #ledger: Ledger;
  readonly #wakeTimer: WakeTimer<{ readonly uid: string; readonly attempt: number }>;
  readonly #usage = new UsageBook();
  readonly #attendant: RunAttendant;
  readonly #replacements = new Replacements(replacementsAtOnceMax, (uid, why) => this.#replace(uid, why));
  readonly #endWaiters = new Map<string, AbortController>();
  #onStatus: StatusListener = () => {};
  #stopDisconnectedAfterMs: number | undefined;
  #draining = false;
  #closed = false;
  #quiet: { readonly resolve: () => void } | undefined;
  #aliveCount = 0;
  /** What drivers told before the instances were loaded. */
  #early: (() => void)[] | undefined = [];

  constructor(options: AgentOptions) {
    this.#options = options;
    const { drivers, modules, volumes, network, checkpoint, clock, log } = options;
    this.#ledger = new Ledger({ checkpoint, instanceOf: (uid) => this.#stored(uid), clock, log });
    this.#wakeTimer = new WakeTimer(clock, ({ uid, attempt }) => {
      const held = this.#held.get(uid);
      if (held?.lifecycle.attempt === attempt) this.#dispatch(held, { kind: "woke" });
    });
    this.#attendant = new RunAttendant({
      ...options,
      instanceOf: (uid) => this.#held.get(uid),
      besides: (held) => this.#besides(held),
      dispatch: (uid, event) => {
        const held = this.#held.get(uid);
        if (held) this.#dispatch(held, event);
      },
    });
    this.#setupPorts = { drivers, modules, volumes, network, mountGate: new Gate(mountConcurrencyMax) };
  }

  /** Takes over from the daemon process before this one. Called once, before anything else. */
  async recover(signal: AbortSignal): Promise<void> {
    const { checkpoint, drivers, log } = this.#options;
    this.#templates.load(checkpoint.loadTemplates());
    const adopted = new Map<string, AdoptedRun>();
    for (const driver of drivers.values()) {
      for (const run of await driver.adopt(this, signal)) adopted.set(run.id.uid, run);
    }
    for (const { assignment, lifecycle } of checkpoint.loadInstances()) {
      const held = this.#hold(assignment, this.#templates.use(assignment.templateId), lifecycle);
      const run = adopted.get(assignment.uid);
      if (run?.id.run === lifecycle.run) adopted.delete(assignment.uid);
      if (lifecycle.moduleDigest !== undefined && lifecycle.state.kind !== "ended") {
        this.#retain(held, lifecycle.moduleDigest);
      }
      this.#attendant.sweep(held);
      const words = run?.kind === "ended" ? await this.#attendant.lastWords(held, run.end) : undefined;
      this.#take(held, recover(lifecycle, run, this.#now(), words), true);
    }
    for (const run of adopted.values()) this.#disown(run);
    const early = this.#early;
    this.#early = undefined;
    for (const apply of early ?? []) apply();
    if (this.#held.size > 0) log.info("instances taken over", { instances: this.#held.size });
  }

  /** Holds for runs that are started from now on. */
  setStopDisconnectedAfter(afterMs: number | undefined): void {
    this.#stopDisconnectedAfterMs = afterMs;
  }

  onStatus(listener: StatusListener): void {
    this.#onStatus = listener;
  }

  /** The scheduler may count on no template sent before. */
  beginSession(): void {
    this.#ledger.add(...this.#templates.forgetUnused());
    this.#usage.renew();
  }

  assign(templates: readonly NodeTemplate[], assignments: readonly NodeAssignment[]): void {
    for (const template of templates) this.#ledger.add(...this.#templates.receive(template));
    for (const assignment of assignments) {
      if (this.#held.has(assignment.uid)) continue;
      const template = this.#templates.use(assignment.templateId);
      const step = assigned(policyOf(template, assignment));
      const held = this.#hold(assignment, template, step.lifecycle);
      this.#ledger.note(assignment.uid);
      this.#take(held, step);
      if (this.#draining) this.#dispatch(held, { kind: "stop", cause: "NodeShutdown", graceMs: 0 });
    }
  }

  /** Without a grace the template's holds. Answers whether the instance is known here. */
  stop(uid: string, graceMs: number | undefined): boolean {
    const held = this.#held.get(uid);
    if (!held) {
      return false;
    }
    this.#dispatch(held, { kind: "stop", cause: "Stopped", graceMs: graceMs ?? graceOf(held) });
    return true;
  }

  /** Ends an instance because the node runs short; the scheduler gives it to another. */
  evict(uid: string, message: string, graceMsMax = 0): void {
    const held = this.#held.get(uid);
    if (!held) return;
    const graceMs = Math.min(graceOf(held), graceMsMax);
    this.#dispatch(held, { kind: "stop", cause: "Evicted", graceMs, message });
  }

  /** Instances that have not ended. */
  evictable(): readonly Evictable[] {
    const alive = [...this.#held.values()].filter(({ lifecycle }) => lifecycle.state.kind !== "ended");
    return alive.map((held) => {
      const { uid, namespace, name, priority, memoryBytes: requestBytes } = held.assignment;
      const qos = configOf(held)?.qos ?? "BestEffort";
      const memoryBytes = this.#usage.latest(uid)?.memoryBytes ?? 0;
      return { uid, namespace, name, qos, priority, requestBytes, memoryBytes };
    });
  }

  /** The scheduler has noted these ends. One that has not ended (a repetition from before) stays. */
  acknowledge(uids: readonly string[]): void {
    for (const uid of uids) {
      const held = this.#held.get(uid);
      if (held?.lifecycle.state.kind !== "ended") continue;
      this.#held.delete(uid);
      this.#ledger.add({ kind: "removeInstance", uid });
      this.#options.folders.remove(uid);
      if (this.#templates.unuse(held.template)) this.#removeTemplateFiles(held.template.id);
    }
  }

  statusOf(uid: string): ReportedStatus | undefined {
    const held = this.#held.get(uid);
    return held && statusOf(held.lifecycle);
  }

  assignmentOf(uid: string): NodeAssignment | undefined {
    return this.#held.get(uid)?.assignment;
  }

  uids(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** Those that have ended and are not acknowledged. */
  endedUids(): readonly string[] {
    return [...this.#held].flatMap(([uid, { lifecycle }]) => (lifecycle.state.kind === "ended" ? [uid] : []));
  }

  /** Of its present run, as last reported. */
  usageOf(uid: string): RunUsage | undefined {
    return this.#usage.latest(uid);
  }

  get templatesInUse(): readonly string[] {
    return this.#templates.used();
  }

  /** Instances that have not ended. */
  get aliveCount(): number {
    return this.#aliveCount;
  }

  /** Usage that changed since the last call. */
  takeUsage(): readonly RunUsage[] {
    return this.#usage.take();
  }

  /** Aborted once the instance writes no more log. */
  endOf(uid: string): AbortSignal {
    const held = this.#held.get(uid);
    if (!held || held.lifecycle.state.kind === "ended") return AbortSignal.abort();
    const waiter = this.#endWaiters.get(uid) ?? new AbortController();
    this.#endWaiters.set(uid, waiter);
    return waiter.signal;
  }

  /** The scheduler has been away for too long: what must not run twice is stopped. */
  cutOff(graceMsMax: number): void {
    for (const held of this.#held.values()) {
      const config = configOf(held);
      if (!config || !stopsWhenCutOff(config, held.assignment)) continue;
      this.#dispatch(held, {
        kind: "stop",
        cause: "Disconnected",
        graceMs: Math.min(graceOf(held), graceMsMax),
      });
    }
  }

  /** Stops all instances, and resolves when they have ended. New ones are ended as they come. */
  async drain(graceMsMax: number): Promise<void> {
    this.#draining = true;
    this.#stopAll("NodeShutdown", graceMsMax);
    this.#ledger.commit();
    if (this.#aliveCount === 0) return;
    await new Promise<void>((resolve) => (this.#quiet = { resolve }));
    this.#ledger.commit();
  }

  /** Ends what a drain has not ended in time. */
  killAll(): void {
    this.#stopAll("NodeShutdown", 0);
    this.#ledger.commit();
  }

  /** Writes what is pending, and from then on does nothing more. */
  close(): void {
    this.#ledger.close();
    this.#closed = true;
    this.#wakeTimer.close();
    this.#attendant.close();
    for (const held of this.#held.values()) held.setup?.abort(new Error("the node daemon is closing"));
  }

  started(id: RunId, atMs: number, isolation: Isolation): void {
    if (this.#early) {
      this.#early.push(() => this.started(id, atMs, isolation));
      return;
    }
    const held = this.#held.get(id.uid);
    if (held) this.#dispatch(held, { kind: "runStarted", run: id.run, atMs, isolation });
    else this.#attendant.started(id);
  }

  ended(id: RunId, atMs: number, end: RunEnd): void {
    if (this.#early) {
      this.#early.push(() => this.ended(id, atMs, end));
      return;
    }
    const held = this.#held.get(id.uid);
    if (!held) {
      if (!this.#attendant.ended(id, end)) this.#settleUnknown(id);
      return;
    }
    const apply = (lastWords: string) =>
      this.#dispatch(held, { kind: "runEnded", run: id.run, atMs, end, lastWords });
    const words = held.lifecycle.run === id.run ? this.#attendant.runEnded(held, end) : undefined;
    if (words) void words.then(apply);
    else apply("");
  }

  usage(usages: readonly RunUsage[]): void {
    for (const usage of usages) {
      if (this.#held.get(usage.id.uid)?.lifecycle.run === usage.id.run) this.#usage.note(usage);
    }
  }

  /** What always runs anyway is begun anew on another process, a few at a time; the rest is left to end by itself. */
  outdated(ids: readonly RunId[], why: string): void {
    if (this.#early) {
      this.#early.push(() => this.outdated(ids, why));
      return;
    }
    for (const { uid, run } of ids) {
      const lifecycle = this.#held.get(uid)?.lifecycle;
      const concerned = lifecycle?.policy.restart === "Always" && lifecycle.run === run;
      if (concerned && lifecycle.state.kind !== "ended") this.#replacements.note(uid, why);
    }
    this.#replacements.beginSome();
  }

  logsDropped(id: RunId): void {
    const held = this.#held.get(id.uid);
    if (held) this.#dispatch(held, { kind: "logsDropped" });
  }

  #replace(uid: string, why: string): boolean {
    const held = this.#held.get(uid);
    if (held?.lifecycle.state.kind !== "running") return false;
    const { run } = held.lifecycle;
    const graceMs = graceOf(held);
    this.#dispatch(held, {
      kind: "restart",
      run,
      reason: "ShimReplaced",
      message: why,
      graceMs,
      again: "atOnce",
    });
    return true;
  }

  #hold(assignment: NodeAssignment, template: HeldTemplate, lifecycle: Lifecycle): HeldInstance {
    const held: HeldInstance = {
      assignment,
      template,
      lifecycle,
      setup: undefined,
      ready: undefined,
      basis: undefined,
      retained: undefined,
    };
    this.#held.set(assignment.uid, held);
    if (lifecycle.state.kind !== "ended") this.#aliveCount++;
    return held;
  }

  #stored(uid: string): StoredInstance | undefined {
    const held = this.#held.get(uid);
    return held && { assignment: held.assignment, lifecycle: held.lifecycle };
  }

  #dispatch(held: HeldInstance, event: LifecycleEvent): void {
    if (this.#closed) return;
    this.#take(held, reduce(held.lifecycle, event, this.#now()));
  }

  /** Applies one step of the reducer. */
  #take(held: HeldInstance, { lifecycle, actions }: Step, adopted = false): void {
    const before = held.lifecycle;
    const { uid } = held.assignment;
    held.lifecycle = lifecycle;
    if (lifecycle !== before) {
      if (mustStore(before, lifecycle)) this.#ledger.note(uid);
      if (lifecycle.moduleDigest !== held.retained) this.#retain(held, lifecycle.moduleDigest);
      if (lifecycle.state.kind === "ended" && before.state.kind !== "ended") this.#onEnded(held);
      this.#logTransition(held, before);
      if (isSettled(lifecycle)) this.#replacements.done(uid);
      const isNews = lifecycle.state.kind !== before.state.kind || lifecycle.run !== before.run;
      if (isNews || adopted) this.#attendant.attend(held, adopted);
    }
    for (const action of actions) this.#perform(held, action);
    this.#onStatus(uid);
  }

  #logTransition(held: HeldInstance, before: Lifecycle): void {
    const { state } = held.lifecycle;
    if (state.kind === before.state.kind) return;
    const { uid, namespace, name } = held.assignment;
    const fields = { uid, namespace, name, from: before.state.kind, to: state.kind, run: held.lifecycle.run };
    if (state.kind === "ended") {
      this.#options.log.info("instance ended", { ...fields, reason: state.termination.reason });
    } else if (state.kind === "waiting") {
      this.#options.log.info("instance waits", { ...fields, reason: state.reason, message: state.message });
    } else {
      this.#options.log.debug("instance changed", fields);
    }
  }

  #perform(held: HeldInstance, action: LifecycleAction): void {
    switch (action.kind) {
      case "setUp":
        this.#beginSetup(held, action.attempt, action.digest);
        return;
      case "cancelSetup":
        held.setup?.abort(new Error("the instance was stopped"));
        held.setup = undefined;
        return;
      case "wakeAfter":
        this.#wakeTimer.after(action.delayMs, {
          uid: held.assignment.uid,
          attempt: held.lifecycle.attempt,
        });
        return;
      case "startRun":
      case "stopRun":
      case "settle":
        this.#ledger.afterCommit(() => this.#tellDriver(held, action));
        return;
      case "preStop":
        this.#attendant.beginPreStop(held, action.run, action.graceMs);
        return;
      case "cancelPreStop":
        this.#attendant.cancelPreStop(held.assignment.uid);
    }
  }

  #beginSetup(held: HeldInstance, attempt: number, preferredDigest: string | undefined): void {
    const setup = new AbortController();
    held.setup = setup;
    const { assignment } = held;
    setUp(
      this.#setupRequest(held, attempt, preferredDigest, setup.signal),
      this.#setupPorts,
      (event) => this.#dispatch(held, event),
      (ready) => (held.ready = ready),
    ).catch((err: unknown) => this.#options.log.error("bug in a setup", { uid: assignment.uid, err }));
  }

  #setupRequest(
    { assignment, template }: HeldInstance,
    attempt: number,
    preferredDigest: string | undefined,
    signal: AbortSignal,
  ): SetupRequest {
    const contents = () => this.#loadContents(assignment.templateId);
    return { assignment, template: template.outcome, attempt, preferredDigest, contents, signal };
  }

  /** A template that came in this very turn is not on disk yet. */
  #loadContents(templateId: string) {
    this.#ledger.commit();
    return this.#options.checkpoint.loadContents(templateId);
  }

  #onEnded(held: HeldInstance): void {
    const { uid } = held.assignment;
    this.#aliveCount--;
    this.#retain(held, undefined);
    held.ready = undefined;
    held.basis = undefined;
    this.#usage.forget(uid);
    this.#endWaiters.get(uid)?.abort();
    this.#endWaiters.delete(uid);
    if (configOf(held)?.mounts.some(({ source }) => source.kind === "emptyDir")) {
      this.#options.volumes
        .removeInstance(uid)
        .catch((err: unknown) => this.#options.log.warn("volumes not removed", { uid, err }));
    }
    if (this.#aliveCount === 0) this.#quiet?.resolve();
  }

  #retain(held: HeldInstance, digest: string | undefined): void {
    const { modules } = this.#options;
    const wanted = held.lifecycle.state.kind === "ended" ? undefined : digest;
    if (wanted === held.retained) return;
    if (wanted !== undefined) modules.retain(wanted);
    if (held.retained !== undefined) modules.release(held.retained);
    held.retained = wanted;
  }

  #tellDriver(held: HeldInstance, action: DriverAction): void {
    const { assignment } = held;
    const driver = this.#driverOf(held);
    if (action.kind === "settle") {
      driver?.settle({ uid: assignment.uid, run: action.run });
    } else if (action.kind === "stopRun") {
      driver?.stop(assignment.uid, action.graceMs);
    } else if (held.ready && driver) {
      driver.start(runSpecOf(assignment, action.run, held.ready, this.#runContext));
      held.basis = hasSideRuns(held.ready.config) ? Promise.resolve(held.ready) : undefined;
      held.ready = undefined;
      held.setup = undefined;
    }
  }

  get #runContext(): RunContext {
    return { ...this.#options, stopDisconnectedAfterMs: this.#stopDisconnectedAfterMs };
  }

  /** What runs beside this instance start from. */
  async #besides(held: HeldInstance) {
    const { moduleDigest, attempt, run } = held.lifecycle;
    const basis = (held.basis ??= setUpAgain(
      this.#setupRequest(held, attempt, moduleDigest, new AbortController().signal),
      this.#setupPorts,
    ));
    const driver = this.#driverOf(held);
    try {
      const ready = await basis;
      if (!driver) throw new WherryError("RuntimeUnavailable", "this node no longer has its runtime");
      return { driver, spec: runSpecOf(held.assignment, run, ready, this.#runContext) };
    } catch (thrown) {
      // The next one tries again.
      if (held.basis === basis) held.basis = undefined;
      throw thrown;
    }
  }

  #driverOf(held: HeldInstance): RuntimeDriver | undefined {
    return this.#options.drivers.get(configOf(held)?.runtime ?? "");
  }

  /** A run that nothing on disk speaks of: it is nobody's. */
  #disown(run: AdoptedRun): void {
    this.#options.log.warn("run without an assignment stopped", { uid: run.id.uid, run: run.id.run });
    if (run.kind === "ended") this.#settleUnknown(run.id);
    else for (const driver of this.#options.drivers.values()) driver.stop(run.id.uid, 0);
  }

  #settleUnknown(id: RunId): void {
    this.#ledger.afterCommit(() => {
      for (const driver of this.#options.drivers.values()) driver.settle(id);
    });
  }

  #stopAll(cause: StopCause, graceMsMax: number): void {
    for (const held of this.#held.values()) {
      this.#dispatch(held, { kind: "stop", cause, graceMs: Math.min(graceOf(held), graceMsMax) });
    }
  }

  #removeTemplateFiles(id: string): void {
    this.#options.volumes
      .removeTemplate(id)
      .catch((err: unknown) =>
        this.#options.log.warn("files of a template not removed", { template: id, err }),
      );
  }

  #now(): Now {
    const { clock } = this.#options;
    return { wallMs: clock.now(), monotonicMs: clock.monotonic() };
  }
}
