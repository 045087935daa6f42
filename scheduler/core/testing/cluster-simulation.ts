/**
 * The core in one process: a deployment and a job, pretended nodes, a small engine that executes steps, and faults.
 *
 *   durable    the declared objects with their status; a write of the status may fail
 *   restart    loses everything else; connected nodes say what they hold, the others count as lost until they return
 *   reports    arrive late, twice and in any order
 *   pressure   comes and goes; a node that has it evicts, and must get nothing new
 *
 * Every step is decided by one seeded random source, so a failing seed can be replayed.
 */
import type { WasmDeployment, WasmJob } from "../../../api/gen/kinds.gen.ts";
import { seededRandom, type Random } from "../../../kit/random.ts";
import { ClusterState } from "../cluster-state/cluster-state.ts";
import { reconcileDeployment } from "../controllers/deployment/deployment.ts";
import { emptyJobMemory, reconcileJob, type JobMemory } from "../controllers/job/job.ts";
import type { Step } from "../controllers/step.ts";
import { disruptionReasons, type Instance, type Owner, type Slot } from "../model.ts";
import { defaultProfile } from "../placement/default-profile.ts";
import { profilesOf, type NodeEvent } from "../placement/framework.ts";
import { Placer } from "../placement/placer.ts";
import { PlacementQueue } from "../placement/queue.ts";
import {
  aCapacity,
  aDeployment,
  aJob,
  aNode,
  anInstance,
  aQuotaSubject,
  requirements,
  rolling,
  startMs,
} from "./builders.ts";
import { SimulatedNode, type Report } from "./simulated-node.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly nodeLoss: boolean;
}

/** Sees every turn of the deployment's controller: what was there before it acted, and after. */
export interface DeploymentTurn {
  readonly deployment: WasmDeployment;
  readonly before: readonly Instance[];
  readonly after: readonly Instance[];
  readonly created: number;
}

const owners: Record<"deployment" | "job", Owner> = {
  deployment: { kind: "WasmDeployment", name: "web", uid: "web" },
  job: { kind: "WasmJob", name: "work", uid: "work" },
};

export class ClusterSimulation {
  nowMs = startMs;
  deployment = aDeployment({ replicas: 6, strategy: rolling(2, 1) });
  job: WasmJob = aJob({ completions: 20, parallelism: 5, backoffLimit: 30 });
  templateVersion = 1;
  state = new ClusterState();
  /** What really happened, as the nodes know it. */
  readonly succeededIndexes = new Set<number>();
  realFailures = 0;
  readonly nodes: readonly SimulatedNode[];
  readonly #random: Random;
  readonly #options: SimulationOptions;
  readonly #onDeploymentTurn: (turn: DeploymentTurn) => void;
  #memory: JobMemory = emptyJobMemory;
  #placer = aPlacer(0);
  #queue = this.#newQueue();
  #uids = 0;

  constructor(options: SimulationOptions, onDeploymentTurn: (turn: DeploymentTurn) => void) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#onDeploymentTurn = onDeploymentTurn;
    this.nodes = ["n1", "n2", "n3", "n4"].map(
      (name) => new SimulatedNode(name, (...end) => this.#note(...end)),
    );
    this.#meetNodes();
  }

  get templateHash(): string {
    return `h${this.templateVersion}`;
  }

  /** One random event, then all that follows from it. */
  step(): void {
    this.nowMs += this.#pick(2_000);
    const node = this.nodes[this.#pick(this.nodes.length)];
    const dice = this.#pick(100);
    if (node === undefined) return;
    if (dice < 54) node.happen(this.#random, this.nowMs);
    else if (dice < 60) this.#press(node);
    else if (dice < 85) this.#deliver(node);
    else if (dice < 88) this.templateVersion += 1;
    else if (dice < 91) this.#scale(1 + this.#pick(8));
    else if (dice < 95) this.restart();
    else if (this.#options.nodeLoss) this.#cutOrMend(node);
    this.reconcile(this.#pick(4) > 0);
  }

  /** No more faults: all nodes are back, everything starts and succeeds, until nothing changes for a while. */
  settle(): void {
    for (const node of this.nodes) {
      if (node.underPressure) this.#press(node);
      if (!node.connected) this.#mend(node);
    }
    for (let round = 0; round < 60; round++) {
      this.nowMs += 60_000;
      for (const node of this.nodes) {
        node.startAll();
        node.completeAll(this.nowMs);
        this.#deliver(node);
      }
      this.reconcile(true);
    }
  }

  /** The scheduler dies and a new one begins with what is durable. */
  restart(): void {
    this.state = new ClusterState();
    this.#memory = emptyJobMemory;
    this.#placer = aPlacer(this.#pick(100));
    this.#queue = this.#newQueue();
    this.#meetNodes();
  }

  reconcile(storeWorks: boolean): void {
    this.#reconcileDeployment(storeWorks);
    this.#reconcileJob(storeWorks);
    this.#place();
  }

  #reconcileDeployment(storeWorks: boolean): void {
    const owned = () => [...this.state.instancesOwnedBy(owners.deployment.uid)];
    const { deployment, templateHash, nowMs } = this;
    const before = owned();
    const result = reconcileDeployment({
      deployment,
      templateHash,
      instances: before,
      refusal: undefined,
      nowMs,
    });
    if (storeWorks) this.deployment = { ...deployment, status: result.status };
    const made = this.#state(() => this.#execute(result.steps, owners.deployment, storeWorks));
    this.#onDeploymentTurn({ deployment, before, after: owned(), created: made });
  }

  #reconcileJob(storeWorks: boolean): void {
    const { job, nowMs } = this;
    const instances = this.state.instancesOwnedBy(owners.job.uid);
    const result = reconcileJob({ job, instances, refusal: undefined, nowMs, memory: this.#memory });
    this.#memory = result.memory;
    if (storeWorks) this.job = { ...job, status: result.status };
    // A crash between the write and what follows from it.
    if (this.#pick(40) === 0) this.restart();
    else this.#execute(result.steps, owners.job, storeWorks);
  }

  /** Executes steps as an engine does; returns how many instances were made. */
  #execute(steps: readonly Step[], owner: Owner, statusIsDurable: boolean): void {
    for (const step of steps) {
      if (step.kind === "createInstances")
        for (let i = 0; i < step.count; i++) this.#create(owner, undefined);
      if (step.kind === "createForSlot") this.#create(owner, step.slot);
      if (step.kind === "stopInstance") this.#stop(step.uid);
      if (step.kind === "forgetInstance" && statusIsDurable) this.#forget(step.uid);
    }
  }

  #state(execute: () => void): number {
    const before = this.#uids;
    execute();
    return this.#uids - before;
  }

  #create(owner: Owner, slot: Slot | undefined): void {
    const uid = `u${this.#uids++}`;
    const templateHash = slot === undefined ? this.templateHash : "job";
    this.state.addInstance(
      anInstance(uid, {
        owner,
        slot,
        templateHash,
        createdMs: this.nowMs,
        requests: requirements().requests,
      }),
    );
    const key = `${owner.uid}/${templateHash}`;
    this.#queue.add(uid, {
      key,
      requirements: requirements({ ownerUid: owner.uid }),
      priority: 0,
      preempts: true,
      isGang: false,
      quota: aQuotaSubject(),
    });
  }

  #stop(uid: string): void {
    const change = this.state.markStopping(uid);
    this.#queue.remove(uid);
    if (change?.instance.state.kind === "stopping")
      this.#session(change.instance.state.nodeName)?.stop(uid, this.nowMs);
  }

  #forget(uid: string): void {
    const change = this.state.removeInstance(uid);
    if (change?.instance.state.kind === "ended")
      this.#session(change.instance.state.nodeName)?.acknowledge(uid);
  }

  #place(): void {
    for (let batch = this.#queue.take(3, this.nowMs); batch; batch = this.#queue.take(3, this.nowMs)) {
      const request = { ...batch.request, neighbours: this.state.neighbours };
      const { nodeNames, explanation } = this.#placer.placeBatch(
        this.state.snapshot(),
        request,
        batch.uids.length,
      );
      const rejected: string[] = [];
      for (const [i, nodeName] of nodeNames.entries()) {
        const outcome = this.state.assume(batch.uids[i] ?? "", nodeName);
        if (outcome.kind === "assumed") this.#assign(nodeName, outcome.change.instance);
        if (outcome.kind === "rejected") rejected.push(batch.uids[i] ?? "");
      }
      const unplaceable = batch.uids.slice(nodeNames.length);
      this.#queue.close(batch, { unplaceable, explanation, rejected }, this.nowMs);
    }
  }

  #assign(nodeName: string, instance: Instance): void {
    const node = this.#session(nodeName);
    if (node?.underPressure)
      throw new Error(`${instance.uid} was placed on ${nodeName}, which is under pressure`);
    node?.assign(instance);
  }

  /** Some of a node's reports arrive, in any order, some of them twice. */
  #deliver(node: SimulatedNode): void {
    if (!node.connected) return;
    const reports: Report[] = node.outbox.splice(0);
    while (reports.length > 0) {
      const [report] = reports.splice(this.#pick(reports.length), 1);
      if (report === undefined) break;
      const outcome = this.state.observe(node.name, report.uid, report.status);
      if (outcome.kind === "changed" && outcome.change.freedOn !== undefined)
        this.#wake("capacityFreed", node.name);
      if (this.#pick(5) === 0) this.state.observe(node.name, report.uid, report.status);
    }
    this.#takeInventory(node);
  }

  #takeInventory(node: SimulatedNode): void {
    for (const held of node.inventory()) {
      const outcome = this.state.adopt(held);
      if (outcome.kind === "changed") this.#queue.remove(held.uid);
      if (outcome.kind !== "refused") continue;
      node.stop(held.uid, this.nowMs);
      if (outcome.why === "elsewhere") node.acknowledge(held.uid);
    }
  }

  #meetNodes(): void {
    for (const node of this.nodes) {
      const { connection: _, ...declaration } = aNode(node.name, {
        allocatable: aCapacity({ instances: 6 }),
      });
      this.state.upsertNode(declaration, node.connected ? { kind: "connected" } : { kind: "lost" });
      if (!node.connected) continue;
      this.state.setConditions(node.name, node.conditions());
      this.#takeInventory(node);
    }
  }

  #cutOrMend(node: SimulatedNode): void {
    if (!node.connected) return this.#mend(node);
    node.connected = false;
    if (this.#pick(2) === 0) node.happen(this.#random, this.nowMs);
    node.stopDisconnected(this.nowMs);
    this.state.loseNode(node.name, this.nowMs);
  }

  /** Pressure begins and costs an instance, or it is over. */
  #press(node: SimulatedNode): void {
    node.underPressure = !node.underPressure;
    if (node.underPressure) node.evict(this.#random, this.nowMs);
    if (!node.connected) return;
    this.state.setConditions(node.name, node.conditions());
    this.#wake("nodeUpdated", node.name);
  }

  #mend(node: SimulatedNode): void {
    node.connected = true;
    this.state.setConditions(node.name, node.conditions());
    this.state.setConnection(node.name, { kind: "connected" });
    this.#takeInventory(node);
    this.#wake("nodeUpdated", node.name);
  }

  #wake(kind: NodeEvent["kind"], nodeName: string): void {
    const view = this.state.view(nodeName);
    if (view !== undefined) this.#queue.wake({ kind, view }, this.nowMs);
  }

  #scale(replicas: number): void {
    this.deployment = { ...this.deployment, spec: { ...this.deployment.spec, replicas } };
  }

  /** The node's end of a session, if there is one. */
  #session(nodeName: string): SimulatedNode | undefined {
    return this.nodes.find((node) => node.name === nodeName && node.connected);
  }

  #note(
    instance: Instance,
    { phase, reason, restarts }: { phase: string; reason: string; restarts: number },
  ): void {
    if (instance.slot === undefined) return;
    if (phase === "Succeeded") this.succeededIndexes.add(instance.slot.index);
    const isFailure = phase === "Failed" && !disruptionReasons.has(reason);
    this.realFailures += restarts + (isFailure ? 1 : 0);
  }

  #newQueue(): PlacementQueue {
    const placer = this.#placer;
    const { neighbours } = this.state;
    return new PlacementQueue({
      backoff: { initialMs: 1_000, factor: 2, maxMs: 10_000 },
      mayHelp: (event, request, rejectedBy) => placer.mayHelp(event, { ...request, neighbours }, rejectedBy),
    });
  }

  #pick(n: number): number {
    return Math.floor(this.#random.fraction() * n);
  }
}

function aPlacer(seed: number): Placer {
  return new Placer({ profiles: profilesOf(defaultProfile), seed, cachedRequestsMax: 4 });
}
