import { success, unresolvable, type FilterPlugin } from "../../framework.ts";
import { tolerates } from "../taints-and-tolerations/tolerates.ts";

const cordonTaint = { key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule" } as const;

/** Keeps new instances off cordoned nodes, unless they tolerate the taint that stands for it in Kubernetes. */
export const nodeUnschedulable: FilterPlugin = {
  name: "node-unschedulable",
  reads: "node",
  prepare({ tolerations }) {
    if (tolerations.some((toleration) => tolerates(toleration, cordonTaint))) return undefined;
    return ({ node }) =>
      node.unschedulable
        ? unresolvable(
            "node(s) were unschedulable",
            "cordoned (unschedulable)",
            `uncordon the node (spec.unschedulable: false), or tolerate ${cordonTaint.key}`,
          )
        : success;
  },
};
