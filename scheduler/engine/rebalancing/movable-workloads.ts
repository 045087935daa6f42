import type { WasmDeployment } from "../../../api/gen/kinds.gen.ts";
import { rolloutLimits } from "../../core/controllers/deployment/rollout-limits.ts";
import type { Workload } from "../workloads.ts";

/** The workloads that ask to be rebalanced, kept apart so that nobody has to look through all of them. */
export class MovableWorkloads {
  readonly #asking = new Map<string, WasmDeployment>();

  put(workload: Workload): void {
    const { uid } = workload.object.metadata;
    if (workload.kind === "WasmDeployment" && workload.object.spec.rebalancePolicy === "WhenBetter")
      this.#asking.set(uid, workload.object);
    else this.#asking.delete(uid);
  }

  delete(uid: string): void {
    this.#asking.delete(uid);
  }

  /** Those of them whose instances are all there and available, and that may have one more for a moment. */
  *settled(): Iterable<string> {
    for (const [uid, deployment] of this.#asking) if (isSettled(deployment)) yield uid;
  }
}

function isSettled({ metadata, spec, status }: WasmDeployment): boolean {
  if (spec.paused || metadata.deletionTimestamp !== undefined) return false;
  if (spec.strategy.type !== "RollingUpdate" || rolloutLimits(spec).totalMax <= spec.replicas) return false;
  return (
    status?.observedGeneration === metadata.generation &&
    status?.replicas === spec.replicas &&
    status.updatedReplicas === spec.replicas &&
    status.availableReplicas === spec.replicas
  );
}
