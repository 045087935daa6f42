/** What the rules say of all nodes, in the order in which people look: who would take it, and who nearly would. */
import type { InstanceExplanationStatus, RefusedNodes } from "../../../api/gen/kinds.gen.ts";
import type { NodeReport, Rejection } from "./explanation.ts";

export type NodeSurvey = InstanceExplanationStatus["nodes"];
type FeasibleNode = NodeSurvey["best"][number];
type RejectedReport = NodeReport & { readonly kind: "rejected" };
type FeasibleReport = NodeReport & { readonly kind: "feasible" };

/** `limit`: nodes of either sort that are listed; `own`, the node of the instance, is always among them. */
export function surveyNodes(reports: readonly NodeReport[], limit: number, own?: string): NodeSurvey {
  const feasible = reports.filter((report) => report.kind === "feasible");
  const best = bestOf(feasible, own).filter(({ nodeName }, place) => place < limit || nodeName === own);
  const { refused, listed } = groupRefusals(reports, limit, own);
  return {
    total: reports.length,
    feasible: feasible.length,
    best,
    refused,
    omitted: reports.length - best.length - listed,
  };
}

/** Nodes by the rules that are against them; groups and nodes nearest first. */
export function groupRefusals(
  reports: readonly NodeReport[],
  limit: number,
  own?: string,
): { readonly refused: readonly RefusedNodes[]; readonly listed: number } {
  const rejected = reports
    .filter((report) => report.kind === "rejected")
    .map((report) => ({ report, nearness: nearnessOf(report) }))
    .sort((a, b) => compare(a.nearness, b.nearness) || byName(a.report, b.report));
  const groups = new Map<
    string,
    { rules: readonly string[]; count: number; nodes: RefusedNodes["nodes"][number][] }
  >();
  let listed = 0;
  for (const { report } of rejected) {
    const rules = report.rejections.flatMap(({ reasons }) => reasons.map(({ summary }) => summary));
    const key = rules.join("\n");
    const group = groups.get(key) ?? { rules, count: 0, nodes: [] };
    groups.set(key, group);
    group.count++;
    if (listed >= limit && report.nodeName !== own) continue;
    group.nodes.push({ nodeName: report.nodeName, reasons: report.rejections.flatMap(reasonsOf) });
    listed++;
  }
  return { refused: [...groups.values()], listed };
}

function bestOf(reports: readonly FeasibleReport[], own: string | undefined): readonly FeasibleNode[] {
  const sorted = reports.toSorted(
    (a, b) => b.total - a.total || Number(b.nodeName === own) - Number(a.nodeName === own) || byName(a, b),
  );
  let rank = 0;
  return sorted.map(({ nodeName, total, scores }, place) => {
    if (total !== sorted[place - 1]?.total) rank = place + 1;
    return { nodeName, rank, total, scores };
  });
}

function reasonsOf({ plugin, kind, reasons }: Rejection): RefusedNodes["nodes"][number]["reasons"] {
  return reasons.map(({ detail, remedy }) => ({
    plugin,
    detail,
    ...(remedy === undefined ? {} : { remedy }),
    isFinal: kind === "unresolvable",
  }));
}

/** How many rules nothing that ends can satisfy, how many there are at all, and how far it is from them: less is nearer. */
function nearnessOf({ rejections }: RejectedReport): readonly number[] {
  const reasons = rejections.flatMap((one) => one.reasons);
  return [
    rejections.filter(({ kind }) => kind === "unresolvable").length,
    reasons.length,
    reasons.reduce((sum, { distance = 1 }) => sum + distance, 0),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [place, one] of a.entries()) {
    const difference = one - (b[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function byName(a: { readonly nodeName: string }, b: { readonly nodeName: string }): number {
  return a.nodeName < b.nodeName ? -1 : a.nodeName > b.nodeName ? 1 : 0;
}
