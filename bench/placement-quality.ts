/**
 * How well nodes are chosen, not how fast. Everything is generated from seeds, so these figures are the same on every machine.
 *
 * Packing: nodes in use over an offline lower bound, the larger of what is requested of cpu and of memory in whole nodes. No packing
 * reaches it where instances are large, so one that knows all of them before stands beside it, as do first fit and a random node
 * in use. Once as instances arrive, and once with as many leaving as arriving, where no packing
 * can move what it has placed.
 * Spread: the largest difference between the shares in use of two nodes, and between the instances in two domains.
 */
import { seededRandom, type Random } from "../kit/random.ts";
import { ClusterState } from "../scheduler/core/cluster-state/cluster-state.ts";
import type { PlacementRequirements, Resources, SpreadConstraint } from "../scheduler/core/model.ts";
import { Placer } from "../scheduler/core/placement/placer.ts";
import { defaultConfiguration, toProfiles } from "../scheduler/core/placement/profile-declaration.ts";
import { fits, footprintOf } from "../scheduler/core/resources.ts";
import { aCapacity, aNode, anInstance, requirements } from "../scheduler/core/testing/builders.ts";
import type { Figure } from "./figure.ts";

const mebibyte = 2 ** 20;
/** 8 cores and 16 GiB. */
const capacity = aCapacity({ cpuMillis: 8_000, memoryBytes: 16_384 * mebibyte, instances: 16_000 });
const nodesMax = 500;
const seeds = [1, 2, 3];
const zoneKey = "topology.kubernetes.io/zone";

type Choose = (state: ClusterState, wanted: PlacementRequirements) => string | undefined;
type Trace = (random: Random) => readonly Resources[];

const traces: Readonly<Record<string, Trace>> = {
  "small handlers": (random) => many(6_000, () => sized(random, 60, 100)),
  "half want cpu, half memory": (random) =>
    many(4_000, () => (random.fraction() < 0.5 ? sized(random, 300, 100) : sized(random, 50, 600))),
  "thirty templates, in bursts": (random) => {
    const templates = many(30, () => sized(random, 150, 250));
    return many(200, () => templates[Math.floor(random.fraction() * 30)]).flatMap((template) =>
      template === undefined ? [] : many(1 + Math.floor(random.fraction() * 40), () => template),
    );
  },
  "mostly memory": (random) => many(4_000, () => sized(random, 20, 400)),
  "large: 5 to 50 % of a node": (random) =>
    many(1_000, () => ({
      cpuMillis: Math.round((0.05 + 0.45 * random.fraction()) * capacity.cpuMillis),
      memoryBytes: Math.round((0.05 + 0.45 * random.fraction()) * capacity.memoryBytes),
    })),
};

function many<T>(count: number, make: () => T): readonly T[] {
  return Array.from({ length: count }, make);
}

/** Log-normal around these medians: most are small, a few are not. */
function sized(random: Random, cpuMillis: number, memoryMi: number): Resources {
  const factor = () => {
    const gauss = Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
    return Math.min(16, Math.max(1 / 16, Math.exp(gauss)));
  };
  return {
    cpuMillis: Math.ceil(cpuMillis * factor()),
    memoryBytes: Math.ceil(memoryMi * factor()) * mebibyte,
  };
}

function byProfile(profile: string): Choose {
  const placer = new Placer({ profiles: toProfiles(defaultConfiguration), seed: 0, cachedRequestsMax: 1 });
  return (state, wanted) => {
    const { cpuMillis, memoryBytes } = wanted.requests;
    const request = {
      key: `${cpuMillis}/${memoryBytes}`,
      requirements: { ...wanted, profile },
      neighbours: state.neighbours,
    };
    const placement = placer.place(state.snapshot(), request);
    return placement.kind === "placed" ? placement.nodeName : undefined;
  };
}

function fitting(state: ClusterState, wanted: PlacementRequirements): readonly string[] {
  const footprint = footprintOf(wanted);
  return [...state.nodes()]
    .filter(({ name, allocatable }) => fits(allocatable, state.committedOn(name), footprint))
    .map(({ name }) => name);
}

const firstFit: Choose = (state, wanted) => fitting(state, wanted)[0];

function atRandom(random: Random): Choose {
  return (state, wanted) => one(fitting(state, wanted), random);
}

/** A random one of the nodes in use, and only if none of them fits another one. */
function atRandomInUse(random: Random): Choose {
  return (state, wanted) => {
    const names = fitting(state, wanted);
    const used = names.filter((name) => state.committedOn(name).instances > 0);
    return one(used.length > 0 ? used : names, random);
  };
}

function one<T>(of: readonly T[], random: Random): T | undefined {
  return of[Math.floor(random.fraction() * of.length)];
}

function aCluster(nodes: number): ClusterState {
  const state = new ClusterState();
  for (let i = 0; i < nodes; i++) {
    const name = `n${i}`;
    const labels = { "kubernetes.io/hostname": name, [zoneKey]: `z${i % 7}` };
    state.upsertNode(aNode(name, { allocatable: capacity, labels }), { kind: "connected" });
  }
  return state;
}

function put(state: ClusterState, uid: string, wanted: PlacementRequirements, choose: Choose): void {
  const { requests, labels, ownerUid } = wanted;
  const owner = { kind: "WasmDeployment", name: ownerUid, uid: ownerUid } as const;
  state.addInstance(anInstance(uid, { requests, labels, owner }));
  const nodeName = choose(state, wanted);
  const outcome = nodeName === undefined ? undefined : state.assume(uid, nodeName);
  if (outcome?.kind !== "assumed") throw new Error(`an instance found no node (${outcome?.kind})`);
}

/** Every instance has an owner of its own, so that only its size matters. */
const alone = (uid: string, requests: Resources) => requirements({ requests, ownerUid: uid });

function usedNodes(state: ClusterState): number {
  return [...state.nodes()].filter(({ name }) => state.committedOn(name).instances > 0).length;
}

function lowerBound(trace: readonly Resources[]): number {
  const cpu = trace.reduce((sum, { cpuMillis }) => sum + cpuMillis, 0) / capacity.cpuMillis;
  const memory = trace.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) / capacity.memoryBytes;
  return Math.ceil(Math.max(cpu, memory));
}

function arriving(trace: readonly Resources[], choose: Choose): number {
  const state = aCluster(nodesMax);
  for (const [i, requests] of trace.entries()) put(state, `i${i}`, alone(`i${i}`, requests), choose);
  return usedNodes(state) / lowerBound(trace);
}

/** A third is there at a time; the mean over the last third of arrivals. */
function comingAndGoing(trace: readonly Resources[], choose: Choose, random: Random): number {
  const state = aCluster(nodesMax);
  const third = Math.floor(trace.length / 3);
  const live: { readonly uid: string; readonly requests: Resources }[] = [];
  let sum = 0;
  for (const [i, requests] of trace.entries()) {
    if (live.length >= third) {
      const [gone] = live.splice(Math.floor(random.fraction() * live.length), 1);
      if (gone) state.removeInstance(gone.uid);
    }
    put(state, `i${i}`, alone(`i${i}`, requests), choose);
    live.push({ uid: `i${i}`, requests });
    if (i >= trace.length - third)
      sum += usedNodes(state) / lowerBound(live.map((instance) => instance.requests));
  }
  return sum / third;
}

/**
 * With all instances known before: fills one node after the other, each time with the instance that wants most of what the node has most
 * of. What no scheduler can do, and close to the best that there is.
 */
function offline(trace: readonly Resources[]): number {
  const left = [...trace];
  let nodes = 0;
  while (left.length > 0) {
    nodes++;
    const free = { cpuMillis: capacity.cpuMillis, memoryBytes: capacity.memoryBytes };
    for (let next = bestFor(free, left); next >= 0; next = bestFor(free, left)) {
      const [taken] = left.splice(next, 1);
      free.cpuMillis -= taken?.cpuMillis ?? 0;
      free.memoryBytes -= taken?.memoryBytes ?? 0;
    }
  }
  return nodes / lowerBound(trace);
}

function bestFor(free: Resources, candidates: readonly Resources[]): number {
  let best = -1;
  let bestMatch = -1;
  for (const [place, { cpuMillis, memoryBytes }] of candidates.entries()) {
    if (cpuMillis > free.cpuMillis || memoryBytes > free.memoryBytes) continue;
    const match =
      (cpuMillis * free.cpuMillis) / capacity.cpuMillis ** 2 +
      (memoryBytes * free.memoryBytes) / capacity.memoryBytes ** 2;
    if (match > bestMatch) [best, bestMatch] = [place, match];
  }
  return best;
}

function mean(measure: (random: Random) => number): number {
  return seeds.reduce((sum, seed) => sum + measure(seededRandom(seed)), 0) / seeds.length;
}

function* packing(): Iterable<Figure> {
  const unit = "of the bound";
  for (const [name, trace] of Object.entries(traces)) {
    const over = (choose: (random: Random) => Choose) =>
      mean((random) => arriving(trace(random), choose(random)));
    yield { name: `${name}: pack`, value: over(() => byProfile("pack")), unit };
    yield { name: "  first fit", value: over(() => firstFit), unit };
    yield { name: "  a random node in use", value: over(atRandomInUse), unit };
    yield { name: "  offline, node after node", value: mean((random) => offline(trace(random))), unit };
    const churn = (choose: Choose) => mean((random) => comingAndGoing(trace(random), choose, random));
    yield { name: "  coming and going: pack", value: churn(byProfile("pack")), unit };
    yield { name: "  coming and going: first fit", value: churn(firstFit), unit };
  }
}

/** The largest difference between two nodes' larger shares of cpu and memory, in percent of a node. */
function difference(state: ClusterState): number {
  const shares = [...state.nodes()].map(({ name }) => {
    const { cpuMillis, memoryBytes } = state.committedOn(name);
    return Math.max(cpuMillis / capacity.cpuMillis, memoryBytes / capacity.memoryBytes);
  });
  return 100 * (Math.max(...shares) - Math.min(...shares));
}

function spreading(trace: Trace, nodes: number, chooser: (random: Random) => Choose): number {
  return mean((random) => {
    const state = aCluster(nodes);
    const choose = chooser(random);
    for (const [i, requests] of trace(random).entries())
      put(state, `i${i}`, alone(`i${i}`, requests), choose);
    return difference(state);
  });
}

/** Of a workload over zones of unequal size, on nodes that others have filled unequally. */
function skew(spread: readonly SpreadConstraint[], choose: Choose): number {
  const state = aCluster(100);
  const random = seededRandom(1);
  for (let i = 0; i < 1_000; i++)
    put(state, `o${i}`, alone(`o${i}`, sized(random, 200, 300)), atRandom(random));
  const labels = { app: "web" };
  const requests = { cpuMillis: 10, memoryBytes: 16 * mebibyte };
  let largest = 0;
  for (let i = 0; i < 500; i++) {
    put(state, `w${i}`, requirements({ requests, labels, ownerUid: "web", spread }), choose);
    largest = Math.max(largest, zoneSkew(state));
  }
  return largest;
}

function zoneSkew(state: ClusterState): number {
  const counts = new Map<string, number>();
  const owned = state.neighbours.ownedBy("web");
  for (const { name, labels } of state.nodes()) {
    const zone = labels[zoneKey] ?? "";
    counts.set(zone, (counts.get(zone) ?? 0) + owned.on(name));
  }
  return Math.max(...counts.values()) - Math.min(...counts.values());
}

const evenZones: SpreadConstraint = {
  topologyKey: zoneKey,
  maxSkew: 1,
  isRequired: true,
  selector: { matchLabels: { app: "web" } },
  minDomains: 1,
  honorsNodeAffinity: true,
  honorsTaints: false,
};

export function* run(): Iterable<Figure> {
  yield* packing();
  const small = traces["small handlers"];
  if (small === undefined) return;
  const unit = "% of a node";
  const name = "small handlers on 100 nodes, largest difference";
  yield { name: `${name}: spread`, value: spreading(small, 100, () => byProfile("default")), unit };
  yield { name: "  random", value: spreading(small, 100, atRandom), unit };
  yield {
    name: "500 of one workload over 7 zones, maxSkew 1: largest skew",
    value: skew([evenZones], byProfile("default")),
    unit: "instances",
  };
  yield {
    name: "  preferred only",
    value: skew([{ ...evenZones, isRequired: false }], byProfile("default")),
    unit: "instances",
  };
  yield { name: "  no constraint", value: skew([], byProfile("default")), unit: "instances" };
  yield { name: "  random", value: skew([], atRandom(seededRandom(2))), unit: "instances" };
}
