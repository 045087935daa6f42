/** What a simulation has changed, counted by workload and by node. */
import type { PlacementSimulationStatus } from "../../../api/gen/kinds.gen.ts";
import type { NodeSnapshot } from "../../core/placement/snapshot.ts";
import type { Census } from "./census.ts";

type Status = PlacementSimulationStatus;
export type Move = Status["moves"][number];
type NodeChange = Status["nodes"][number];
type Share = NonNullable<NodeChange["before"]>;

/**
 * Instances of one workload are alike: what a node has lost and another gained has moved. The most numerous moves come
 * first.
 */
export function movesBetween(before: Census, after: Census): readonly Move[] {
  const uids = new Set([...before.workloads.keys(), ...after.workloads.keys()]);
  const moves: Move[] = [];
  for (const uid of uids) {
    const was = before.workloads.get(uid);
    const is = after.workloads.get(uid);
    const { kind, namespace, name } = was ?? is ?? nobody;
    for (const pair of pairs(was?.perNode ?? nowhere, is?.perNode ?? nowhere))
      moves.push({ kind, namespace, name, ...pair });
  }
  return moves.sort(
    (a, b) =>
      b.count - a.count ||
      compare(a.name, b.name) ||
      compare(a.from ?? "", b.from ?? "") ||
      compare(a.to ?? "", b.to ?? ""),
  );
}

const nowhere: ReadonlyMap<string, number> = new Map();
const nobody = { kind: "", namespace: "", name: "" };

interface Pair {
  readonly from?: string;
  readonly to?: string;
  readonly count: number;
}

function pairs(was: ReadonlyMap<string, number>, is: ReadonlyMap<string, number>): readonly Pair[] {
  const lost = surplus(was, is);
  const gained = surplus(is, was);
  const found: Pair[] = [];
  let place = 0;
  for (const source of lost) {
    for (let target = gained[place]; target && source.left > 0; target = gained[place]) {
      const count = Math.min(source.left, target.left);
      found.push({ from: source.node, to: target.node, count });
      source.left -= count;
      target.left -= count;
      if (target.left === 0) place++;
    }
    if (source.left > 0) found.push({ from: source.node, count: source.left });
  }
  for (const { node, left } of gained) if (left > 0) found.push({ to: node, count: left });
  return found;
}

/** What there is more of in one than in the other, by the names of nodes. */
function surplus(
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): { readonly node: string; left: number }[] {
  return [...one]
    .map(([node, count]) => ({ node, left: count - (other.get(node) ?? 0) }))
    .filter(({ left }) => left > 0)
    .sort((a, b) => compare(a.node, b.node));
}

export function totalsOf({ nodes, placed, pending }: Census): Status["before"] {
  const views = [...nodes.values()];
  const usable = views.filter(({ node }) => node.connection.kind === "connected" && !node.unschedulable);
  const sum = (of: (view: NodeSnapshot) => number) => views.reduce((all, one) => all + of(one), 0);
  return {
    nodes: usable.length,
    usedNodes: views.filter(({ committed }) => committed.instances > 0).length,
    placed,
    pending: pending.length,
    cpuShare: share(
      sum(({ committed }) => committed.cpuMillis),
      sum(({ node }) => node.allocatable.cpuMillis),
    ),
    memoryShare: share(
      sum(({ committed }) => committed.memoryBytes),
      sum(({ node }) => node.allocatable.memoryBytes),
    ),
  };
}

/** Those that change most come first. */
export function nodeChanges(before: Census, after: Census): readonly NodeChange[] {
  const names = new Set([...before.nodes.keys(), ...after.nodes.keys()]);
  const changes = Array.from(names, (nodeName): NodeChange => {
    const was = before.nodes.get(nodeName);
    const is = after.nodes.get(nodeName);
    return {
      nodeName,
      change: changeOf(was, is),
      ...(was ? { before: shareOf(was) } : {}),
      ...(is ? { after: shareOf(is) } : {}),
    };
  });
  return changes.sort((a, b) => sizeOf(b) - sizeOf(a) || compare(a.nodeName, b.nodeName));
}

function changeOf(was: NodeSnapshot | undefined, is: NodeSnapshot | undefined): NodeChange["change"] {
  if (was === undefined) return "Added";
  if (is === undefined) return "Removed";
  if (is.node.unschedulable && !was.node.unschedulable) return "Drained";
  const difference = is.committed.instances - was.committed.instances;
  return difference > 0 ? "Filled" : difference < 0 ? "Emptied" : "None";
}

/** By instances; a node that comes, goes or is cordoned is news even if it holds nothing. */
function sizeOf({ change, before, after }: NodeChange): number {
  const difference = Math.abs((after?.instances ?? 0) - (before?.instances ?? 0));
  return difference + (change === "Added" || change === "Removed" || change === "Drained" ? 0.5 : 0);
}

function shareOf({ node: { allocatable }, committed }: NodeSnapshot): Share {
  return {
    instances: committed.instances,
    cpuShare: share(committed.cpuMillis, allocatable.cpuMillis),
    memoryShare: share(committed.memoryBytes, allocatable.memoryBytes),
  };
}

/** Four digits: more mean nothing. */
function share(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 10_000) / 10_000 : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
