import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ClusterState } from "../../cluster-state/cluster-state.ts";
import {
  type ClusterNode,
  type Instance,
  noAffinity,
  noClaims,
  type PlacementRequirements,
} from "../../model.ts";
import { aCapacity, aNode, anInstance, bound, requirements, stopping } from "../../testing/builders.ts";
import { defaultProfile } from "../default-profile.ts";
import { profilesOf, type PlacementRequest } from "../framework.ts";
import { Placer } from "../placer.ts";
import { preemptorOf, type Occupants } from "./preemptor.ts";
import { PreemptionSearch, type PreemptionPlan, type SearchExtent } from "./preemption-search.ts";
import { chooseVictims, compareCosts } from "./victims.ts";

const fourCpus = { allocatable: aCapacity({ cpuMillis: 4_000 }) };

function clusterOf(nodes: readonly ClusterNode[], instances: readonly Instance[]): ClusterState {
  const state = new ClusterState();
  for (const node of nodes) state.upsertNode(node, node.connection);
  for (const instance of instances) state.addInstance(instance);
  return state;
}

/** An instance of its own workload that takes so much cpu. */
function low(uid: string, nodeName: string, cpuMillis: number, overrides: Partial<Instance> = {}): Instance {
  return anInstance(uid, {
    owner: { kind: "WasmDeployment", name: "low", uid: "low" },
    requests: { cpuMillis, memoryBytes: 0 },
    state: bound(nodeName, { startedMs: 1_000 }),
    ...overrides,
  });
}

function requestOf(state: ClusterState, overrides: Partial<PlacementRequirements> = {}): PlacementRequest {
  return {
    key: "high/h1",
    requirements: requirements({
      requests: { cpuMillis: 2_000, memoryBytes: 0 },
      ownerUid: "high",
      ...overrides,
    }),
    neighbours: state.neighbours,
  };
}

function nominated(nodeName: string): Instance["state"] {
  return { kind: "pending", reason: "", message: "", nominatedNode: nodeName };
}

interface Asked {
  readonly request?: Partial<PlacementRequirements>;
  readonly priority?: number;
  readonly mayDisrupt?: (instance: Instance) => boolean;
}

function searchIn(
  state: ClusterState,
  { request, priority = 100, mayDisrupt = () => true }: Asked = {},
  extent?: SearchExtent,
) {
  const placer = new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 4 });
  const occupants = occupantsOf(state, mayDisrupt);
  const preemptor = preemptorOf(placer, requestOf(state, request), priority);
  return new PreemptionSearch(state.snapshot(), preemptor, occupants, extent);
}

function occupantsOf(state: ClusterState, mayDisrupt: (instance: Instance) => boolean): Occupants {
  return {
    freeableOn: (name) => state.freeableOn(name),
    instancesOn: (name) => state.instancesOn(name),
    nomineesOn: (name) => state.nomineesOn(name),
    tally: () => ({ isGuarded: () => true, take: mayDisrupt }),
  };
}

function shown(plan: PreemptionPlan | undefined): string {
  if (plan === undefined) return "none";
  const names = (instances: readonly Instance[]) => instances.map(({ uid }) => uid).sort();
  const parts = [
    `stops ${names(plan.victims).join(",") || "nobody"}`,
    ...(plan.displaced.length > 0 ? [`displaces ${names(plan.displaced).join(",")}`] : []),
    ...(plan.stopping.length > 0 ? [`waits for ${names(plan.stopping).join(",")}`] : []),
  ];
  return `${plan.nodeName}: ${parts.join(", ")}`;
}

const ab = [aNode("a", fourCpus), aNode("b", fourCpus)];
const hosts = ["a", "b"].map((name) => aNode(name, { ...fourCpus, labels: { host: name } }));
const apartFromNoisy = {
  ...noClaims,
  affinity: {
    ...noAffinity,
    apart: [
      { topologyKey: "host", namespaces: ["default"], labelSelector: { matchLabels: { app: "noisy" } } },
    ],
  },
};
const apartFromHigh = [
  { topologyKey: "host", namespaces: ["default"], labelSelector: { matchLabels: { app: "high" } } },
];
const evenly = {
  topologyKey: "host",
  maxSkew: 1,
  isRequired: true,
  selector: { matchLabels: { app: "high" } },
  minDomains: 1,
  honorsNodeAffinity: true,
  honorsTaints: false,
};
const noisy = { labels: { app: "noisy" }, owner: { kind: "WasmJob", name: "noisy", uid: "noisy" } } as const;
const camera = { ...noClaims, extended: new Map([["camera", 1]]) };
const withCamera = { allocatable: aCapacity({ cpuMillis: 4_000, extended: new Map([["camera", 2]]) }) };

test.each<{
  readonly name: string;
  readonly nodes?: readonly ClusterNode[];
  readonly instances: readonly Instance[];
  readonly asked?: Asked;
  readonly expected: string;
}>([
  {
    name: "nobody is lower",
    instances: [low("x", "a", 4_000, { priority: 100 })],
    expected: "b: stops nobody",
  },
  {
    name: "equals are not victims",
    instances: [low("x", "a", 4_000, { priority: 100 }), low("y", "b", 4_000, { priority: 100 })],
    expected: "none",
  },
  {
    name: "the lowest highest victim, even if there are more of them",
    instances: [
      low("x", "a", 4_000, { priority: 50 }),
      ...["p", "q", "r", "s"].map((uid) => low(uid, "b", 1_000, { priority: 10 })),
    ],
    expected: "b: stops r,s",
  },
  {
    name: "the smaller sum of priorities among equal highest ones",
    instances: [
      low("w", "a", 2_000, { priority: 9 }),
      low("x", "a", 2_000, { priority: 8 }),
      low("y", "b", 2_000, { priority: 9 }),
      low("z", "b", 2_000, { priority: 1 }),
    ],
    asked: { request: { requests: { cpuMillis: 4_000, memoryBytes: 0 } } },
    expected: "b: stops y,z",
  },
  {
    name: "negative priorities count, too: fewer rather than more",
    instances: [
      ...["p", "q"].map((uid) => low(uid, "a", 2_000, { priority: -10 })),
      low("y", "b", 4_000, { priority: -10 }),
    ],
    asked: { request: { requests: { cpuMillis: 4_000, memoryBytes: 0 } }, priority: 0 },
    expected: "b: stops y",
  },
  {
    name: "those that began last",
    instances: [
      low("x", "a", 4_000, { state: bound("a", { startedMs: 1_000 }) }),
      low("y", "b", 4_000, { state: bound("b", { startedMs: 2_000 }) }),
    ],
    expected: "b: stops y",
  },
  {
    name: "of one node the lowest and the youngest, and no more than needed",
    nodes: [aNode("a", fourCpus)],
    instances: [
      low("old", "a", 1_000, { state: bound("a", { startedMs: 1_000 }) }),
      low("young", "a", 1_000, { state: bound("a", { startedMs: 9_000 }) }),
      low("lower", "a", 1_000, { priority: -1 }),
      low("higher", "a", 1_000, { priority: 50 }),
    ],
    expected: "a: stops lower,young",
  },
  {
    name: "one large in place of many small, where that suffices",
    nodes: [aNode("a", fourCpus)],
    instances: [
      low("large", "a", 2_000, { state: bound("a", { startedMs: 9_000 }) }),
      ...["p", "q", "r", "s"].map((uid) => low(uid, "a", 500)),
    ],
    expected: "a: stops large",
  },
  {
    name: "what stops already is waited for, and nobody else goes",
    instances: [low("x", "a", 4_000), low("y", "b", 4_000, { state: stopping("b") })],
    expected: "b: stops nobody, waits for y",
  },
  {
    name: "what stops of the same priority is waited for just as well",
    instances: [low("x", "a", 4_000), low("y", "b", 4_000, { priority: 100, state: stopping("b") })],
    expected: "b: stops nobody, waits for y",
  },
  {
    name: "a lower nominee costs nothing",
    instances: [
      low("x", "a", 4_000),
      low("y", "b", 2_000, { priority: 200 }),
      low("n", "b", 2_000, { priority: 50, state: nominated("b") }),
    ],
    expected: "b: stops nobody, displaces n",
  },
  {
    name: "an equal nominee keeps its place",
    instances: [
      low("x", "a", 4_000),
      low("y", "b", 2_000, { priority: 200 }),
      low("n", "b", 2_000, { priority: 100, state: nominated("b") }),
    ],
    expected: "a: stops x",
  },
  {
    name: "a node that the rules about nodes refuse is no candidate, however cheap",
    nodes: [
      aNode("a", { ...fourCpus, unschedulable: true }),
      aNode("c", { ...fourCpus, labels: { zone: "y" } }),
      aNode("b", { ...fourCpus, labels: { zone: "x" } }),
    ],
    instances: [
      low("x", "a", 4_000, { priority: -5 }),
      low("z", "c", 4_000, { priority: -5 }),
      low("y", "b", 4_000),
    ],
    asked: { request: { nodeSelector: { zone: "x" } } },
    expected: "b: stops y",
  },
  {
    name: "a node that is too small, whoever goes",
    nodes: [aNode("a", { allocatable: aCapacity({ cpuMillis: 1_500 }) })],
    instances: [low("x", "a", 1_500)],
    expected: "none",
  },
  {
    name: "capacities that are no numbers",
    nodes: [aNode("a", { allocatable: aCapacity({ cpuMillis: Number.NaN }) }), aNode("b", fourCpus)],
    instances: [low("x", "a", 10), low("y", "b", 4_000)],
    expected: "b: stops y",
  },
  {
    name: "room for instances counts as well as cpu",
    nodes: [aNode("a", { allocatable: aCapacity({ instances: 2 }) })],
    instances: [low("x", "a", 1, { priority: 3 }), low("y", "a", 1, { priority: 2 })],
    expected: "a: stops y",
  },
  {
    name: "who has the device goes, not who is lower",
    nodes: [aNode("a", withCamera)],
    instances: [
      low("x", "a", 10, { priority: 1, claims: camera }),
      low("y", "a", 10, { priority: 2, claims: camera }),
      low("z", "a", 10, { priority: 0 }),
    ],
    asked: { request: { claims: camera, requests: { cpuMillis: 10, memoryBytes: 0 } } },
    expected: "a: stops x",
  },
  {
    name: "whom it is to be apart from goes, though there is room",
    nodes: hosts,
    instances: [
      low("x", "a", 10, { ...noisy, priority: 1 }),
      low("z", "a", 10, { priority: 0 }),
      low("y", "b", 4_000, { priority: 50 }),
    ],
    asked: { request: { claims: apartFromNoisy } },
    expected: "a: stops x",
  },
  {
    name: "where an equal is from which it is to be apart, stopping others is in vain",
    nodes: hosts,
    instances: [
      low("x", "a", 10, { ...noisy, priority: 100 }),
      low("z", "a", 4_000, { priority: 0 }),
      low("y", "b", 4_000, { priority: 50 }),
    ],
    asked: { request: { claims: apartFromNoisy } },
    expected: "b: stops y",
  },
  {
    name: "a lower nominee that is to be apart from it loses its place",
    nodes: hosts,
    instances: [
      low("n", "a", 10, {
        ...noisy,
        labels: {},
        claims: { ...noClaims, affinity: { ...noAffinity, apart: apartFromHigh } },
        state: nominated("a"),
      }),
      low("y", "b", 4_000, { priority: 50 }),
    ],
    asked: { request: { labels: { app: "high" } } },
    expected: "a: stops nobody, displaces n",
  },
  {
    name: "who makes the spread uneven goes",
    nodes: hosts,
    instances: [
      low("x", "a", 10, { ...noisy, labels: { app: "high" }, priority: 1 }),
      low("y", "b", 3_990, { priority: 50 }),
    ],
    asked: { request: { labels: { app: "high" }, spread: [evenly] } },
    expected: "a: stops x",
  },
  {
    name: "budgets before priorities",
    instances: [low("x", "a", 4_000, { priority: 1 }), low("y", "b", 4_000, { priority: 50 })],
    asked: { mayDisrupt: ({ uid }) => uid !== "x" },
    expected: "b: stops y",
  },
  {
    name: "within a node those without a budget in the way",
    nodes: [aNode("a", fourCpus)],
    instances: [low("x", "a", 2_000, { priority: 1 }), low("y", "a", 2_000, { priority: 50 })],
    asked: { mayDisrupt: ({ uid }) => uid !== "x" },
    expected: "a: stops y",
  },
  {
    name: "a violated budget rather than none at all",
    nodes: [aNode("a", fourCpus)],
    instances: [low("x", "a", 4_000)],
    asked: { mayDisrupt: () => false },
    expected: "a: stops x",
  },
])("PreemptionSearch: $name", ({ nodes = ab, instances, asked, expected }) => {
  const state = clusterOf(nodes, instances);
  expect(shown(searchIn(state, asked).next(state.snapshot()))).toBe(expected);
});

test("PreemptionSearch: several plans in one pass never count the same room twice", () => {
  const nodes = ["a", "b", "c"].map((name) => aNode(name, fourCpus));
  const instances = nodes.flatMap(({ name }) =>
    [1, 2, 3, 4].map((n) => low(`${name}${n}`, name, 1_000, { priority: n })),
  );
  const waiting = Array.from({ length: 8 }, (_, n) =>
    anInstance(`high${n}`, { priority: 100, requests: { cpuMillis: 2_000, memoryBytes: 0 } }),
  );
  const state = clusterOf(nodes, [...instances, ...waiting]);
  const search = searchIn(state);
  const plans: string[] = [];
  for (const { uid } of waiting) {
    const plan = search.next(state.snapshot());
    plans.push(shown(plan));
    if (plan === undefined) break;
    for (const victim of plan.victims) state.markStopping(victim.uid);
    state.nominate(uid, plan.nodeName);
  }
  expect(plans).toEqual([
    "a: stops a1,a2",
    "b: stops b1,b2",
    "c: stops c1,c2",
    "a: stops a3,a4, waits for a1,a2",
    "b: stops b3,b4, waits for b1,b2",
    "c: stops c3,c4, waits for c1,c2",
    "none",
  ]);
});

const anOccupant = fc.record({
  nodeName: fc.constantFrom("a", "b", "c"),
  cpuMillis: fc.integer({ min: 0, max: 3_000 }),
  priority: fc.integer({ min: -3, max: 3 }),
  kind: fc.constantFrom("bound", "bound", "bound", "stopping", "nominated"),
  hasCamera: fc.boolean(),
});

test("PreemptionSearch: stops after so many nodes in vain, and goes on behind them", () => {
  const nodes = ["a", "b", "c", "d", "e"].map((name) => aNode(name, withCamera));
  // Everywhere but on the last node the cameras are with equals.
  const instances = nodes.flatMap(({ name }, n) =>
    [1, 2].map((at) => low(`${name}${at}`, name, 10, { claims: camera, priority: n < 4 ? 100 : 1 })),
  );
  const state = clusterOf(nodes, instances);
  const asked: Asked = { request: { claims: camera, requests: { cpuMillis: 10, memoryBytes: 0 } } };
  const seen: string[] = [];
  let skipped = 0;
  for (let attempt = 0; attempt < 3; attempt++) {
    const search = searchIn(state, asked, { skipped, looksMax: 2 });
    seen.push(`${shown(search.next(state.snapshot()))} (${search.isCutShort ? "cut short" : "all"})`);
    skipped = search.looked;
  }
  expect(seen).toEqual(["none (cut short)", "none (cut short)", "e: stops e2 (all)"]);
});

test("PreemptionSearch: whatever is there, its plan makes room, stops nobody in vain, and no equals", () => {
  fc.assert(
    fc.property(
      fc.array(anOccupant, { maxLength: 20 }),
      fc.integer({ min: -3, max: 4 }),
      (occupants, priority) => {
        const nodes = ["a", "b", "c"].map((name) =>
          aNode(name, {
            allocatable: aCapacity({ cpuMillis: 4_000, instances: 6, extended: new Map([["camera", 2]]) }),
          }),
        );
        const state = clusterOf(
          nodes,
          occupants.map(({ nodeName, cpuMillis, priority: own, kind, hasCamera }, n) =>
            low(`i${n}`, nodeName, cpuMillis, {
              priority: own,
              claims: hasCamera ? camera : noClaims,
              state:
                kind === "bound"
                  ? bound(nodeName, {})
                  : kind === "stopping"
                    ? stopping(nodeName)
                    : nominated(nodeName),
            }),
          ),
        );
        const plan = searchIn(state, { priority, request: { claims: camera } }).next(state.snapshot());
        if (plan === undefined) return;
        const placer = new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 4 });
        const position = nodes.findIndex(({ name }) => name === plan.nodeName);
        const leaving = [...plan.victims, ...plan.displaced];
        const fitsWithout = (without: readonly Instance[]) =>
          placer.wouldFit(state.snapshot(), requestOf(state, { claims: camera }), position, [
            ...plan.stopping,
            ...without,
          ]);
        expect(fitsWithout(leaving)).toBe(true);
        for (const one of leaving) {
          expect(one.priority).toBeLessThan(priority);
          expect(fitsWithout(leaving.filter((other) => other !== one))).toBe(false);
        }
      },
    ),
  );
});

test("PreemptionSearch: no node that it has not looked at would have been cheaper", () => {
  const budgets = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(fc.array(anOccupant, { maxLength: 24 }), budgets, (occupants, protectedFrom) => {
      const nodes = ["a", "b", "c"].map((name) => aNode(name, fourCpus));
      const instances = occupants.map(({ nodeName, cpuMillis, priority }, n) =>
        low(`i${n}`, nodeName, cpuMillis, { priority, state: bound(nodeName, { startedMs: n % 3 }) }),
      );
      const state = clusterOf(nodes, instances);
      const mayDisrupt = ({ priority }: Instance) => priority >= 0 || priority < -protectedFrom;
      const found = searchIn(state, { priority: 10, mayDisrupt }).next(state.snapshot());
      const placer = new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 4 });
      const preemptor = preemptorOf(placer, requestOf(state), 10);
      const snapshot = state.snapshot();
      const all = nodes.flatMap((_, position) => {
        const choice = chooseVictims(
          snapshot,
          position,
          preemptor,
          occupantsOf(state, mayDisrupt),
          Number.MAX_VALUE,
        );
        return choice ? [choice] : [];
      });
      const [best] = all.toSorted((a, b) => compareCosts(a.cost, b.cost) || a.position - b.position);
      expect(found?.victims.map(({ uid }) => uid).sort()).toEqual(best?.victims.map(({ uid }) => uid).sort());
    }),
    { numRuns: 300 },
  );
});

test("PreemptionSearch: whom a rule about something else than room names has to go", () => {
  const state = clusterOf([aNode("a", fourCpus)], [low("x", "a", 10), low("y", "a", 10)]);
  const placer = { admits: () => true } as const;
  const wouldFit = (_: unknown, position: number, without: readonly Instance[]) =>
    position === 0 && without.some(({ uid }) => uid === "x");
  const footprint = aCapacity({ cpuMillis: 1, memoryBytes: 0, instances: 1, processes: 0 });
  const occupants = occupantsOf(state, () => true);
  const search = new PreemptionSearch(
    state.snapshot(),
    { ...placer, wouldFit, footprint, priority: 1 },
    occupants,
  );
  expect(shown(search.next(state.snapshot()))).toBe("a: stops x");
});
