/**
 * The engine's loop on a copy of what it knows: the same controllers, the same placement, and nodes on which everything that is
 * placed runs at once.
 *
 *   actions ─▶ copy of the state ─▶ dirty owners ─▶ controllers' steps ─▶ placement ─▶ "it runs" ─▶ dirty owners …
 *
 * It ends when nothing changes any more and nothing waits for time. Each step yields, so that whoever drives it decides
 * how long it goes on at a time.
 *
 * Invariants: nothing outside of the copy is changed; the number of turns and of instances made is bounded.
 */
import { WherryError } from "../../../kit/errors.ts";
import { noBudgets } from "../../core/disruption/disruption-guard.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import { reconcileDaemonSet } from "../../core/controllers/daemon-set/daemon-set.ts";
import { emptyDaemonSetMemory } from "../../core/controllers/daemon-set/failure-backoff.ts";
import { reconcileDeployment } from "../../core/controllers/deployment/deployment.ts";
import { emptyJobMemory, reconcileJob } from "../../core/controllers/job/job.ts";
import type { Step } from "../../core/controllers/step.ts";
import type { Instance, ObservedStatus, Slot } from "../../core/model.ts";
import type { PlacementConfiguration } from "../../core/placement/profile-declaration.ts";
import type { PriorityClasses } from "../../core/priority-classes.ts";
import type { QuotaBook } from "../../core/quota/quota-book.ts";
import type { Isolation } from "../../../api/isolation.ts";
import { nameStem, newInstance } from "../new-instance.ts";
import { PlacementRunner } from "../placement-runner.ts";
import type { CatalogueEntry } from "../template-catalogue.ts";
import { isGang, templateOf, type Workload } from "../workloads.ts";
import { limits } from "./limits.ts";
import { pretendedSession } from "./pretended-session.ts";
import { SimulatedTime } from "./simulated-time.ts";

export interface SimulatedClusterOptions {
  readonly state: ClusterState;
  readonly quotas: QuotaBook;
  readonly priorities: PriorityClasses;
  /** As it would be declared then; undefined: it is not. */
  readonly workload: (uid: string) => Workload | undefined;
  readonly entryOf: (workload: Workload) => CatalogueEntry;
  readonly isolationFor: (workload: Workload, entry: CatalogueEntry) => Isolation;
  readonly placement: PlacementConfiguration;
  readonly nowMs: number;
}

/** What would be stopped to make room. */
export interface SimulatedPreemption {
  readonly victim: Instance;
  readonly nodeName: string;
}

/** Controllers leave the place of what has just ended empty for a while; by then that is over. */
const laterMs = 60_000;

export class SimulatedCluster {
  readonly state: ClusterState;
  readonly runner: PlacementRunner;
  readonly #options: SimulatedClusterOptions;
  readonly #time: SimulatedTime;
  readonly #dirty = new Set<string>();
  readonly #placed = new Set<string>();
  /** Uids of instances that are to stop, with their nodes. */
  readonly #preempted = new Map<string, string>();
  readonly preemptions: SimulatedPreemption[] = [];
  #isAgain = false;
  #created = 0;

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    this.state = options.state;
    this.#time = new SimulatedTime(options.nowMs);
    this.runner = new PlacementRunner({
      state: options.state,
      clock: this.#time,
      placement: options.placement,
      quotas: options.quotas,
      events: { record: () => {} },
      // Only preemption stops anything by itself.
      session: (nodeName) => pretendedSession(nodeName, (uid) => this.#preempted.set(uid, nodeName)),
      changed: (change) => this.#changed(change),
      entryOf: (uid, templateHash) => {
        const workload = options.workload(uid);
        const entry = workload && options.entryOf(workload);
        return entry?.templateHash === templateHash ? entry : undefined;
      },
      isGang: (uid) => isGang(options.workload(uid)),
      budgets: noBudgets,
      isBeingMade: () => false,
      deciding: undefined,
      again: () => {
        this.#isAgain = true;
      },
    });
  }

  /** Its controller is to look at a workload. */
  touch(ownerUid: string): void {
    this.#dirty.add(ownerUid);
  }

  /** Whatever it did, it does not any more. */
  remove(uid: string): void {
    const change = this.state.removeInstance(uid);
    if (change) this.#changed(change);
  }

  /** Nodes came or changed. */
  nodeChanged(name: string): void {
    this.runner.nodeChanged(name, "nodeUpdated");
  }

  /** Goes on until nothing changes any more. */
  *settle(): Generator<void, void> {
    yield* this.#queueWaiting();
    for (let turn = 0; turn < limits.turnsMax; turn++) {
      yield* this.#reconcileDirty();
      this.#isAgain = false;
      this.runner.run();
      yield;
      this.#endPreempted();
      this.#runPlaced();
      if (this.#dirty.size > 0 || this.#isAgain) continue;
      if (!this.#time.skip()) return;
    }
    throw new WherryError(
      "SimulationTooLarge",
      `simulate placement: nothing has settled after ${limits.turnsMax} turns; try less at a time`,
    );
  }

  close(): void {
    this.runner.close();
  }

  /** What waits in the cluster waits here, too. */
  *#queueWaiting(): Generator<void, void> {
    for (const instance of Array.from(this.state.pending())) {
      this.runner.instanceChanged({ kind: "added", instance, before: undefined, freedOn: undefined });
      yield;
    }
  }

  *#reconcileDirty(): Generator<void, void> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const uid of dirty) {
      const workload = this.#options.workload(uid);
      if (!workload) continue;
      for (const step of this.#stepsOf(workload)) {
        yield* this.#execute(step, workload);
      }
    }
  }

  #stepsOf(workload: Workload): readonly Step[] {
    const { uid } = workload.object.metadata;
    const instances = [...this.state.instancesOwnedBy(uid)];
    const nowMs = this.#time.now();
    const outcome = this.#options.priorities.resolve(templateOf(workload).spec.priorityClassName);
    const refusal = outcome.kind === "unknown" ? outcome.message : undefined;
    if (workload.kind === "WasmJob")
      return reconcileJob({ job: workload.object, instances, refusal, nowMs, memory: emptyJobMemory }).steps;
    const { templateHash, requirements } = this.#options.entryOf(workload);
    const later = nowMs + laterMs;
    // Whatever is to be made would have been kept by then.
    const revisions = [{ templateHash, number: 1 }];
    const input = { templateHash, revisions, instances, refusal, nowMs: later };
    if (workload.kind === "WasmDaemonSet")
      return reconcileDaemonSet({
        ...input,
        daemonSet: workload.object,
        requirements,
        nodes: this.state.nodes(),
        memory: emptyDaemonSetMemory,
      }).steps;
    return reconcileDeployment({ ...input, refusalOf: () => refusal, deployment: workload.object }).steps;
  }

  *#execute(step: Step, workload: Workload): Generator<void, void> {
    yield;
    switch (step.kind) {
      case "createInstances":
        for (let made = 0; made < step.count; made++) {
          this.#create(workload, undefined, step.targetNode);
          yield;
        }
        return;
      case "createForSlot":
        this.#create(workload, step.slot, undefined);
        return;
      case "stopInstance":
      case "evictInstance":
      case "forgetInstance":
        this.remove(step.uid);
        return;
      default:
    }
  }

  #create(workload: Workload, slot: Slot | undefined, targetNode: string | undefined): void {
    const { priorities, entryOf, isolationFor } = this.#options;
    const priority = priorities.resolve(templateOf(workload).spec.priorityClassName);
    if (priority.kind === "unknown") return;
    const number = ++this.#created;
    if (number > limits.createdMax)
      throw new WherryError(
        "SimulationTooLarge",
        `simulate placement: it would make more than ${limits.createdMax} instances; try less at a time`,
      );
    const entry = entryOf(workload);
    const instance = newInstance({
      workload,
      slot,
      targetNode,
      entry,
      priority,
      isolation: isolationFor(workload, entry),
      uid: `${simulatedPrefix}${number}`,
      name: `${nameStem(workload, entry, slot)}-${simulatedPrefix}${number}`,
      createdMs: this.#time.now(),
    });
    this.#changed(this.state.addInstance(instance));
  }

  #changed(change: InstanceChange): void {
    const { instance, before } = change;
    this.runner.instanceChanged(change);
    if (change.kind !== "removed" && instance.state.kind === "bound" && before?.state.kind === "pending")
      this.#placed.add(instance.uid);
    // Why it waits is no news to its controller.
    if (change.kind === "updated" && before?.state.kind === instance.state.kind && isPending(instance))
      return;
    this.#dirty.add(instance.owner.uid);
  }

  /** What is told to stop has stopped. */
  #endPreempted(): void {
    for (const [uid, nodeName] of this.#preempted) {
      const victim = this.state.instance(uid);
      if (victim) this.preemptions.push({ victim, nodeName });
      this.remove(uid);
    }
    this.#preempted.clear();
  }

  /** On these nodes all goes well. */
  #runPlaced(): void {
    for (const uid of this.#placed) {
      const state = this.state.instance(uid)?.state;
      if (state?.kind !== "bound") continue;
      const outcome = this.state.observe(state.nodeName, uid, running);
      if (outcome.kind === "changed") this.#changed(outcome.change);
    }
    this.#placed.clear();
  }
}

const simulatedPrefix = "simulated-";

/** Whether it exists in the simulation only: no uid of a cluster begins so. */
export function isSimulated({ uid }: Instance): boolean {
  return uid.startsWith(simulatedPrefix);
}

function isPending({ state }: Instance): boolean {
  return state.kind === "pending";
}

const running: ObservedStatus = {
  phase: "Running",
  ready: true,
  reason: "",
  message: "",
  exitCode: undefined,
  restarts: 0,
  startedMs: undefined,
  // For longer than any minReadySeconds.
  readySinceMs: 0,
  finishedMs: undefined,
  lastTermination: undefined,
  logsDropped: false,
  sequence: 1,
  isolation: undefined,
};
