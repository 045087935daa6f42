/** What there is to tell of the engine: counted where it happens, or counted up when somebody asks. Plain numbers. */
import type { Clock } from "../../../kit/clock.ts";
import type { ClusterNode, WorkloadKind } from "../../core/model.ts";
import type { EngineParts } from "../engine-parts.ts";
import type { Workload } from "../workloads.ts";
import { InstanceTally } from "./instance-tally.ts";
import type { PlacementTally } from "./placement-tally.ts";
import { TurnTally } from "./turn-tally.ts";

/** Of a workload that is to be kept running. */
export interface WorkloadReplicas {
  readonly namespace: string;
  /** `WasmDeployment/web`. */
  readonly workload: string;
  readonly desired: number;
  readonly ready: number;
}

type Parts = Pick<
  EngineParts,
  "state" | "workloads" | "held" | "placement" | "evictions" | "routing" | "nodes"
>;

export class EngineFigures {
  readonly turns: TurnTally;
  readonly instances = new InstanceTally();
  readonly #clock: Clock;
  readonly #parts: () => Parts;

  constructor(clock: Clock, parts: () => Parts) {
    this.#clock = clock;
    this.#parts = parts;
    this.turns = new TurnTally(clock);
  }

  get placement(): PlacementTally {
    return this.#parts().placement.tally;
  }

  /** Instances without a node, by where they wait. */
  waiting(): ReturnType<Parts["placement"]["waiting"]> {
    return this.#parts().placement.waiting();
  }

  /** For how many seconds the one has waited that waits longest; 0: nobody does. */
  longestWaitSeconds(): number {
    for (const { createdMs } of this.#parts().state.pending())
      return Math.max(0, (this.#clock.now() - createdMs) / 1000);
    return 0;
  }

  /** Instances that were stopped against the will of their owner, by why. */
  evictions(): Readonly<Record<string, number>> {
    const { evictions, placement } = this.#parts();
    return { ...evictions.counts, Preempted: placement.preemptions.preempted };
  }

  /** Instances for which others were stopped. */
  get preemptors(): number {
    return this.#parts().placement.preemptions.preemptors;
  }

  wakeUps(): Readonly<Record<string, number>> {
    return this.#parts().routing.wakeUps;
  }

  /** When certificates of routes expire, by the NAMESPACE/NAME of their Secrets. */
  certificateExpiries(): ReturnType<Parts["routing"]["certificateExpiries"]> {
    return this.#parts().routing.certificateExpiries();
  }

  nodes(): Readonly<Record<ClusterNode["connection"]["kind"], number>> {
    const counts = { connected: 0, suspect: 0, lost: 0 };
    for (const { connection } of this.#parts().state.nodes()) counts[connection.kind]++;
    return counts;
  }

  get isMassSilence(): boolean {
    return this.#parts().nodes.isMassSilence;
  }

  workloads(): Readonly<Record<WorkloadKind, number>> {
    const counts = { WasmDeployment: 0, WasmDaemonSet: 0, WasmJob: 0 };
    for (const { kind } of this.#parts().workloads.values()) counts[kind]++;
    return counts;
  }

  /** Workloads that wait until all nodes have reported. */
  get held(): number {
    return this.#parts().held.size;
  }

  /** Of so many workloads, those that have been known longest first. */
  *replicas(workloadsMax: number): Iterable<WorkloadReplicas> {
    let count = 0;
    for (const workload of this.#parts().workloads.values()) {
      const replicas = replicasOf(workload);
      if (replicas === undefined) continue;
      if (++count > workloadsMax) return;
      yield replicas;
    }
  }
}

function replicasOf({ kind, object }: Workload): WorkloadReplicas | undefined {
  const { namespace = "", name } = object.metadata;
  const of = { namespace, workload: `${kind}/${name}` };
  if (kind === "WasmDeployment")
    return { ...of, desired: object.spec.replicas, ready: object.status?.readyReplicas ?? 0 };
  if (kind !== "WasmDaemonSet") return undefined;
  const { desiredNumberScheduled = 0, numberReady = 0 } = object.status ?? {};
  return { ...of, desired: desiredNumberScheduled, ready: numberReady };
}
