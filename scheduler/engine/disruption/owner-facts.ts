import { assertNever } from "../../../kit/errors.ts";
import type { OwnerFacts } from "../../core/disruption/namespace-book.ts";
import type { Workload } from "../workloads.ts";

/** What disruption budgets must know of a workload. */
export function ownerFactsOf(workload: Workload): OwnerFacts {
  switch (workload.kind) {
    case "WasmDeployment": {
      const { replicas, minReadySeconds } = workload.object.spec;
      return { wanted: replicas, minReadyMs: minReadySeconds * 1_000 };
    }
    case "WasmDaemonSet": {
      const { spec, status } = workload.object;
      return { wanted: status?.desiredNumberScheduled ?? 0, minReadyMs: spec.minReadySeconds * 1_000 };
    }
    case "WasmJob": {
      const { spec, status } = workload.object;
      // Without completions the instances share a queue of work.
      const { parallelism, completions }: { readonly parallelism: number; readonly completions?: number } =
        spec;
      const left = (completions ?? parallelism) - (completions === undefined ? 0 : (status?.succeeded ?? 0));
      return { wanted: Math.max(0, Math.min(parallelism, left)), minReadyMs: 0 };
    }
    default:
      return assertNever(workload, "workload");
  }
}
