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
import type { QosClass } from "../api/qos.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Random } from "../kit/random.ts";
import type { NodeAssignment, NodeTemplate, TemplateContents } from "./core/assignment.ts";
import { Gate } from "./core/gate.ts";
import { stopsWhenCutOff } from "./core/instance-config.ts";
import { assigned, reduce } from "./core/lifecycle.ts";
import type { Lifecycle, LifecycleAction, LifecycleEvent, Now, Step } from "./core/lifecycle-state.ts";
import { mountConcurrencyMax } from "./core/limits.ts";
import { mustStore, recover } from "./core/recover.ts";
import { type ReportedStatus, statusOf } from "./core/status.ts";
import { stopMessage, type StopCause, type StopReason } from "./core/termination.ts";
import type { ModuleBoard } from "./images/module-board.ts";
import type { ModuleStore } from "./images/module-store.ts";
import { configOf, graceOf, type HeldInstance, isSettled, policyOf } from "./held-instance.ts";
import { InstanceSetups } from "./instance-setups.ts";
import { Ledger } from "./ledger.ts";
import type { AllowedNetwork } from "./network/allowed-network.ts";
import { RunAttendant } from "./probes/run-attendant.ts";
import { isSideRun } from "./probes/side-runs.ts";
import type { NodeCapacity } from "./options.ts";
import { sharerOf } from "./network/shared-ports.ts";
import { RunReports } from "./run-reports.ts";
import type { AdoptedRun, LogLimits, RunId, RunUsage, RuntimeDriver } from "./runtimes/runtime-driver.ts";
import type { NodeServing } from "./serving/node-serving.ts";
import type { Checkpoint, CheckpointChange, StoredInstance } from "./session/checkpoint.ts";
import { LocalWakes } from "./serving/local-wakes.ts";
import { type HeldTemplate, Templates } from "./templates.ts";
import { type TimedUsage, UsageBook } from "./usage-book.ts";
import type { InstanceFolders } from "./volumes/instance-folders.ts";
import type { VolumeStore } from "./volumes/volume-store.ts";
import type { StartTraces } from "./tracing/start-traces.ts";
import { WakeTimer } from "./wake-timer.ts";
import { type WorkloadCounters, WorkloadMeter } from "./workload-meter.ts";

export interface AgentOptions {
  readonly nodeName: string;
  readonly stateDir: string;
  readonly logLimits: LogLimits;
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly modules: Pick<ModuleStore, "fetch" | "retain" | "release">;
  readonly moduleBoard: Pick<ModuleBoard, "fetched" | "prepared">;
  readonly volumes: Pick<
    VolumeStore,
    "mount" | "removeInstance" | "updateTemplate" | "removeTemplate" | "close"
  >;
  readonly network: AllowedNetwork;
  readonly folders: Pick<InstanceFolders, "remove">;
  readonly serving: Pick<
    NodeServing,
    "adopted" | "follow" | "drained" | "forgetDrain" | "requests" | "workload"
  >;
  /** What instances may have of the node. */
  readonly allocatable: Pick<NodeCapacity, "cpuMillis" | "memoryBytes" | "instances">;
  readonly checkpoint: Checkpoint;
  /** Follows the first starts of instances; undefined: nobody wants to know. */
  readonly traces: StartTraces | undefined;
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

const asked: StopReason = { cause: "Stopped", message: stopMessage("Stopped") };

export class NodeAgent {
  readonly #options: AgentOptions;
  readonly #setups: InstanceSetups;
  readonly #held = new Map<string, HeldInstance>();
  readonly #templates = new Templates();
  readonly #localWakes: LocalWakes;
  readonly #ledger: Ledger;
  readonly #wakeTimer: WakeTimer<{ readonly uid: string; readonly attempt: number }>;
  readonly #usage = new UsageBook();
  readonly #meter = new WorkloadMeter();
  readonly #attendant: RunAttendant;
  readonly #reports: RunReports;
  readonly #endWaiters = new Map<string, AbortController>();
  #onStatus: StatusListener = () => {};
  #stopDisconnectedAfterMs: number | undefined;
  #draining = false;
  #closed = false;
  #quiet: { readonly resolve: () => void } | undefined;
  #aliveCount = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { checkpoint, clock, log } = options;
    this.#ledger = new Ledger({ checkpoint, instanceOf: (uid) => this.#stored(uid), clock, log });
    this.#wakeTimer = new WakeTimer(clock, ({ uid, attempt }) => {
      const held = this.#held.get(uid);
      if (held?.lifecycle.attempt === attempt) this.#dispatch(held, { kind: "woke" });
    });
    const templates = this.#templates;
    this.#localWakes = new LocalWakes({ ...options, templates, held: () => this.#held.values() });
    const instanceOf = (uid: string) => this.#held.get(uid);
    this.#attendant = new RunAttendant({
      ...options,
      instanceOf,
      besides: (held) => this.#setups.besides(held),
      dispatch: (uid, event) => {
        const held = this.#held.get(uid);
        if (held) this.#dispatch(held, event);
      },
    });
    this.#reports = new RunReports({
      attendant: this.#attendant,
      instanceOf,
      dispatch: (held, event) => this.#dispatch(held, event),
      noteUsage: (usage) => {
        this.#usage.note(usage, clock.monotonic());
        this.#meter.used(usage);
        const held = usage.requests && this.#held.get(usage.id.uid);
        if (held && usage.requests) options.serving.requests(held, usage.requests);
      },
      listening: (held) => options.serving.follow(held),
      settle: (id) => this.#settleUnknown(id),
    });
    this.#setups = new InstanceSetups({
      ports: {
        ...options,
        sharerOf: (assignment, config) => sharerOf(assignment, config, this.#held.values()),
        mountGate: new Gate(mountConcurrencyMax),
      },
      loadContents: (templateId) => this.#loadContents(templateId),
      context: () => ({ ...options, stopDisconnectedAfterMs: this.#stopDisconnectedAfterMs }),
      log,
    });
  }

  /** Takes over from the daemon process before this one. Called once, before anything else. */
  async recover(signal: AbortSignal): Promise<void> {
    const { checkpoint, drivers, log } = this.#options;
    this.#templates.load(checkpoint.loadTemplates());
    this.#localWakes.load(checkpoint.loadWakeForms());
    const adopted = new Map<string, AdoptedRun>();
    for (const driver of drivers.values()) {
      for (const run of await driver.adopt(this.#reports, signal)) adopted.set(run.id.uid, run);
    }
    for (const { assignment, lifecycle } of checkpoint.loadInstances())
      this.#hold(assignment, this.#templates.use(assignment.templateId), lifecycle);
    for (const { id } of adopted.values()) {
      this.#meter.adopted(id);
      this.#options.serving.adopted(id);
    }
    const messages = await this.#terminationMessagesOf([...adopted.values()]);
    for (const held of this.#held.values()) {
      const { assignment, lifecycle } = held;
      const run = adopted.get(assignment.uid);
      if (run?.id.run === lifecycle.run) adopted.delete(assignment.uid);
      if (lifecycle.moduleDigest !== undefined && lifecycle.state.kind !== "ended") {
        this.#retain(held, lifecycle.moduleDigest);
      }
      this.#attendant.sweep(held);
      const message = messages.get(assignment.uid) ?? "";
      this.#take(held, recover(lifecycle, run, this.#now(), message), true);
    }
    for (const run of adopted.values()) this.#disown(run);
    this.#reports.open();
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
    this.#usage.renew(this.#options.clock.monotonic());
  }

  assign(templates: readonly NodeTemplate[], assignments: readonly NodeAssignment[]): void {
    for (const template of templates) this.#store(this.#templates.receive(template));
    for (const assignment of assignments) {
      if (this.#held.has(assignment.uid)) continue;
      const template = this.#templates.use(assignment.templateId);
      const step = assigned(policyOf(template, assignment));
      const held = this.#hold(assignment, template, step.lifecycle);
      this.#ledger.note(assignment.uid);
      this.#options.traces?.assigned(assignment, step.lifecycle.state);
      this.#take(held, step);
      if (this.#draining) this.#dispatch(held, { kind: "stop", cause: "NodeShutdown", graceMs: 0 });
    }
  }

  /** The files of templates have changed: running instances see the new ones. */
  updateContents(updates: readonly TemplateContents[]): void {
    for (const update of updates) this.#store(this.#templates.updateContents(update));
  }

  /** Which files the templates in use have, of those whose files may change. */
  contents(): readonly { readonly templateId: string; readonly contentsId: string }[] {
    return this.#templates.contents();
  }

  /** Makes right what a daemon before this one did not get to: the files that running instances see. */
  async restoreContents(): Promise<void> {
    for (const { templateId } of this.#templates.contents()) {
      if (this.#closed) return;
      try {
        // One after the other: they may be large.
        await this.#options.volumes.updateTemplate(templateId, this.#loadContents(templateId));
      } catch (err) {
        // What cannot be read is no reason to leave the others as they were, or to end.
        this.#options.log.error("files of a template cannot be read from the checkpoint", {
          templateId,
          err,
        });
      }
    }
  }

  /** Without a grace the template's holds. Answers whether the instance is known here. */
  stop(uid: string, graceMs: number | undefined, why: StopReason = asked): boolean {
    const held = this.#held.get(uid);
    if (!held) {
      return false;
    }
    const { cause, message } = why;
    this.#dispatch(held, { kind: "stop", cause, message, graceMs: graceMs ?? graceOf(held) });
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
      this.#ledger.add(...this.#localWakes.keep(held));
      this.#held.delete(uid);
      this.#meter.release(uid, held.assignment.owner.uid);
      this.#ledger.add({ kind: "removeInstance", uid });
      // Not before: a daemon that ends in between would have the instance, and its log no more.
      this.#ledger.afterCommit(() => this.#options.folders.remove(uid));
      if (this.#templates.unuse(held.template)) this.#removeTemplateFiles(held.template.id);
    }
  }

  /** Requests wait for these workloads, and the scheduler is away. */
  wake(workloads: readonly string[]): void {
    if (this.#draining || this.#closed) return;
    for (const workload of workloads) {
      const assignment = this.#localWakes.wake(workload);
      if (!assignment) continue;
      const { uid, namespace, name } = assignment;
      this.#options.log.info("woken by a request, without the scheduler", { uid, namespace, name });
      this.assign([], [assignment]);
    }
  }

  /** Some workloads are not to be woken by requests any more. */
  reviewWakes(): void {
    this.#ledger.add(...this.#localWakes.review(({ id }) => this.#removeTemplateFiles(id)));
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

  /** Those that instances have got, under the names by which they asked. */
  *modulesInUse(): Iterable<{ readonly image: string; readonly digest: string }> {
    for (const held of this.#held.values()) {
      const image = configOf(held)?.image;
      if (image !== undefined && held.retained !== undefined) yield { image, digest: held.retained };
    }
  }

  /** Those that have ended and are not acknowledged. */
  endedUids(): readonly string[] {
    return [...this.#held].flatMap(([uid, { lifecycle }]) => (lifecycle.state.kind === "ended" ? [uid] : []));
  }

  /** Of its present run, as last reported. */
  usageOf(uid: string): RunUsage | undefined {
    return this.#usage.latest(uid);
  }

  /** Of all instances of a workload since this daemon began, those included that are gone; undefined: it has nothing here. */
  countersOf(workloadUid: string): WorkloadCounters | undefined {
    return this.#meter.of(workloadUid);
  }

  get templatesInUse(): readonly string[] {
    return this.#templates.used();
  }

  /** Instances that have not ended. */
  get aliveCount(): number {
    return this.#aliveCount;
  }

  /** Usage that changed since the last call. */
  takeUsage(): readonly TimedUsage[] {
    return this.#usage.take(this.#options.clock.monotonic());
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
    this.#options.volumes.close();
    for (const held of this.#held.values()) held.setup?.abort(new Error("the node daemon is closing"));
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
    this.#meter.hold(assignment.uid, assignment.owner.uid);
    if (lifecycle.state.kind !== "ended") this.#aliveCount++;
    return held;
  }

  #stored(uid: string): StoredInstance | undefined {
    const held = this.#held.get(uid);
    return held && { assignment: held.assignment, lifecycle: held.lifecycle };
  }

  /** Files change under instances once it is certain that the next daemon would start others from the same. */
  #store(changes: readonly CheckpointChange[]): void {
    this.#ledger.add(...changes);
    for (const change of changes) {
      if (change.kind !== "putContents") continue;
      const { templateId, contents } = change.contents;
      this.#ledger.afterCommit(() => void this.#options.volumes.updateTemplate(templateId, contents));
    }
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
      if (lifecycle.state.kind !== before.state.kind) this.#options.traces?.changed(uid, lifecycle);
      if (lifecycle.run > before.run) this.#meter.restarted(uid, lifecycle.run - before.run);
      const isNews = lifecycle.state.kind !== before.state.kind || lifecycle.run !== before.run;
      if (isNews && isSettled(lifecycle)) this.#reports.settled(uid);
      if (isNews || adopted) this.#attendant.attend(held, adopted);
    }
    // Whoever is to stop gets no requests any more.
    this.#options.serving.follow(held);
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
    } else if (state.kind === "waiting" || state.kind === "restarting") {
      this.#options.log.info(state.kind === "waiting" ? "instance waits" : "instance is begun anew", {
        ...fields,
        reason: state.reason,
        message: state.message,
      });
    } else {
      this.#options.log.debug("instance changed", fields);
    }
  }

  #perform(held: HeldInstance, action: LifecycleAction): void {
    switch (action.kind) {
      case "setUp":
        this.#setups.begin(held, action.attempt, action.digest, (event) => this.#dispatch(held, event));
        return;
      case "cancelSetup":
        this.#setups.cancel(held);
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
    const driver = this.#setups.driverOf(held);
    if (action.kind === "settle") {
      driver?.settle({ uid: assignment.uid, run: action.run });
    } else if (action.kind === "stopRun") {
      driver?.stop(assignment.uid, action.graceMs);
    } else {
      const spec = this.#setups.take(held, action.run);
      if (spec) driver?.start(spec);
    }
  }

  /** All at once: a mount that hangs delays the start of the daemon once. */
  async #terminationMessagesOf(runs: readonly AdoptedRun[]): Promise<ReadonlyMap<string, string>> {
    const messages = runs.map(async (run) => {
      const held = this.#held.get(run.id.uid);
      const read =
        held && run.kind === "ended" ? this.#attendant.terminationMessage(held, run.end) : undefined;
      return [run.id.uid, (await read) ?? ""] as const;
    });
    return new Map(await Promise.all(messages));
  }

  /** A run that nothing on disk speaks of: it is nobody's. */
  #disown(run: AdoptedRun): void {
    const level = isSideRun(run.id) ? "debug" : "warn";
    this.#options.log[level]("run without an assignment stopped", { uid: run.id.uid, run: run.id.run });
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
