/** Which nodes a daemon set wants an instance on: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/. */
import type { ClusterNode, PlacementRequirements } from "../../model.ts";
import type { NodeFilter, NodeView } from "../../placement/framework.ts";
import { nodeAffinity } from "../../placement/plugins/node-affinity/node-affinity.ts";
import { nodeSelector } from "../../placement/plugins/node-selector/node-selector.ts";
import { runtimeAvailable } from "../../placement/plugins/runtime-available/runtime-available.ts";
import {
  noExecuteTaints,
  taintsAndTolerations,
} from "../../placement/plugins/taints-and-tolerations/taints-and-tolerations.ts";
import { ReusableView } from "../../placement/reusable-view.ts";
import { emptyNode } from "../../placement/snapshot.ts";

export type NodeMatch =
  /** It should have an instance. */
  | { readonly kind: "wanted" }
  /** It gets none, and keeps the one that it has: a taint NoSchedule came later. */
  | { readonly kind: "kept" }
  | { readonly kind: "unwanted"; readonly why: string };

const wanted: NodeMatch = { kind: "wanted" };
const kept: NodeMatch = { kind: "kept" };

/**
 * Reads the template once; the function it returns looks at nothing but the node. What a node that has not been heard of yet
 * can run is not known, and so not held against it.
 */
export function nodeMatcher(requirements: PlacementRequirements): (node: ClusterNode) => NodeMatch {
  const attracted = [nodeSelector, nodeAffinity, noExecuteTaints].flatMap(
    (plugin) => plugin.prepare(requirements) ?? [],
  );
  const runtime = runtimeAvailable.prepare(requirements);
  const repelled = taintsAndTolerations.prepare(requirements);
  let view: ReusableView | undefined;
  return (node) => {
    view ??= new ReusableView({ node, ...emptyNode });
    view.node = node;
    for (const filter of attracted) {
      const why = refusalOf(filter, view);
      if (why !== undefined) return { kind: "unwanted", why };
    }
    const missing = node.runtimes.length > 0 && runtime ? refusalOf(runtime, view) : undefined;
    if (missing !== undefined) return { kind: "unwanted", why: missing };
    return repelled && refusalOf(repelled, view) !== undefined ? kept : wanted;
  };
}

function refusalOf(filter: NodeFilter, view: NodeView): string | undefined {
  const verdict = filter(view);
  return verdict.kind === "success" ? undefined : verdict.reasons[0]?.detail;
}
