import type { Toleration } from "./model.ts";

/**
 * What every instance of a daemon set tolerates, as Kubernetes' controller adds it to daemon pods: it belongs to its node, so it
 * neither leaves a node in trouble nor stays away from one.
 * https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations
 */
export const daemonTolerations: readonly Toleration[] = [
  exists("node.kubernetes.io/not-ready", "NoExecute"),
  exists("node.kubernetes.io/unreachable", "NoExecute"),
  exists("node.kubernetes.io/unschedulable", "NoSchedule"),
  exists("node.kubernetes.io/memory-pressure", "NoSchedule"),
  exists("node.kubernetes.io/disk-pressure", "NoSchedule"),
  exists("wherry.dev/instance-pressure", "NoSchedule"),
];

function exists(key: string, effect: string): Toleration {
  return { key, operator: "Exists", value: "", effect };
}
