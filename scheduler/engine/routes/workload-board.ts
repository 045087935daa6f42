/**
 * How many instances of each workload are ready on each node, of those workloads that gateways have to know: those that routes name
 * and those whose functions can be called. Kept up with each change of an instance; the instances of a workload are gone
 * through once, when it comes to be of interest.
 */
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { Instance } from "../../core/model.ts";
import { ReadyRing } from "../../core/routes/ready-ring.ts";

export interface WorkloadBoardOptions {
  readonly instancesOf: (ownerUid: string) => Iterable<Instance>;
  /** Something about a workload's nodes is another now; answers with the version of that. */
  readonly changed: (workloadUid: string) => number;
  /** It had nothing ready, and has now. */
  readonly awake: (workloadUid: string) => void;
}

export class WorkloadBoard {
  readonly #options: WorkloadBoardOptions;
  readonly #rings = new Map<string, ReadyRing>();

  constructor(options: WorkloadBoardOptions) {
    this.#options = options;
  }

  /** From now on gateways are told of it. */
  watch(workloadUid: string): void {
    if (this.#rings.has(workloadUid)) return;
    const ring = new ReadyRing();
    this.#rings.set(workloadUid, ring);
    const version = this.#options.changed(workloadUid);
    for (const instance of this.#options.instancesOf(workloadUid)) {
      const node = readyNode(instance);
      if (node !== undefined) ring.add(node, instance.templateHash, 1, version);
    }
  }

  unwatch(workloadUid: string): void {
    this.#rings.delete(workloadUid);
  }

  ring(workloadUid: string): ReadyRing | undefined {
    return this.#rings.get(workloadUid);
  }

  instanceChanged({ kind, instance, before }: InstanceChange): void {
    const ring = this.#rings.get(instance.owner.uid);
    if (ring === undefined) return;
    const was = before && readyNode(before);
    const is = kind === "removed" ? undefined : readyNode(instance);
    if (was === is) return;
    const { uid } = instance.owner;
    const version = this.#options.changed(uid);
    const wasAsleep = ring.size === 0;
    if (was !== undefined) ring.add(was, instance.templateHash, -1, version);
    if (is !== undefined) ring.add(is, instance.templateHash, 1, version);
    if (wasAsleep && ring.size > 0) this.#options.awake(uid);
  }

  /** Its gateway is another, or reached in another way. */
  gatewayChanged(nodeName: string): void {
    for (const [uid, ring] of this.#rings)
      if (ring.has(nodeName)) ring.touch(nodeName, this.#options.changed(uid));
  }

  /** Everybody has been told of what happened up to this version. */
  forget(version: number): void {
    for (const ring of this.#rings.values()) ring.forget(version);
  }
}

/** Where requests for it can go. What is told to stop takes none any more. */
function readyNode({ state }: Instance): string | undefined {
  return state.kind === "bound" && state.observed?.ready === true ? state.nodeName : undefined;
}
