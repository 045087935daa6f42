import type { NodeView, Reason } from "./framework.ts";
import { totalScore, type PreparedProfile } from "./prepared-profile.ts";

/** What one rule has against one node. */
export interface Rejection {
  readonly plugin: string;
  readonly kind: "unschedulable" | "unresolvable";
  readonly reasons: readonly Reason[];
}

export type NodeReport =
  | { readonly nodeName: string; readonly kind: "rejected"; readonly rejections: readonly Rejection[] }
  | {
      readonly nodeName: string;
      readonly kind: "feasible";
      readonly total: number;
      readonly scores: readonly {
        readonly plugin: string;
        readonly weight: number;
        readonly score: number;
      }[];
    };

/** Why no node takes an instance. */
export interface Explanation {
  /** One line for people, with a count per reason, as Kubernetes writes it. */
  readonly message: string;
  readonly nodeCount: number;
  readonly reasons: readonly { readonly summary: string; readonly count: number }[];
  /** Every node with every rule that is against it. */
  readonly nodes: readonly (NodeReport & { readonly kind: "rejected" })[];
  /** The plugins that were the first to reject some node: their hints say when to try again. */
  readonly rejectedBy: ReadonlySet<string>;
}

const listedNodesMax = 50;

/** Judges a node by every rule, not only up to the first that rejects it. */
export function reportNode(prepared: PreparedProfile, view: NodeView): NodeReport {
  const nodeName = view.node.name;
  const rejections: Rejection[] = [];
  for (const { plugin, filter } of prepared.filters) {
    const verdict = filter(view);
    if (verdict.kind !== "success")
      rejections.push({ plugin: plugin.name, kind: verdict.kind, reasons: verdict.reasons });
  }
  if (rejections.length > 0) return { nodeName, kind: "rejected", rejections };
  const scores = prepared.scores.map(({ name, weight, score }) => ({
    plugin: name,
    weight,
    score: score(view),
  }));
  return { nodeName, kind: "feasible", total: totalScore(prepared, view), scores };
}

/** Counts each node under what its first rejecting rule says. */
export function explainUnplaceable(prepared: PreparedProfile, views: Iterable<NodeView>): Explanation {
  return explainRefusals(Array.from(views, (view) => reportNode(prepared, view)));
}

/** The same of nodes that have been judged. */
export function explainRefusals(reports: readonly NodeReport[]): Explanation {
  const nodes: (NodeReport & { readonly kind: "rejected" })[] = [];
  const counts = new Map<string, number>();
  const rejectedBy = new Set<string>();
  for (const report of reports) {
    if (report.kind === "feasible") continue;
    nodes.push(report);
    const [first] = report.rejections;
    if (first === undefined) continue;
    rejectedBy.add(first.plugin);
    for (const { summary } of first.reasons) counts.set(summary, (counts.get(summary) ?? 0) + 1);
  }
  const reasons = [...counts]
    .map(([summary, count]) => ({ summary, count }))
    .sort((a, b) => (a.summary < b.summary ? -1 : 1));
  return { message: messageOf(nodes.length, reasons), nodeCount: nodes.length, reasons, nodes, rejectedBy };
}

/** A rule that looks at no node is against it: no node was asked. */
export function explainWithoutNodes(plugin: string, message: string): Explanation {
  const reasons = [{ summary: message, count: 1 }];
  return { message, nodeCount: 0, reasons, nodes: [], rejectedBy: new Set([plugin]) };
}

/** The message and, a line each, at most 50 nodes with all that is against them. */
export function explanationText({ message, nodes }: Explanation): string {
  const lines = nodes.slice(0, listedNodesMax).map(({ nodeName, rejections }) => {
    const details = rejections.flatMap(({ plugin, reasons }) =>
      reasons.map(({ detail }) => `${detail} [${plugin}]`),
    );
    return `  ${nodeName}: ${details.join("; ")}`;
  });
  const hidden = nodes.length - lines.length;
  if (hidden > 0) lines.push(`  and ${hidden} more nodes`);
  return [message, ...lines].join("\n");
}

function messageOf(nodeCount: number, reasons: Explanation["reasons"]): string {
  if (nodeCount === 0) return "0/0 nodes are available: no node has joined the cluster yet.";
  const listed = reasons.map(({ summary, count }) => `${count} ${summary}`).join(", ");
  return `0/${nodeCount} nodes are available: ${listed}.`;
}
