/**
 * Placements per second of processor time, in memory: queue, proposal and commit, as the engine does them, in the mix of Kubernetes'
 * scheduler_perf. The baseline in the same run is every plugin on every node for every instance.
 *
 * What kube-scheduler 1.36 does on such a machine was measured once: 125 to 200 per second at 5,000 nodes. The ratios are against
 * the better of the two.
 */
import { ClusterState } from "../scheduler/core/cluster-state/cluster-state.ts";
import type { InstanceAffinity, PlacementRequirements, SpreadConstraint } from "../scheduler/core/model.ts";
import { noAffinity, noClaims } from "../scheduler/core/model.ts";
import { defaultProfile } from "../scheduler/core/placement/default-profile.ts";
import { profilesOf, viewOf, type PlacementRequest } from "../scheduler/core/placement/framework.ts";
import { Placer } from "../scheduler/core/placement/placer.ts";
import { passes, prepareProfile, totalScore } from "../scheduler/core/placement/prepared-profile.ts";
import { PlacementQueue } from "../scheduler/core/placement/queue.ts";
import {
  aCapacity,
  aNode,
  anInstance,
  aQuotaSubject,
  requirements,
} from "../scheduler/core/testing/builders.ts";
import { median, type Figure } from "./figure.ts";

const kubeSchedulerPerSecond = 200;
const nodes = 5_000;
const instances = 30_000;
const zones = 10;
const rounds = 3;
const warmUps = 100;
const firstPlacements = 400;
const zoneKey = "topology.kubernetes.io/zone";
const hostKey = "kubernetes.io/hostname";
const requests = { cpuMillis: 10, memoryBytes: 2 ** 20 };

/** Instances of one template that are to be placed. */
interface Group {
  readonly name: string;
  readonly count: number;
  readonly requirements?: Partial<PlacementRequirements>;
  /** Each may have one node only, another one each: a daemon set. */
  readonly isTargeted?: boolean;
}

interface Case {
  readonly name: string;
  /** Placed before the clock starts. */
  readonly before?: readonly Group[];
  readonly groups: readonly Group[];
  /** Of the last group none finds a place, and the others must not be held up. */
  readonly unplaceable?: number;
}

const labels = (app: string) => ({ app });
const withAffinity = (app: string, affinity: Partial<InstanceAffinity>) => ({
  labels: labels(app),
  claims: { ...noClaims, affinity: { ...noAffinity, ...affinity } },
});
const selects = (app: string, topologyKey: string) => ({
  topologyKey,
  namespaces: ["default"],
  labelSelector: { matchLabels: labels(app) },
});
const spreadOver = (topologyKey: string, isRequired: boolean): SpreadConstraint => ({
  topologyKey,
  isRequired,
  maxSkew: topologyKey === hostKey ? 1 : 5,
  selector: { matchLabels: labels("spread") },
  minDomains: 1,
  honorsNodeAffinity: true,
  honorsTaints: false,
});

const cases: readonly Case[] = [
  { name: "basic", groups: [{ name: "basic", count: instances }] },
  {
    name: "a thousand templates",
    groups: Array.from({ length: 1_000 }, (_, i) => ({ name: `t${i}`, count: instances / 1_000 })),
  },
  {
    name: "anti-affinity by host, one a node",
    groups: [
      {
        name: "apart",
        count: 4_500,
        requirements: withAffinity("apart", { apart: [selects("apart", hostKey)] }),
      },
    ],
  },
  {
    name: "spread over zones and hosts",
    groups: [
      {
        name: "spread",
        count: instances,
        requirements: {
          labels: labels("spread"),
          spread: [spreadOver(zoneKey, true), spreadOver(hostKey, true)],
        },
      },
    ],
  },
  {
    name: "spread preferred",
    groups: [
      {
        name: "spread",
        count: instances,
        requirements: {
          labels: labels("spread"),
          spread: [spreadOver(zoneKey, false), spreadOver(hostKey, false)],
        },
      },
    ],
  },
  {
    name: "affinity by zone",
    groups: [
      {
        name: "near",
        count: instances,
        requirements: withAffinity("near", { near: [selects("near", zoneKey)] }),
      },
    ],
  },
  {
    name: "affinity preferred, by host, to others",
    before: [{ name: "friend", count: 1_000, requirements: { labels: labels("friend") } }],
    groups: [
      {
        name: "likes",
        count: instances,
        requirements: withAffinity("likes", {
          preferred: [{ weight: 1, term: selects("friend", hostKey) }],
        }),
      },
    ],
  },
  {
    name: "ten daemon sets",
    groups: Array.from({ length: 10 }, (_, i) => ({ name: `d${i}`, count: nodes, isTargeted: true })),
  },
  {
    name: "a daemon set apart from others by host",
    before: [{ name: "other", count: 100, requirements: { labels: labels("other") } }],
    groups: [
      {
        name: "d",
        count: 4_000,
        isTargeted: true,
        requirements: withAffinity("d", { apart: [selects("nobody", hostKey)] }),
      },
    ],
  },
  {
    name: "basic beside others that have no place",
    unplaceable: 5_000,
    groups: [
      { name: "basic", count: instances },
      { name: "nowhere", count: 5_000, requirements: { nodeSelector: { zone: "none" } } },
    ],
  },
];

/** Processor time of this thread, on which all of it runs: what else the machine does is not in it. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function aPlacer(): Placer {
  return new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 1_000 });
}

function aCluster(size: number): ClusterState {
  const state = new ClusterState();
  for (let i = 0; i < size; i++) {
    const name = `n${i}`;
    const node = aNode(name, {
      allocatable: aCapacity(),
      labels: { [hostKey]: name, [zoneKey]: `z${i % zones}` },
    });
    state.upsertNode(node, { kind: "connected" });
  }
  return state;
}

/** The engine's way, without sessions: a queue hands out batches, a placer proposes, the state commits. */
class Scheduler {
  readonly #state: ClusterState;
  readonly #placer = aPlacer();
  readonly #queue: PlacementQueue;
  #uids = 0;

  constructor(state: ClusterState) {
    this.#state = state;
    this.#queue = new PlacementQueue({
      backoff: { initialMs: 1_000, factor: 2, maxMs: 10_000 },
      mayHelp: () => false,
    });
  }

  add({ name, count, requirements: overrides = {}, isTargeted = false }: Group): void {
    const wanted = requirements({ requests, ownerUid: name, ...overrides });
    const owner = { kind: "WasmDeployment", name, uid: name } as const;
    for (let i = 0; i < count; i++) {
      const uid = `i${this.#uids++}`;
      const { labels: given, claims } = wanted;
      this.#state.addInstance(
        anInstance(uid, { requests, owner, labels: given, claims, templateHash: name }),
      );
      this.#queue.add(uid, {
        key: name,
        requirements: wanted,
        targetNode: isTargeted ? `n${i}` : undefined,
        priority: 0,
        preempts: true,
        isGang: false,
        quota: aQuotaSubject(),
      });
    }
  }

  run(batchSizeMax: number): void {
    const state = this.#state;
    for (let batch = this.#queue.take(batchSizeMax, 0); batch; batch = this.#queue.take(batchSizeMax, 0)) {
      const { key, requirements: wanted, targetNode } = batch.request;
      const { neighbours } = state;
      const request: PlacementRequest = { key, requirements: wanted, neighbours, targetNode };
      const { nodeNames, explanation } = this.#placer.placeBatch(
        state.snapshot(),
        request,
        batch.uids.length,
      );
      for (const [i, nodeName] of nodeNames.entries()) commit(state, batch.uids[i] ?? "", nodeName);
      const unplaceable = batch.uids.slice(nodeNames.length);
      this.#queue.close(batch, { unplaceable, explanation, rejected: [] }, 0);
    }
  }
}

function commit(state: ClusterState, uid: string, nodeName: string): void {
  const outcome = state.assume(uid, nodeName);
  if (outcome.kind !== "assumed") throw new Error(`placing ${uid} on ${nodeName}: ${outcome.kind}`);
}

/** Placements per second, the median of fresh clusters. */
function rateOf(what: Case, size: number, batchSizeMax: number): number {
  const count = what.groups.reduce((sum, group) => sum + group.count, 0) - (what.unplaceable ?? 0);
  const rates = Array.from({ length: rounds }, () => {
    const state = aCluster(size);
    const scheduler = new Scheduler(state);
    for (const group of what.before ?? []) scheduler.add(group);
    scheduler.run(batchSizeMax);
    for (const group of what.groups) scheduler.add(group);
    const beganMs = cpuMs();
    scheduler.run(batchSizeMax);
    const tookMs = cpuMs() - beganMs;
    const unplaced = [...state.pending()].length;
    if (unplaced !== (what.unplaceable ?? 0)) throw new Error(`${what.name}: ${unplaced} found no node`);
    return (count / tookMs) * 1000;
  });
  return median(rates);
}

/** Every plugin on every node for every instance. */
function scanRate(size: number, count: number): number {
  const state = aCluster(size);
  new Scheduler(state).add({ name: "scan", count });
  const wanted = requirements({ requests, ownerUid: "scan" });
  const { neighbours } = state;
  const prepared = prepareProfile(defaultProfile, wanted, neighbours);
  const beganMs = cpuMs();
  for (const { uid } of Array.from(state.pending())) {
    const snapshot = state.snapshot();
    const owned = neighbours.ownedBy(wanted.ownerUid);
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
  return (count / (cpuMs() - beganMs)) * 1000;
}

/** Milliseconds for one placement of a template that nothing is known of: all nodes are looked at. The mean of many: the clock of a thread is coarse. */
function firstPlacementMs(size: number, overrides: Partial<PlacementRequirements>): number {
  const state = aCluster(size);
  const placer = aPlacer();
  const placeNew = (name: string) => {
    const wanted = requirements({ requests, ownerUid: name, ...overrides });
    placer.place(state.snapshot(), { key: name, requirements: wanted, neighbours: state.neighbours });
  };
  for (let i = 0; i < warmUps; i++) placeNew(`warm${i}`);
  const beganMs = cpuMs();
  for (let i = 0; i < firstPlacements; i++) placeNew(`new${i}`);
  return (cpuMs() - beganMs) / firstPlacements;
}

export async function* run(): AsyncIterable<Figure> {
  const unit = "placements/s";
  for (const what of cases) {
    const rate = rateOf(what, nodes, 500);
    yield { name: `${what.name}: ${nodes} nodes`, value: rate, unit };
    yield {
      name: "  of kube-scheduler's 200 per second there",
      value: rate / kubeSchedulerPerSecond,
      unit: "times",
    };
  }
  const [basic] = cases;
  if (basic === undefined) return;
  const scan = scanRate(1_000, 1_000);
  yield { name: "scan of all nodes for each instance, 1,000 nodes", value: scan, unit };
  yield { name: "  basic against it, in batches", value: rateOf(basic, 1_000, 500) / scan, unit: "times" };
  yield { name: "  basic against it, one by one", value: rateOf(basic, 1_000, 1) / scan, unit: "times" };
  const few = rateOf(basic, 100, 500);
  yield { name: "basic, 10,000 nodes against 100", value: rateOf(basic, 10_000, 500) / few, unit: "times" };
  const [, , apart, spread] = cases;
  for (const [what, group] of [
    ["basic", basic.groups[0]],
    ["anti-affinity", apart?.groups[0]],
    ["spread", spread?.groups[0]],
  ] as const)
    yield {
      name: `first placement of a template (${what}), looking at ${nodes} nodes`,
      value: firstPlacementMs(nodes, group?.requirements ?? {}),
      unit: "ms",
    };
}
