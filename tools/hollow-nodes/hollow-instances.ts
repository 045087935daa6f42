/**
 * The instances of one hollow node: the daemon's own lifecycle and templates, with runs that are only pretended.
 *
 *   session ──assign, stop, acknowledge──▶ reduce ─▶ actions ──▶ setup: done at once
 *                                            ▲                   a start: after the delay; an end: as its fate says
 *                                            └── one timer ◀──── a stop: obeyed at once
 *
 * What would be on disk is in memory, and outlives sessions as a disk would. Invariants are those of the lifecycle; what
 * the timer brings names the attempt or run it was meant for, so nothing late does harm. The timer holds at most one
 * entry for each start and each wait.
 */
import type { Clock } from "../../kit/clock.ts";
import { assertNever } from "../../kit/errors.ts";
import type { NodeAssignment, NodeTemplate, TemplateContents } from "../../node-daemon/core/assignment.ts";
import { stopsWhenCutOff } from "../../node-daemon/core/instance-config.ts";
import { assigned, reduce } from "../../node-daemon/core/lifecycle.ts";
import type {
  Health,
  Lifecycle,
  LifecycleAction,
  LifecycleEvent,
  Step,
} from "../../node-daemon/core/lifecycle-state.ts";
import { type ReportedStatus, statusOf } from "../../node-daemon/core/status.ts";
import type { StopCause } from "../../node-daemon/core/termination.ts";
import { policyOf } from "../../node-daemon/held-instance.ts";
import type { TimedUsage } from "../../node-daemon/usage-book.ts";
import type { SessionInstances } from "../../node-daemon/session/node-session.ts";
import { type HeldTemplate, Templates } from "../../node-daemon/templates.ts";
import { WakeTimer } from "../../node-daemon/wake-timer.ts";
import type { InstanceFigures } from "../../node-daemon/machine/workload-metrics.ts";
import type { Fate } from "./fate.ts";
import { type HollowLoad, workBetween } from "./hollow-load.ts";

/** Every delay between is as likely. */
export interface DelayRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface HollowInstancesOptions {
  readonly startDelay: DelayRange;
  /** Whether instances say that they use something. */
  readonly reportsUsage: boolean;
  readonly load: HollowLoad;
  /** Asked once for each run. */
  readonly fateOf: (run: { readonly lasts: boolean }) => Fate;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
  readonly clock: Clock;
}

interface Held {
  readonly assignment: NodeAssignment;
  readonly template: HeldTemplate;
  lifecycle: Lifecycle;
}

interface Due {
  readonly uid: string;
  readonly event: LifecycleEvent;
  /** The setup after which it was planned. */
  readonly attempt: number;
}

const well: Health = { started: true, ready: true, reason: "", message: "" };
/** Nothing is fetched; every image is the same empty module. */
const digest = "0".repeat(64);

export class HollowInstances implements SessionInstances {
  readonly #options: HollowInstancesOptions;
  readonly #held = new Map<string, Held>();
  readonly #templates = new Templates();
  readonly #timer: WakeTimer<Due>;
  #onStatus: (uid: string) => void = () => {};
  #draining = false;
  #aliveCount = 0;

  constructor(options: HollowInstancesOptions) {
    this.#options = options;
    this.#timer = new WakeTimer(options.clock, ({ uid, event, attempt }) => {
      const held = this.#held.get(uid);
      if (held?.lifecycle.attempt === attempt) this.#dispatch(held, event);
    });
  }

  onStatus(listener: (uid: string) => void): void {
    this.#onStatus = listener;
  }

  beginSession(): void {
    this.#templates.forgetUnused();
  }

  assign(templates: readonly NodeTemplate[], assignments: readonly NodeAssignment[]): void {
    for (const template of templates) this.#templates.receive(template);
    for (const assignment of assignments) {
      if (this.#held.has(assignment.uid)) continue;
      const template = this.#templates.use(assignment.templateId);
      const step = assigned(policyOf(template, assignment));
      const held: Held = { assignment, template, lifecycle: step.lifecycle };
      this.#held.set(assignment.uid, held);
      this.#aliveCount++;
      this.#take(held, step);
      if (this.#draining) this.#stop(held, "NodeShutdown", 0);
    }
  }

  updateContents(updates: readonly TemplateContents[]): void {
    for (const update of updates) this.#templates.updateContents(update);
  }

  contents(): readonly { readonly templateId: string; readonly contentsId: string }[] {
    return this.#templates.contents();
  }

  stop(uid: string, graceMs: number | undefined): boolean {
    const held = this.#held.get(uid);
    if (held) this.#stop(held, "Stopped", graceMs ?? graceOf(held));
    return held !== undefined;
  }

  acknowledge(uids: readonly string[]): void {
    for (const uid of uids) {
      const held = this.#held.get(uid);
      if (held?.lifecycle.state.kind !== "ended") continue;
      this.#held.delete(uid);
      this.#templates.unuse(held.template);
    }
  }

  uids(): readonly string[] {
    return [...this.#held.keys()];
  }

  statusOf(uid: string): ReportedStatus | undefined {
    const held = this.#held.get(uid);
    return held && statusOf(held.lifecycle);
  }

  assignmentOf(uid: string): NodeAssignment | undefined {
    return this.#held.get(uid)?.assignment;
  }

  get aliveCount(): number {
    return this.#aliveCount;
  }

  takeUsage(): readonly TimedUsage[] {
    if (!this.#options.reportsUsage) return [];
    return Array.from(this.#held.values()).flatMap((held) => this.#usageOf(held) ?? []);
  }

  /** How many run, by the uid of their workload. */
  running(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { assignment, lifecycle } of this.#held.values()) {
      if (lifecycle.state.kind !== "running") continue;
      const { uid } = assignment.owner;
      counts.set(uid, (counts.get(uid) ?? 0) + 1);
    }
    return counts;
  }

  /** For metrics. */
  figures(): readonly InstanceFigures[] {
    return Array.from(this.#held.values(), (held) => {
      const { namespace, name, owner } = held.assignment;
      const { phase, restarts } = statusOf(held.lifecycle);
      const workload = `${owner.kind}/${owner.name}`;
      return {
        namespace,
        name,
        workloadUid: owner.uid,
        workload,
        phase,
        restarts,
        usage: this.#usageOf(held),
      };
    });
  }

  #usageOf({ assignment, lifecycle }: Held): TimedUsage | undefined {
    const { state, run } = lifecycle;
    if (state.kind !== "running") return undefined;
    const { load, clock } = this.#options;
    const cpuUs = Math.round(load.cpuMillis * workBetween(load, state.startedMs, clock.now()));
    return {
      id: { uid: assignment.uid, run },
      cpuUs,
      memoryBytes: load.memoryBytes,
      fuel: cpuUs,
      throttledUs: 0,
      atMs: clock.monotonic(),
    };
  }

  /** The scheduler has been away for too long: what must not run twice is stopped. */
  cutOff(graceMsMax: number): void {
    for (const held of this.#held.values()) {
      const { outcome } = held.template;
      if (outcome.kind !== "configured" || !stopsWhenCutOff(outcome.config, held.assignment)) continue;
      this.#stop(held, "Disconnected", Math.min(graceOf(held), graceMsMax));
    }
  }

  /** The node goes for good: everything ends, and what still comes ends as it comes. */
  drain(): void {
    this.#draining = true;
    for (const held of this.#held.values()) this.#stop(held, "NodeShutdown", 0);
  }

  close(): void {
    this.#timer.close();
  }

  #stop(held: Held, cause: StopCause, graceMs: number): void {
    this.#dispatch(held, { kind: "stop", cause, graceMs });
  }

  #dispatch(held: Held, event: LifecycleEvent): void {
    const { clock } = this.#options;
    this.#take(held, reduce(held.lifecycle, event, { wallMs: clock.now(), monotonicMs: clock.monotonic() }));
  }

  #take(held: Held, { lifecycle, actions }: Step): void {
    const before = held.lifecycle;
    held.lifecycle = lifecycle;
    if (lifecycle !== before) this.#onStatus(held.assignment.uid);
    if (before.state.kind !== "ended" && lifecycle.state.kind === "ended") this.#aliveCount--;
    for (const action of actions) this.#pretend(held, action);
  }

  #pretend(held: Held, action: LifecycleAction): void {
    switch (action.kind) {
      case "setUp": {
        const { attempt } = action;
        this.#dispatch(held, { kind: "fetched", attempt, digest });
        this.#dispatch(held, { kind: "prepared", attempt });
        this.#dispatch(held, { kind: "mounted", attempt });
        return;
      }
      case "startRun":
        this.#start(held, action.run);
        return;
      case "stopRun":
        this.#end(held, { kind: "stopped" });
        return;
      case "preStop":
        this.#dispatch(held, { kind: "preStopDone", run: action.run });
        return;
      case "wakeAfter":
        this.#after(action.delayMs, held, { kind: "woke" });
        return;
      // Nothing was set up, and nothing is kept of a run.
      case "cancelSetup":
      case "cancelPreStop":
      case "settle":
        return;
      default:
        assertNever(action, "lifecycle action");
    }
  }

  /** What is planned for a run comes in order: its start, what its probes say, its end. */
  #start(held: Held, run: number): void {
    const { startDelay, fateOf, fraction, clock } = this.#options;
    const { fromMs, toMs } = startDelay;
    const startDelayMs = toMs > fromMs ? Math.round(fromMs + fraction() * (toMs - fromMs)) : fromMs;
    const { policy } = held.lifecycle;
    const isolation = held.assignment.isolation === "process" ? "process" : "shared";
    this.#after(startDelayMs, held, {
      kind: "runStarted",
      run,
      atMs: clock.now() + startDelayMs,
      isolation,
    });
    if (policy.heldBack !== "nothing") this.#after(startDelayMs, held, { kind: "health", run, health: well });
    const fate = fateOf({ lasts: policy.restart === "Always" });
    if (fate.kind === "stays") return;
    const { afterMs, exitCode } = fate;
    const atMs = clock.now() + startDelayMs + afterMs;
    const end = { kind: "exited", exitCode } as const;
    this.#after(startDelayMs + afterMs, held, { kind: "runEnded", run, atMs, end, terminationMessage: "" });
  }

  #end(held: Held, end: { readonly kind: "stopped" }): void {
    const { run } = held.lifecycle;
    const atMs = this.#options.clock.now();
    this.#dispatch(held, { kind: "runEnded", run, atMs, end, terminationMessage: "" });
  }

  #after(delayMs: number, held: Held, event: LifecycleEvent): void {
    if (delayMs <= 0) this.#dispatch(held, event);
    else this.#timer.after(delayMs, { uid: held.assignment.uid, event, attempt: held.lifecycle.attempt });
  }
}

function graceOf({ template: { outcome } }: Held): number {
  return outcome.kind === "configured" ? outcome.config.gracePeriodMs : 0;
}
