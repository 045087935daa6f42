/**
 * Preemptions per second in memory: search, nomination and the stopping of victims, on nodes that are full of low instances.
 * To compare with, in the same run: every node looked at exactly for every instance, as it would be without estimates.
 */
import { ClusterState } from "../scheduler/core/cluster-state/cluster-state.ts";
import { defaultProfile } from "../scheduler/core/placement/default-profile.ts";
import { profilesOf, type PlacementRequest } from "../scheduler/core/placement/framework.ts";
import { Placer } from "../scheduler/core/placement/placer.ts";
import { preemptorOf, type Occupants } from "../scheduler/core/placement/preemption/preemptor.ts";
import { PreemptionSearch } from "../scheduler/core/placement/preemption/preemption-search.ts";
import {
  chooseVictims,
  compareCosts,
  type VictimChoice,
} from "../scheduler/core/placement/preemption/victims.ts";
import { aCapacity, aNode, anInstance, bound, requirements } from "../scheduler/core/testing/builders.ts";
import { median, type Figure } from "./figure.ts";

interface Cluster {
  readonly nodes: number;
  readonly low: number;
  readonly preemptors: number;
  /** Of each preemptor. */
  readonly cpuMillis: number;
}

const highPriority = 1_000;
/** As in scheduler_perf's PreemptionBasic: low instances of 900m, high ones of 3000m, nodes of 4 cores. */
function fullCluster({ nodes, low, preemptors, ...wanted }: Cluster): ClusterState {
  const state = new ClusterState();
  const perNode = Math.ceil(low / nodes);
  const each = { cpuMillis: Math.floor(4_000 / perNode), memoryBytes: 2 ** 20 };
  for (let i = 0; i < nodes; i++)
    state.upsertNode(aNode(`n${i}`, { allocatable: aCapacity({ cpuMillis: 4_000 }) }), { kind: "connected" });
  for (let i = 0; i < low; i++)
    state.addInstance(
      anInstance(`low${i}`, {
        priority: i % 7,
        requests: each,
        state: bound(`n${i % nodes}`, { startedMs: i }),
      }),
    );
  for (let i = 0; i < preemptors; i++)
    state.addInstance(anInstance(`high${i}`, { priority: highPriority, requests: requestsOf(wanted) }));
  return state;
}

function occupantsOf(state: ClusterState): Occupants {
  return {
    freeableOn: (name) => state.freeableOn(name),
    instancesOn: (name) => state.instancesOn(name),
    nomineesOn: (name) => state.nomineesOn(name),
    tally: () => undefined,
  };
}

function requestsOf({ cpuMillis }: Pick<Cluster, "cpuMillis">) {
  return { cpuMillis, memoryBytes: 500 * 2 ** 20 };
}

function requestOf(state: ClusterState, cluster: Cluster, key = "high/h1"): PlacementRequest {
  return {
    key,
    requirements: requirements({ requests: requestsOf(cluster), ownerUid: "high" }),
    neighbours: state.neighbours,
  };
}

function searchIn(state: ClusterState, placer: Placer, request: PlacementRequest): PreemptionSearch {
  const preemptor = preemptorOf(placer, request, highPriority);
  return new PreemptionSearch(state.snapshot(), preemptor, occupantsOf(state));
}

function aPlacer(): Placer {
  return new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 16 });
}

/** What the engine does with a plan. Returns the victims. */
function carryOut(state: ClusterState, uid: string, search: PreemptionSearch): number {
  const plan = search.next(state.snapshot());
  if (plan === undefined) throw new Error(`no node for ${uid}`);
  for (const victim of plan.victims) state.markStopping(victim.uid);
  state.nominate(uid, plan.nodeName);
  return plan.victims.length;
}

/** All of one request: one search for all of them. */
function measureBatch(cluster: Cluster): number {
  const rates = Array.from({ length: 3 }, () => {
    const state = fullCluster(cluster);
    const placer = aPlacer();
    state.snapshot();
    const beganMs = performance.now();
    const search = searchIn(state, placer, requestOf(state, cluster));
    for (let i = 0; i < cluster.preemptors; i++) carryOut(state, `high${i}`, search);
    return (cluster.preemptors / (performance.now() - beganMs)) * 1000;
  });
  return median(rates);
}

/** Each with a search of its own, as if every one were another request. Milliseconds of each decision. */
function measureSingles(cluster: Cluster): readonly number[] {
  const state = fullCluster(cluster);
  const placer = aPlacer();
  state.snapshot();
  return Array.from({ length: cluster.preemptors }, (_, i) => {
    const beganMs = performance.now();
    carryOut(state, `high${i}`, searchIn(state, placer, requestOf(state, cluster)));
    return performance.now() - beganMs;
  });
}

/** Each of a template of its own, which placement has not seen and finds no node for. */
function measureTemplates(cluster: Cluster): number {
  const state = fullCluster(cluster);
  const placer = aPlacer();
  state.snapshot();
  const beganMs = performance.now();
  for (let i = 0; i < cluster.preemptors; i++) {
    const request = requestOf(state, cluster, `high/${i}`);
    const { nodeNames } = placer.placeBatch(state.snapshot(), request, 1);
    if (nodeNames.length > 0) throw new Error("the nodes are not full");
    carryOut(state, `high${i}`, searchIn(state, placer, request));
  }
  return (cluster.preemptors / (performance.now() - beganMs)) * 1000;
}

function measureByScan(cluster: Cluster): number {
  const state = fullCluster(cluster);
  const placer = aPlacer();
  const occupants = occupantsOf(state);
  const preemptor = preemptorOf(placer, requestOf(state, cluster), highPriority);
  const beganMs = performance.now();
  for (let i = 0; i < cluster.preemptors; i++) {
    const snapshot = state.snapshot();
    let best: VictimChoice | undefined;
    for (let position = 0; position < snapshot.size; position++) {
      // An estimate of the highest priority lets everybody lower take part.
      const choice = chooseVictims(snapshot, position, preemptor, occupants, Number.MAX_VALUE);
      if (choice && (!best || compareCosts(choice.cost, best.cost) < 0)) best = choice;
    }
    if (best === undefined) throw new Error(`no node for high${i}`);
    for (const victim of best.victims) state.markStopping(victim.uid);
    state.nominate(`high${i}`, snapshot.at(best.position).node.name);
  }
  return (cluster.preemptors / (performance.now() - beganMs)) * 1000;
}

export async function run(): Promise<readonly Figure[]> {
  const unit = "preemptions/s";
  const small = { nodes: 500, low: 2_000, preemptors: 500, cpuMillis: 3_000 };
  const large = { nodes: 5_000, low: 30_000, preemptors: 500, cpuMillis: 3_000 };
  const dense = { nodes: 100, low: 200_000, preemptors: 200, cpuMillis: 20 };
  measureSingles(small);
  const singles = measureSingles(large).toSorted((a, b) => a - b);
  const one = measureSingles(small);
  const byScan = measureByScan({ ...small, preemptors: 50 });
  const rateOf = (tookMs: readonly number[]) =>
    (tookMs.length / tookMs.reduce((sum, each) => sum + each, 0)) * 1000;
  return [
    { name: "preemption, 500 nodes x 2,000 low, one request", value: measureBatch(small), unit },
    { name: "preemption, 500 nodes x 2,000 low, one by one", value: rateOf(one), unit },
    { name: "preemption, 500 nodes, each an unknown template", value: measureTemplates(small), unit },
    {
      name: "preemption, one by one against exact look at all nodes",
      value: rateOf(one) / byScan,
      unit: "x",
    },
    { name: "preemption, 5,000 nodes x 30,000 low, one request", value: measureBatch(large), unit },
    { name: "preemption, 5,000 nodes x 30,000 low, one by one", value: rateOf(singles), unit },
    {
      name: "preemption, 5,000 nodes, each an unknown template",
      value: measureTemplates({ ...large, preemptors: 100 }),
      unit,
    },
    { name: "preemption, 5,000 nodes, one decision, median", value: median(singles), unit: "ms" },
    {
      name: "preemption, 5,000 nodes, one decision, 99 of 100",
      value: singles[Math.floor(singles.length * 0.99)] ?? Number.NaN,
      unit: "ms",
    },
    { name: "preemption, 100 nodes x 200,000 low, one by one", value: rateOf(measureSingles(dense)), unit },
  ];
}
