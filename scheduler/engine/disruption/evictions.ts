/**
 * Stops instances because they should not be where they are: on request (a drain), or for a taint NoExecute.
 *
 *   requested ──nothing is lost by it──────────────────────▶ stopped
 *      │  ├────its owner can make another one first─────────▶ leaving ──another is there, budgets allow──▶ stopped
 *      │  └────budgets allow────────────────────────────────▶ stopped        │ its node takes instances again
 *      └───────budgets do not─────────────────▶ refused, with why            └──▶ stays
 *
 * That an instance is leaving is known to this leader only. Whoever asked for it asks again, as with a refusal; that changes
 * nothing if it is known. A taint asks no budget, as in Kubernetes.
 */
import type { EvictionOutcome, EvictionRequest } from "../../apiserver/live-resource.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import { hasSurge } from "../../core/controllers/deployment/rollout-limits.ts";
import type { Standing } from "../../core/disruption/budget-book.ts";
import { refusalText } from "../../core/disruption/budget-status.ts";
import type { Instance } from "../../core/model.ts";
import type { StopReason } from "../../nodes/node-port.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { ownerApiVersion } from "../instance-object.ts";
import type { Workload } from "../workloads.ts";

export interface EvictionsOptions {
  readonly state: ClusterState;
  readonly events: Pick<EventRecorder, "record">;
  readonly workload: (uid: string) => Workload | undefined;
  readonly refusals: (instance: Instance) => readonly Standing[];
  /** Sees what is stopped within the budgets, before it is. */
  readonly evicting: ((instance: Instance) => void) | undefined;
  readonly changed: (change: InstanceChange) => void;
  readonly stop: (uid: string, graceMs: number | undefined, why?: StopReason) => void;
}

const evictionReason = "Eviction";
/** Pending instances that are looked at for one that is to take another's place. */
const pendingLooksMax = 1_000;

/** For a taint; because somebody asked for it; because a better node was free, or its controller let it go. */
export type EvictionCause = "TaintEviction" | "Eviction" | "Rebalancing";

export class Evictions {
  /** Instances that were stopped, of all times. */
  readonly counts: Record<EvictionCause, number> = { TaintEviction: 0, Eviction: 0, Rebalancing: 0 };
  readonly #options: EvictionsOptions;
  /** Nodes that take no instances. */
  readonly #cordoned = new Set<string>();
  /** Leaving instances of which it was requested, and how long they may take where that was said. */
  readonly #requested = new Map<string, { readonly graceMs: number | undefined }>();

  constructor(options: EvictionsOptions) {
    this.#options = options;
  }

  request(instance: Instance, { graceMs, dryRun }: EvictionRequest): EvictionOutcome {
    const { state } = instance;
    if (state.kind === "ended" || state.kind === "stopping") return { kind: "evicted" };
    if (state.kind === "pending") {
      if (!dryRun) this.#options.stop(instance.uid, graceMs);
      return { kind: "evicted" };
    }
    const workload = this.#options.workload(instance.owner.uid);
    const why = `it was evicted from node ${state.nodeName}`;
    if (workload !== undefined && makesAnotherFirst(workload)) {
      if (!dryRun) this.#leave(instance, graceMs, why);
      return { kind: "leaving", message: this.#waitingText(instance) };
    }
    const refusals = this.#options.refusals(instance);
    if (refusals.length > 0)
      return {
        kind: "refused",
        budgets: refusals.map((standing) => ({
          name: standing.budget.name,
          message: refusalText(standing),
        })),
      };
    if (!dryRun) this.#evict(instance, graceMs, why, "Eviction");
    return { kind: "evicted" };
  }

  /** What its controller lets go, another one being there or not to be had. */
  letGo(uid: string, message: string): void {
    const instance = this.#options.state.instance(uid);
    if (instance === undefined || this.#options.refusals(instance).length > 0) return;
    const requested = this.#requested.get(uid);
    this.#evict(instance, requested?.graceMs, message, requested ? "Eviction" : "Rebalancing");
  }

  instanceChanged({ kind, instance }: InstanceChange): void {
    const isHere = kind !== "removed" && instance.state.kind === "bound" && instance.leaving !== undefined;
    if (!isHere) this.#requested.delete(instance.uid);
  }

  forTaint(instance: Instance, message: string): void {
    this.counts.TaintEviction++;
    this.#stop(instance, undefined, { reason: "TaintEviction", message });
  }

  /** Where instances may come again, those that should have gone may stay. */
  nodeChanged(nodeName: string): void {
    const { state, changed } = this.#options;
    const node = state.node(nodeName);
    if (node?.unschedulable) this.#cordoned.add(nodeName);
    else if (this.#cordoned.delete(nodeName) && node)
      for (const { uid } of Array.from(state.instancesOn(nodeName))) {
        // Others may have reasons of their own to want it gone.
        const change = this.#requested.delete(uid) ? state.setLeaving(uid, undefined) : undefined;
        if (change) changed(change);
      }
  }

  #leave({ uid }: Instance, graceMs: number | undefined, why: string): void {
    const change = this.#options.state.setLeaving(uid, why);
    if (change) this.#options.changed(change);
    this.#requested.set(uid, { graceMs });
  }

  #evict(instance: Instance, graceMs: number | undefined, message: string, cause: EvictionCause): void {
    this.counts[cause]++;
    this.#options.evicting?.(instance);
    this.#stop(instance, graceMs, { reason: evictionReason, message });
  }

  #stop({ uid, name, namespace, owner }: Instance, graceMs: number | undefined, why: StopReason): void {
    this.#options.stop(uid, graceMs, why);
    this.#options.events.record({
      involved: { apiVersion: ownerApiVersion, ...owner, namespace },
      type: "Normal",
      reason: why.reason,
      message: `instance ${name} is stopped: ${why.message}`,
    });
  }

  /** What keeps a leaving instance where it is, as far as can be told. */
  #waitingText(instance: Instance): string {
    const { state, refusals } = this.#options;
    let looks = 0;
    for (const other of state.pending()) {
      if (++looks > pendingLooksMax) break;
      if (other.owner.uid !== instance.owner.uid || other.state.kind !== "pending") continue;
      if (other.state.message === "") continue;
      const [first = ""] = other.state.message.split("\n", 1);
      return `${other.name}, which is to take its place, is pending: ${first}`;
    }
    const [refused] = refusals(instance);
    if (refused) return refusalText(refused);
    return "it stays until another instance is available in its place";
  }
}

/** A deployment that may have one more than it wants. */
export function makesAnotherFirst(workload: Workload): boolean {
  if (workload.kind !== "WasmDeployment" || workload.object.metadata.deletionTimestamp !== undefined)
    return false;
  return hasSurge(workload.object.spec);
}
