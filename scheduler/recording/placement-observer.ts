import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterNode, Instance } from "../core/model.ts";
import type { QueuedRequest } from "../core/placement/queue.ts";

/** What the engine tells of what placement sees and decides. Must not throw. */
export interface PlacementObserver {
  /** Nodes were looked at for these. They are alike; `nodeNames` has those that found one, in their order. */
  decided(
    instances: readonly Instance[],
    request: QueuedRequest,
    nodeNames: readonly string[],
    rejected: ReadonlySet<string>,
  ): void;
  instanceChanged(change: InstanceChange): void;
  nodeChanged(name: string, node: ClusterNode | undefined): void;
  namespaceChanged(name: string, labels: Readonly<Record<string, string>> | undefined): void;
}
