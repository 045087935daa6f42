/** What really happened, as nobody in the cluster knows it: who ordered what where, and what became of it. */
import type { RunEnd, RunSpec } from "../../../node-daemon/runtimes/runtime-driver.ts";
import { disruptionReasons, type Instance } from "../../../scheduler/core/model.ts";
import type { Machine } from "../machine.ts";

interface Order {
  readonly owner: Instance["owner"];
  readonly slot: Instance["slot"];
  /** Names of nodes, by the epoch of who bound it there. */
  readonly nodes: Map<number, Set<string>>;
}

/** What a machine has said of an instance, at most. */
interface Failures {
  restarts: number;
  hasFailed: boolean;
}

export class Truth {
  readonly #orders = new Map<string, Order>();
  readonly #succeeded = new Map<string, Set<number>>();
  readonly #failures = new Map<string, Failures>();

  ordered({ uid, owner, slot }: Instance, epoch: number, nodeName: string): void {
    const order = this.#orders.get(uid) ?? { owner, slot, nodes: new Map<number, Set<string>>() };
    this.#orders.set(uid, order);
    const nodes = order.nodes.get(epoch) ?? new Set<string>();
    order.nodes.set(epoch, nodes.add(nodeName));
  }

  /** Epochs in which an instance was ordered onto all of these nodes. */
  epochsOf(uid: string, nodeNames: readonly string[]): readonly number[] {
    const orders = [...(this.#orders.get(uid)?.nodes ?? [])];
    return orders.flatMap(([epoch, nodes]) => (nodeNames.every((name) => nodes.has(name)) ? [epoch] : []));
  }

  /** 0: nobody has ordered it anywhere. */
  newestEpochOf(uid: string): number {
    return Math.max(0, ...(this.#orders.get(uid)?.nodes.keys() ?? []));
  }

  ended({ id }: RunSpec, end: RunEnd): void {
    const order = this.#orders.get(id.uid);
    if (order?.slot === undefined || end.kind !== "exited" || end.exitCode !== 0) return;
    const indexes = this.#succeeded.get(order.owner.uid) ?? new Set();
    this.#succeeded.set(order.owner.uid, indexes.add(order.slot.index));
  }

  /** What a machine says of its instances; to be noted before it forgets them. */
  note(machine: Machine): void {
    for (const [uid, { restarts, phase, reason }] of machine.statuses()) {
      const known = this.#failures.get(uid) ?? { restarts: 0, hasFailed: false };
      this.#failures.set(uid, known);
      known.restarts = Math.max(known.restarts, restarts);
      known.hasFailed ||= phase === "Failed" && !disruptionReasons.has(reason);
    }
  }

  succeededIndexes(ownerUid: string): ReadonlySet<number> {
    return this.#succeeded.get(ownerUid) ?? new Set();
  }

  /** How many failures a job may have counted at most. */
  failuresOf(ownerUid: string): number {
    let failures = 0;
    for (const [uid, { restarts, hasFailed }] of this.#failures)
      if (this.#orders.get(uid)?.owner.uid === ownerUid) failures += restarts + (hasFailed ? 1 : 0);
    return failures;
  }
}
