/**
 * Stops instances on nodes with taints NoExecute that they do not tolerate, or have tolerated for as long as they may.
 *
 *   bound ──first such taint, or bound to a node that has one──▶ counted ──its time is over──▶ stopped (TaintEviction)
 *     ▲                                                            │
 *     └────────── no such taint any more, or it is gone ───────────┘
 *
 * The time begins when the scheduler first sees the instance under such taints, as in Kubernetes; taints that come or go meanwhile
 * change how long it is, not when it began. A new leader begins anew: nothing of this is stored.
 *
 * Invariants: what is counted is bound to a node with a taint NoExecute that it does not tolerate for ever. One timer; each
 * change of a node's taints costs as much as there are instances on it, each change of an instance O(log counted).
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock, Timer } from "../../kit/clock.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance, NodeTaint } from "../core/model.ts";
import { TimedHeap } from "../core/placement/timed-heap.ts";
import { evictionText, stayUnder, type Stay } from "../core/taint-eviction.ts";

export interface TaintEvictionsOptions {
  readonly state: Pick<ClusterState, "node" | "instance" | "instancesOn">;
  readonly clock: Clock;
  /** Stops the instance, and says why. */
  readonly evict: (instance: Instance, message: string) => void;
}

/** Evicted before others get their turn; the rest follows at once. */
const evictionsPerTurn = 500;

const noTaints: readonly NodeTaint[] = [];

export class TaintEvictions {
  readonly #options: TaintEvictionsOptions;
  /** Nodes with taints NoExecute. */
  readonly #taints = new Map<string, readonly NodeTaint[]>();
  /** When instances were first seen under them, by uid. */
  readonly #sinceMs = new Map<string, number>();
  readonly #due = new TimedHeap<string>();
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;

  constructor(options: TaintEvictionsOptions) {
    this.#options = options;
  }

  nodeChanged(nodeName: string): void {
    const { state } = this.#options;
    const taints = (state.node(nodeName)?.taints ?? noTaints).filter(({ effect }) => effect === "NoExecute");
    const before = this.#taints.get(nodeName) ?? noTaints;
    if (isDeepStrictEqual(taints, before)) return;
    if (taints.length > 0) this.#taints.set(nodeName, taints);
    else this.#taints.delete(nodeName);
    for (const instance of state.instancesOn(nodeName)) this.#consider(instance);
    this.#arm();
  }

  instanceChanged({ kind, instance }: InstanceChange): void {
    // The usual case, which is to cost nothing.
    if (this.#taints.size === 0 && this.#sinceMs.size === 0) return;
    if (kind === "removed") this.#drop(instance.uid);
    else this.#consider(instance);
    this.#arm();
  }

  close(): void {
    this.#timer?.timer.cancel();
  }

  #consider(instance: Instance): void {
    const { uid } = instance;
    const stay = this.#stayOf(instance);
    if (stay === undefined || stay.kind === "forever") {
      this.#drop(uid);
      return;
    }
    const sinceMs = this.#sinceMs.get(uid) ?? this.#options.clock.monotonic();
    this.#sinceMs.set(uid, sinceMs);
    this.#due.set(uid, sinceMs + stay.seconds * 1_000);
  }

  /** Undefined: it is not on a node, or leaves it anyhow. */
  #stayOf({ state, claims }: Instance): Stay | undefined {
    if (state.kind !== "bound") return undefined;
    const taints = this.#taints.get(state.nodeName);
    return taints && stayUnder(taints, claims.tolerations);
  }

  #drop(uid: string): void {
    if (this.#sinceMs.delete(uid)) this.#due.delete(uid);
  }

  #arm(): void {
    const atMs = this.#due.firstAtMs();
    if (atMs === this.#timer?.atMs) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (atMs === undefined) return;
    const { clock } = this.#options;
    this.#timer = { atMs, timer: clock.setTimer(atMs - clock.monotonic(), () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#options.clock.monotonic();
    for (let evicted = 0; evicted < evictionsPerTurn; evicted++) {
      const uid = this.#due.popDue(nowMs);
      if (uid === undefined) break;
      this.#sinceMs.delete(uid);
      const instance = this.#options.state.instance(uid);
      const stay = instance && this.#stayOf(instance);
      if (stay?.kind !== "limited" || instance?.state.kind !== "bound") continue;
      this.#options.evict(instance, evictionText(instance.state.nodeName, stay));
    }
    this.#arm();
  }
}
