/**
 * Placements per second in memory: proposal and commit. Three ways in one run: a batch per template, one instance at a
 * time, and, to compare with, every plugin on every node for every instance.
 */
import { ClusterState } from "../scheduler/core/cluster-state/cluster-state.ts";
import { defaultProfile } from "../scheduler/core/placement/default-profile.ts";
import { profilesOf, type PlacementRequest } from "../scheduler/core/placement/framework.ts";
import { viewOf } from "../scheduler/core/placement/framework.ts";
import { Placer } from "../scheduler/core/placement/placer.ts";
import { passes, prepareProfile, totalScore } from "../scheduler/core/placement/prepared-profile.ts";
import { aCapacity, aNode, anInstance, requirements } from "../scheduler/core/testing/builders.ts";

interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

type Propose = (state: ClusterState, uids: readonly string[]) => void;

const request = (state: ClusterState): PlacementRequest => ({
  key: "owner/h1",
  requirements: requirements({ requests: { cpuMillis: 10, memoryBytes: 2 ** 20 } }),
  neighbours: state.neighbours,
});

function commit(state: ClusterState, uid: string, nodeName: string): void {
  const outcome = state.assume(uid, nodeName);
  if (outcome.kind !== "assumed") throw new Error(`placing ${uid} on ${nodeName}: ${outcome.kind}`);
}

const inOneBatch: Propose = (state, uids) => {
  const { nodeNames } = aPlacer().placeBatch(state.snapshot(), request(state), uids.length);
  for (const [i, nodeName] of nodeNames.entries()) commit(state, uids[i]!, nodeName);
};

const oneByOne: Propose = (state, uids) => {
  const placer = aPlacer();
  const wanted = request(state);
  for (const uid of uids) {
    const placement = placer.place(state.snapshot(), wanted);
    if (placement.kind === "placed") commit(state, uid, placement.nodeName);
  }
};

const byScan: Propose = (state, uids) => {
  const wanted = request(state);
  const prepared = prepareProfile(defaultProfile, wanted.requirements, wanted.neighbours);
  for (const uid of uids) {
    const snapshot = state.snapshot();
    const owned = wanted.neighbours.ownedBy(wanted.requirements.ownerUid);
    let best: { readonly name: string; readonly score: number } | undefined;
    for (let position = 0; position < snapshot.size; position++) {
      const node = snapshot.at(position);
      const view = viewOf(node, owned.on(node.node.name));
      if (!passes(prepared.nodeFilters, view) || !passes(prepared.allocationFilters, view)) continue;
      const score = totalScore(prepared, view);
      if (best === undefined || score > best.score) best = { name: node.node.name, score };
    }
    if (best !== undefined) commit(state, uid, best.name);
  }
};

function aPlacer(): Placer {
  return new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 16 });
}

/** Placements per second, the median of three fresh clusters. */
function measure(nodes: number, instances: number, propose: Propose): number {
  const rates = Array.from({ length: 3 }, () => {
    const state = new ClusterState();
    for (let i = 0; i < nodes; i++)
      state.upsertNode(aNode(`n${i}`, { allocatable: aCapacity() }), { kind: "connected" });
    const uids = Array.from({ length: instances }, (_, i) => `i${i}`);
    for (const uid of uids)
      state.addInstance(anInstance(uid, { requests: { cpuMillis: 10, memoryBytes: 2 ** 20 } }));
    const beganMs = performance.now();
    propose(state, uids);
    const tookMs = performance.now() - beganMs;
    const unplaced = [...state.pending()].length;
    if (unplaced > 0) throw new Error(`${unplaced} of ${instances} instances found no node`);
    return (instances / tookMs) * 1000;
  });
  return rates.toSorted((a, b) => a - b)[1] ?? 0;
}

/** 10,000 instances of a template that no node takes: the first pays for the verdict. */
function measureUnplaceable(nodes: number, instances: number): number {
  const state = new ClusterState();
  for (let i = 0; i < nodes; i++) state.upsertNode(aNode(`n${i}`), { kind: "connected" });
  const wanted = { ...request(state), requirements: requirements({ nodeSelector: { zone: "none" } }) };
  const placer = aPlacer();
  const beganMs = performance.now();
  for (let i = 0; i < instances; i++) placer.place(state.snapshot(), wanted);
  return (instances / (performance.now() - beganMs)) * 1000;
}

export async function run(): Promise<readonly Measurement[]> {
  const unit = "placements/s";
  const scan = measure(1_000, 1_000, byScan);
  const batch = measure(1_000, 10_000, inOneBatch);
  const single = measure(1_000, 10_000, oneByOne);
  return [
    { name: "placement, 1,000 nodes x 10,000 instances, one batch", value: batch, unit },
    { name: "placement, 1,000 nodes x 10,000 instances, one by one", value: single, unit },
    { name: "placement, 1,000 nodes, scan of all nodes per instance", value: scan, unit },
    { name: "placement, one batch against scan", value: batch / scan, unit: "x" },
    { name: "placement, one by one against scan", value: single / scan, unit: "x" },
    {
      name: "placement, 5,000 nodes x 30,000 instances, one by one",
      value: measure(5_000, 30_000, oneByOne),
      unit,
    },
    {
      name: "placement, one by one, 10,000 nodes against 100 nodes",
      value: measure(10_000, 10_000, oneByOne) / measure(100, 10_000, oneByOne),
      unit: "x",
    },
    {
      name: "placement, 5,000 nodes x 10,000 unplaceable instances",
      value: measureUnplaceable(5_000, 10_000),
      unit: "verdicts/s",
    },
  ];
}
