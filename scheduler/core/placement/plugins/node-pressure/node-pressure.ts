import { activePressures } from "../../../node-pressure.ts";
import { success, unresolvable, type FilterPlugin } from "../../framework.ts";
import { tolerates } from "../taints-and-tolerations/tolerates.ts";

/**
 * Keeps new instances off nodes that say they run short, unless they tolerate the taint that stands for it in Kubernetes.
 * Nobody tolerates a node that evicts its workload: there it would only be evicted again.
 */
export const nodePressure: FilterPlugin = {
  name: "node-pressure",
  reads: "node",
  prepare:
    ({ tolerations, ownerUid }) =>
    ({ node }) => {
      if (node.conditions.length === 0) return success;
      for (const { pressure, message } of activePressures(node.conditions)) {
        if (node.evictedOwners.has(ownerUid))
          return unresolvable(
            `node(s) with ${pressure.name} evicted an instance of it`,
            `${pressure.name}, for which it evicted an instance of this workload: ${message}`,
            `relieve the node until it says that ${pressure.name} is over`,
          );
        if (!tolerations.some((toleration) => tolerates(toleration, pressure.taint)))
          return unresolvable(
            `node(s) had ${pressure.name}`,
            `${pressure.name}: ${message}`,
            `relieve the node until it says that ${pressure.name} is over, or tolerate ${pressure.taint.key}`,
          );
      }
      return success;
    },
};
