import type { WasmDeployment } from "../../../api/gen/kinds.gen.ts";
import { hasSurge } from "../../core/controllers/deployment/rollout-limits.ts";
import type { Workload } from "../workloads.ts";

/**
 * The workloads that ask to be rebalanced and are as they should be: their instances are all there and available, and they may
 * have one more for a moment. Kept apart so that nobody has to look through all of them.
 */
export class MovableWorkloads {
  readonly #settled = new Set<string>();

  /** Returns whether it has just become movable. */
  put(workload: Workload): boolean {
    const { uid } = workload.object.metadata;
    const isMovable =
      workload.kind === "WasmDeployment" &&
      workload.object.spec.rebalancePolicy === "WhenBetter" &&
      isSettled(workload.object);
    if (!isMovable) {
      this.#settled.delete(uid);
      return false;
    }
    const isNew = !this.#settled.has(uid);
    this.#settled.add(uid);
    return isNew;
  }

  delete(uid: string): void {
    this.#settled.delete(uid);
  }

  uids(): Iterable<string> {
    return this.#settled;
  }
}

function isSettled({ metadata, spec, status }: WasmDeployment): boolean {
  if (spec.paused || metadata.deletionTimestamp !== undefined) return false;
  if (!hasSurge(spec)) return false;
  return (
    status?.observedGeneration === metadata.generation &&
    status?.replicas === spec.replicas &&
    status.updatedReplicas === spec.replicas &&
    status.availableReplicas === spec.replicas
  );
}
