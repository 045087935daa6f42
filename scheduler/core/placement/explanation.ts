import type { NodeView, Reason, Verdict } from "./framework.ts";
import type { PreparedProfile } from "./prepared-profile.ts";

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
      readonly scores: readonly PluginScore[];
    };

export interface PluginScore {
  readonly plugin: string;
  readonly weight: number;
  /** From 0 to 100. */
  readonly score: number;
}

type RejectedNode = NodeReport & { readonly kind: "rejected" };

/** Why no node takes an instance. */
export interface Explanation {
  /** One line for people, with a count per reason, as Kubernetes writes it. */
  readonly message: string;
  readonly nodeCount: number;
  readonly reasons: readonly { readonly summary: string; readonly count: number }[];
  /** The first nodes, at most {@link listedNodesMax}, with every rule that is against each. */
  readonly nodes: readonly RejectedNode[];
  /** The plugins that were the first to reject some node: their hints say when to try again. */
  readonly rejectedBy: ReadonlySet<string>;
  /** The only node that was asked, because no other will do; undefined: all were. */
  readonly target:
    | {
        readonly nodeName: string;
        /** Whether only what happens on that very node can help. */
        readonly isAlone: boolean;
      }
    | undefined;
}

/** As many as a person reads. */
const listedNodesMax = 50;

export interface TopologyVerdict {
  readonly plugin: string;
  readonly verdict: Verdict;
}

/** What the rules about domains say of a node. */
export interface TopologyReport {
  readonly verdicts: readonly TopologyVerdict[];
  readonly scores: readonly PluginScore[];
}

/** Judges a node by every rule, not only up to the first that rejects it. */
export function reportNode(prepared: PreparedProfile, view: NodeView, topology: TopologyReport): NodeReport {
  const nodeName = view.node.name;
  const rejections: Rejection[] = [];
  const note = (plugin: string, verdict: Verdict) => {
    if (verdict.kind !== "success") rejections.push({ plugin, kind: verdict.kind, reasons: verdict.reasons });
  };
  for (const { plugin, filter } of prepared.filters) note(plugin.name, filter(view));
  for (const { plugin, verdict } of topology.verdicts) note(plugin, verdict);
  if (rejections.length > 0) return { nodeName, kind: "rejected", rejections };
  const scores = [
    ...prepared.scores.map(({ name, weight, score }) => ({ plugin: name, weight, score: score(view) })),
    ...topology.scores,
  ];
  const total = scores.reduce((sum, { weight, score }) => sum + weight * score, 0);
  return { nodeName, kind: "feasible", total, scores };
}

/** The first rule that is against a node; undefined: none is. */
export function firstRejection(
  { filters }: PreparedProfile,
  view: NodeView,
  topology: Iterable<TopologyVerdict>,
): Rejection | undefined {
  for (const { plugin, filter } of filters) {
    const verdict = filter(view);
    if (verdict.kind !== "success") return { plugin: plugin.name, ...verdict };
  }
  for (const { plugin, verdict } of topology) if (verdict.kind !== "success") return { plugin, ...verdict };
  return undefined;
}

/**
 * Counts each node under what its first rejecting rule says. Only of the first nodes everything is kept: an explanation is held
 * for as long as something waits, and of thousands of nodes it would be megabytes.
 */
export class ExplanationDraft {
  readonly #nodes: RejectedNode[] = [];
  readonly #counts = new Map<string, number>();
  readonly #rejectedBy = new Set<string>();
  #nodeCount = 0;

  /** `report` says everything of the node. */
  add({ plugin, reasons }: Rejection, report: () => NodeReport): void {
    this.#nodeCount++;
    this.#rejectedBy.add(plugin);
    for (const { summary } of reasons) this.#counts.set(summary, (this.#counts.get(summary) ?? 0) + 1);
    if (this.#nodes.length >= listedNodesMax) return;
    const node = report();
    if (node.kind === "rejected") this.#nodes.push(node);
  }

  explanation(): Explanation {
    const reasons = [...this.#counts]
      .map(([summary, count]) => ({ summary, count }))
      .sort((a, b) => (a.summary < b.summary ? -1 : 1));
    return {
      message: messageOf(this.#nodeCount, reasons),
      nodeCount: this.#nodeCount,
      reasons,
      nodes: this.#nodes,
      rejectedBy: this.#rejectedBy,
      target: undefined,
    };
  }
}

/** A rule that looks at no node is against it: no node was asked. */
export function explainWithoutNodes(plugin: string, message: string): Explanation {
  const reasons = [{ summary: message, count: 1 }];
  return { message, nodeCount: 0, reasons, nodes: [], rejectedBy: new Set([plugin]), target: undefined };
}

/** Why the only node that will do does not take it: its first rejection, and all that is against it. */
export function explainTarget(
  nodeName: string,
  first: Rejection | undefined,
  report: NodeReport,
  isAlone: boolean,
): Explanation {
  const rejections = report.kind === "rejected" ? report.rejections : [];
  return {
    message: `node ${nodeName}: ${detailsOf(rejections)}`,
    nodeCount: 1,
    reasons: (first?.reasons ?? []).map(({ summary }) => ({ summary, count: 1 })),
    nodes: report.kind === "rejected" ? [report] : [],
    rejectedBy: new Set(first === undefined ? [] : [first.plugin]),
    target: { nodeName, isAlone },
  };
}

/** The only node that will do is not there. */
export function explainMissingTarget(nodeName: string): Explanation {
  return {
    message: `node ${nodeName}: there is no such node`,
    nodeCount: 1,
    reasons: [],
    nodes: [],
    rejectedBy: new Set(),
    target: { nodeName, isAlone: true },
  };
}

function detailsOf(rejections: readonly Rejection[]): string {
  return rejections
    .flatMap(({ plugin, reasons }) => reasons.map(({ detail }) => `${detail} [${plugin}]`))
    .join("; ");
}

/** The message and, a line each, the first nodes with all that is against them. */
export function explanationText({ message, nodes, nodeCount, target }: Explanation): string {
  if (target !== undefined) return message;
  const lines = nodes.map(({ nodeName, rejections }) => `  ${nodeName}: ${detailsOf(rejections)}`);
  const hidden = nodeCount - lines.length;
  if (hidden > 0) lines.push(`  and ${hidden} more nodes`);
  return [message, ...lines].join("\n");
}

function messageOf(nodeCount: number, reasons: Explanation["reasons"]): string {
  if (nodeCount === 0) return "0/0 nodes are available: no node has joined the cluster yet.";
  const listed = reasons.map(({ summary, count }) => `${count} ${summary}`).join(", ");
  return `0/${nodeCount} nodes are available: ${listed}.`;
}
