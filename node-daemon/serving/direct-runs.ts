/** The runs that take requests themselves (see shim/direct), and of which workloads they are. Bounded by the instances that the node holds. */
import type { RunId } from "../core/run.ts";
import type { GatewayWorkload } from "../gateway/control.ts";
import type { HeldInstance } from "../held-instance.ts";
import { runKey } from "../shim/protocol.ts";

interface DirectRun {
  readonly id: RunId;
  readonly workload: GatewayWorkload;
}

export class DirectRuns {
  readonly #runs = new Map<string, DirectRun>();
  /** How many runs each workload has. */
  readonly #workloads = new Map<string, { readonly workload: GatewayWorkload; runs: number }>();
  readonly #adopted = new Set<string>();

  /** An earlier daemon has started it. */
  adopted(id: RunId): void {
    this.#adopted.add(runKey(id));
  }

  get adoptedKeys(): Iterable<string> {
    return this.#adopted;
  }

  isAdopted(key: string): boolean {
    return this.#adopted.has(key);
  }

  workload(uid: string): GatewayWorkload | undefined {
    return this.#workloads.get(uid)?.workload;
  }

  /** It has said what it was asked. Answers its key. */
  note({ assignment, lifecycle }: HeldInstance): string {
    const { uid, namespace, owner } = assignment;
    const id = { uid, run: lifecycle.run };
    if (!this.#runs.has(uid)) {
      const { kind, name } = owner;
      const workload = { uid: owner.uid, namespace, kind, name, wakes: false, nodes: [] };
      const known = this.#workloads.get(owner.uid);
      if (known) known.runs++;
      else this.#workloads.set(owner.uid, { workload, runs: 1 });
      this.#runs.set(uid, { id, workload });
    }
    return runKey(id);
  }

  /** The key of the instance's run, if that is over. */
  over({ assignment, lifecycle }: HeldInstance): string | undefined {
    const known = this.#runs.get(assignment.uid);
    const { kind } = lifecycle.state;
    const isOn = kind === "running" || kind === "stopping" || kind === "restarting";
    if (known === undefined || (isOn && lifecycle.run === known.id.run)) return undefined;
    this.#runs.delete(assignment.uid);
    const key = runKey(known.id);
    this.#adopted.delete(key);
    const { uid } = known.workload;
    const ofWorkload = this.#workloads.get(uid);
    if (ofWorkload && --ofWorkload.runs === 0) this.#workloads.delete(uid);
    return key;
  }
}
