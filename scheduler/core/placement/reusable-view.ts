import type { ClusterNode, HostPort, NodeCapacity } from "../model.ts";
import type { NodeView } from "./framework.ts";
import type { NodeSnapshot } from "./snapshot.ts";

/** Instances that a batch has proposed for a node, beyond its snapshot. */
export interface Addition {
  readonly committed: NodeCapacity;
  readonly ports: readonly HostPort[];
  readonly count: number;
}

/** What a node is judged by. One value serves all, so that judging allocates nothing. */
export class ReusableView implements NodeView {
  node: ClusterNode;
  committed: NodeCapacity;
  ports: NodeSnapshot["ports"];
  modules: NodeSnapshot["modules"];
  usageExcess: NodeSnapshot["usageExcess"];
  ownerInstances = 0;

  constructor(base: NodeSnapshot) {
    this.node = base.node;
    this.committed = base.committed;
    this.ports = base.ports;
    this.modules = base.modules;
    this.usageExcess = base.usageExcess;
  }

  become(base: NodeSnapshot, ownerInstances: number, addition: Addition | undefined): this {
    this.node = base.node;
    this.committed = addition?.committed ?? base.committed;
    this.ports = addition?.ports ?? base.ports;
    this.modules = base.modules;
    this.usageExcess = base.usageExcess;
    this.ownerInstances = ownerInstances + (addition?.count ?? 0);
    return this;
  }
}
