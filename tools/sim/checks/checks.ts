/** All invariants that hold at every step, whatever the faults. What they find is kept until somebody asks. */
import type { WasmJob } from "../../../api/gen/kinds.gen.ts";
import type { GatewayUpdate } from "../../../node-daemon/serving/gateway-update.ts";
import type { RunEnd, RunSpec } from "../../../node-daemon/runtimes/runtime-driver.ts";
import type { Instance } from "../../../scheduler/core/model.ts";
import type { BackendEvent } from "../../../scheduler/backend/backend.ts";
import type { Scale, ScaleReference } from "../../../scheduler/backend/scale-backend.ts";
import type { Cluster, ClusterWitness } from "../cluster.ts";
import type { Machine } from "../machine.ts";
import { objectsIn } from "../objects-in.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { AutoscalerCheck } from "./autoscaler-check.ts";
import { checkEviction } from "./budget-check.ts";
import { CronCheck } from "./cron-check.ts";
import { JobCheck } from "./job-check.ts";
import { checkPlacement } from "./placement-check.ts";
import { checkUpdate } from "./route-check.ts";
import { RolloutCheck } from "./rollout-check.ts";
import { Truth } from "./truth.ts";
import { demand, Violation } from "./violation.ts";

export class Checks implements ClusterWitness {
  readonly truth = new Truth();
  /** Uids of instances that people have asked to be ended, and of workloads that they have deleted. */
  readonly excused = new Set<string>();
  /** How many there were. */
  placements = 0;
  readonly #jobs = new JobCheck(this.truth);
  readonly #autoscalers = new AutoscalerCheck();
  readonly #cron = new CronCheck(this.excused);
  readonly #rollouts = new Map<SchedulerProcess, RolloutCheck>();
  /** The first; what follows from it says nothing. */
  #found: unknown;

  deciding(scheduler: SchedulerProcess, instance: Instance, nodeName: string): void {
    this.placements++;
    this.truth.ordered(instance, scheduler.epoch, nodeName);
    this.#try(() => checkPlacement(scheduler, instance, nodeName));
  }

  evicting(scheduler: SchedulerProcess, instance: Instance): void {
    // The bounds of its rollout are another rule.
    this.excused.add(instance.uid);
    this.#try(() => checkEviction(scheduler, instance));
  }

  changed(scheduler: SchedulerProcess, namespace: string, name: string): void {
    let check = this.#rollouts.get(scheduler);
    if (check === undefined) this.#rollouts.set(scheduler, (check = new RolloutCheck(this.excused)));
    const rollouts = check;
    this.#try(() => rollouts.changed(scheduler, namespace, name));
  }

  scaling(scheduler: SchedulerProcess, reference: ScaleReference, scale: Scale, replicas: number): void {
    this.#try(() => this.#autoscalers.scaling(scheduler, reference, scale, replicas));
  }

  ended(_machine: Machine, spec: RunSpec, end: RunEnd): void {
    this.truth.ended(spec, end);
  }

  /** Nobody whose leadership is over, as far as the machine can know, gives it anything. */
  assigned({ id, disk }: Machine, uids: readonly string[]): void {
    for (const uid of uids) {
      const epoch = this.truth.newestEpochOf(uid);
      this.#try(() =>
        demand(
          epoch >= disk.meta.epoch,
          "deposed",
          () => `${id} takes ${uid} from epoch ${epoch}, and has seen ${disk.meta.epoch}`,
        ),
      );
    }
  }

  acknowledged(machine: Machine): void {
    this.truth.note(machine);
  }

  told(machine: Machine, update: GatewayUpdate): void {
    this.#try(() => checkUpdate(machine, update));
  }

  /** A process has logged an error, which none should but for what the simulation itself has broken. */
  logged(line: string): void {
    if (line.includes("checkpoint not written")) return;
    this.#try(() => demand(false, "no errors", () => line));
  }

  /** A job is stored, or changes. */
  jobStored(event: BackendEvent): void {
    this.#try(() => this.#cron.stored(event));
  }

  /** At every step. Throws what was found since. */
  check(cluster: Cluster): void {
    for (const machine of cluster.machines) this.truth.note(machine);
    this.#try(() => {
      this.#checkWhereabouts(cluster);
      for (const job of objectsIn(cluster.store, "wasmjobs")) this.#jobs.check(job as unknown as WasmJob);
    });
    for (const scheduler of this.#rollouts.keys()) if (!scheduler.isAlive) this.#rollouts.delete(scheduler);
    if (this.#found !== undefined) throw this.#found;
  }

  /** At the end of a life without faults. */
  checkExactly(cluster: Cluster): void {
    for (const job of objectsIn(cluster.store, "wasmjobs"))
      this.#jobs.checkExactly(job as unknown as WasmJob);
  }

  /** No instance on two nodes by order of one epoch. */
  #checkWhereabouts({ machines }: Cluster): void {
    const nodesOf = new Map<string, string[]>();
    for (const machine of machines)
      for (const uid of machine.aliveUids()) {
        const names = nodesOf.get(uid);
        if (names === undefined) nodesOf.set(uid, [machine.name]);
        else names.push(machine.name);
      }
    for (const [uid, names] of nodesOf) {
      if (names.length < 2) continue;
      const epochs = this.truth.epochsOf(uid, names);
      demand(
        epochs.length === 0,
        "one node",
        () => `instance ${uid} is on ${names.join(" and ")} by order of epoch ${epochs.join(", ")}`,
      );
    }
  }

  #try(check: () => void): void {
    if (this.#found !== undefined) return;
    try {
      check();
    } catch (thrown) {
      this.#found = thrown;
      if (!(thrown instanceof Violation)) throw thrown;
    }
  }
}
