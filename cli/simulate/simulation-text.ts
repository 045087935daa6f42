import type { NodeShare, PlacementSimulationStatus } from "../../api/gen/kinds.gen.ts";
import { refusedText } from "../explain/refused-text.ts";
import { formatColumns } from "../output/table.ts";
import { wrapText } from "../output/wrap.ts";

export interface SimulationView {
  /** With the nodes on which nothing changes, and the rules behind refusals. */
  readonly wide: boolean;
}

type Status = PlacementSimulationStatus;

/** The whole answer, for a terminal of 100 columns. */
export function simulationText(status: Status, view: SimulationView): string {
  const parts = [
    wrapText("", `${status.message}.`) + totalsText(status),
    movesText(status.moves),
    preemptionsText(status.preemptions),
    ...status.pending.map((group) => pendingText(group, status.after.nodes, view)),
    nodesText(status.nodes, view),
    status.omitted > 0 ? `${status.omitted} entries are not shown; --limit shows more.\n` : "",
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function totalsText({ before, after }: Status): string {
  return formatColumns([
    ["", "NODES", "IN USE", "PLACED", "WAITING", "CPU", "MEMORY"],
    ...[
      { name: "now", totals: before },
      { name: "then", totals: after },
    ].map(({ name, totals }) => [
      name,
      ...[totals.nodes, totals.usedNodes, totals.placed, totals.pending].map(String),
      percent(totals.cpuShare),
      percent(totals.memoryShare),
    ]),
  ]);
}

function movesText(moves: Status["moves"]): string {
  if (moves.length === 0) return "";
  return formatColumns([
    ["WORKLOAD", "COUNT", "FROM", "TO"],
    ...moves.map((move) => [workloadText(move), String(move.count), move.from ?? "-", move.to ?? "-"]),
  ]);
}

function preemptionsText(preemptions: Status["preemptions"]): string {
  if (preemptions.length === 0) return "";
  return formatColumns([
    ["PREEMPTED", "COUNT", "NODE"],
    ...preemptions.map((one) => [workloadText(one), String(one.count), one.nodeName]),
  ]);
}

function pendingText(group: Status["pending"][number], nodes: number, view: SimulationView): string {
  const { count, wasPending, message, refused } = group;
  const before = wasPending === 0 ? "" : ` (${wasPending} now)`;
  const total = Math.max(
    nodes,
    refused.reduce((sum, one) => sum + one.count, 0),
  );
  return (
    wrapText(
      "",
      `${count} of ${workloadText(group)} ${count === 1 ? "waits" : "wait"}${before}: ${message}`,
    ) + refusedText(refused, total, { wide: view.wide, indent: "  " })
  );
}

function nodesText(nodes: Status["nodes"], { wide }: SimulationView): string {
  const shown = nodes.filter(({ change }) => wide || change !== "None");
  if (shown.length === 0) return "";
  return formatColumns([
    ["NODE", "CHANGE", "INSTANCES", "CPU", "MEMORY"],
    ...shown.map(({ nodeName, change, before, after }) => [
      nodeName,
      change === "None" ? "-" : change.toLowerCase(),
      difference(before, after, ({ instances }) => String(instances)),
      difference(before, after, ({ cpuShare }) => percent(cpuShare)),
      difference(before, after, ({ memoryShare }) => percent(memoryShare)),
    ]),
  ]);
}

function difference(
  before: NodeShare | undefined,
  after: NodeShare | undefined,
  of: (share: NodeShare) => string,
): string {
  const was = before ? of(before) : "-";
  const is = after ? of(after) : "-";
  return was === is ? was : `${was} -> ${is}`;
}

function workloadText({
  kind,
  namespace,
  name,
}: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}): string {
  return `${namespace}/${name} (${kind.replace(/^Wasm/, "").toLowerCase()})`;
}

function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10}%`;
}
