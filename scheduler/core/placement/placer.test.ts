import { noNeighbours } from "./neighbours.ts";
import { expect, test } from "vitest";
import { emptyNode } from "./snapshot.ts";
import { seededRandom } from "../../../kit/random.ts";
import { ClusterState } from "../cluster-state/cluster-state.ts";
import { type ClusterNode, noClaims, type PlacementRequirements } from "../model.ts";
import { memoryPressureToleration } from "../node-pressure.ts";
import { aCapacity, aNode, anInstance, aStatus, bound, requirements } from "../testing/builders.ts";
import { defaultProfile } from "./default-profile.ts";
import { explanationText } from "./explanation.ts";
import { profilesOf, type PlacementRequest } from "./framework.ts";
import { Placer } from "./placer.ts";

function clusterOf(nodes: readonly ClusterNode[]): ClusterState {
  const state = new ClusterState();
  for (const node of nodes) {
    state.upsertNode(node, node.connection);
    state.setConditions(node.name, node.conditions);
  }
  return state;
}

function requestFor(
  state: ClusterState,
  overrides: Partial<PlacementRequirements> = {},
  owner = "owner",
): PlacementRequest {
  return {
    key: `${owner}/h1`,
    requirements: requirements(overrides),
    neighbours: state.neighbours,
  };
}

function aPlacer(seed = 0): Placer {
  return new Placer({ profiles: profilesOf(defaultProfile), seed, cachedRequestsMax: 16 });
}

const pressure = (...types: readonly string[]) =>
  types.map((type) => ({
    type,
    status: true,
    reason: "Short",
    message: `${type}: 3% left`,
    transitionMs: 1,
  }));

const tight = { requests: { cpuMillis: 1_000, memoryBytes: 0 } };

test.each([
  { name: "no node", nodes: [], message: "0/0 nodes are available: no node has joined the cluster yet." },
  {
    name: "not connected",
    nodes: [aNode("a", { connection: { kind: "suspect", sinceMs: 1 } })],
    message: "0/1 nodes are available: 1 node(s) not connected (suspect).",
  },
  {
    name: "cordoned",
    nodes: [aNode("a", { unschedulable: true })],
    message: "0/1 nodes are available: 1 node(s) were unschedulable.",
  },
  {
    name: "another label",
    nodes: [aNode("a", { labels: { zone: "y" } })],
    request: { nodeSelector: { zone: "x" } },
    message: "0/1 nodes are available: 1 node(s) didn't match the node selector.",
  },
  {
    name: "no such runtime",
    nodes: [aNode("a")],
    request: { runtime: "wasmtime" },
    message: "0/1 nodes are available: 1 node(s) without runtime wasmtime.",
  },
  {
    name: "each reason with its count",
    nodes: [
      aNode("a", { allocatable: aCapacity({ memoryBytes: 2 ** 20 }) }),
      aNode("b", { taints: [{ key: "dedicated", value: "gpu", effect: "NoSchedule" }] }),
      aNode("c", { taints: [{ key: "dedicated", value: "gpu", effect: "NoExecute" }] }),
    ],
    message:
      "0/3 nodes are available: 1 insufficient memory, 2 node(s) had untolerated taint {dedicated: gpu}.",
  },
  {
    name: "capacities that are no numbers",
    nodes: [
      aNode("a", {
        allocatable: aCapacity({ cpuMillis: Number.NaN, memoryBytes: -1, instances: 5, processes: 0 }),
      }),
    ],
    message: "0/1 nodes are available: 1 insufficient cpu, 1 insufficient memory.",
  },
  {
    name: "no more instances",
    nodes: [aNode("a", { allocatable: aCapacity({ instances: 0 }) })],
    request: { requests: { cpuMillis: 0, memoryBytes: 0 } },
    message: "0/1 nodes are available: 1 too many instances.",
  },
  {
    name: "no room for a process",
    nodes: [aNode("a", { allocatable: aCapacity({ processes: 0 }) })],
    request: { isolation: "process" as const },
    message: "0/1 nodes are available: 1 too many instances with a process of their own.",
  },
  {
    name: "no confinement",
    nodes: [aNode("a")],
    request: { isolation: "confined" as const },
    message: "0/1 nodes are available: 1 node(s) without isolation confined.",
  },
  {
    name: "pressure, each by its name",
    nodes: [
      aNode("a", { conditions: pressure("MemoryPressure") }),
      aNode("b", { conditions: pressure("DiskPressure", "MemoryPressure") }),
      aNode("c", { conditions: pressure("InstancePressure") }),
    ],
    message:
      "0/3 nodes are available: 1 node(s) had disk pressure, 1 node(s) had instance pressure, 1 node(s) had memory pressure.",
  },
])("Placer.place: says why: $name", ({ nodes, request, message }) => {
  const state = clusterOf(nodes);
  const placement = aPlacer().place(state.snapshot(), requestFor(state, request));
  expect(placement.kind).toBe("unplaceable");
  expect(placement.kind === "unplaceable" && placement.explanation.message).toBe(message);
});

test.each([
  {
    name: "a tolerated taint",
    toleration: { key: "k", operator: "Equal", value: "v", effect: "NoSchedule" },
  },
  { name: "any value tolerated", toleration: { key: "k", operator: "Exists", value: "", effect: "" } },
  { name: "everything tolerated", toleration: { key: "", operator: "Exists", value: "", effect: "" } },
] as const)("Placer.place: goes to a node with $name", ({ toleration }) => {
  const state = clusterOf([aNode("a", { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] })]);
  const request = requestFor(state, { tolerations: [toleration] });
  expect(aPlacer().place(state.snapshot(), request)).toEqual({ kind: "placed", nodeName: "a" });
});

test.each([
  {
    name: "the node without a taint PreferNoSchedule",
    nodes: [aNode("a", { taints: [{ key: "k", value: "", effect: "PreferNoSchedule" }] }), aNode("b")],
  },
  {
    name: "the node with more left",
    nodes: [aNode("a", { allocatable: aCapacity({ cpuMillis: 200 }) }), aNode("b")],
  },
])("Placer.place: prefers $name", ({ nodes }) => {
  const state = clusterOf(nodes);
  expect(aPlacer().place(state.snapshot(), requestFor(state))).toMatchObject({ nodeName: "b" });
});

test("Placer.place: prefers the node with fewer instances of the owner", () => {
  const state = clusterOf([aNode("a"), aNode("b")]);
  state.addInstance(anInstance("x", { state: bound("a") }));
  const other = { ...anInstance("y").owner, uid: "other" };
  for (let i = 0; i < 5; i++) state.addInstance(anInstance(`y${i}`, { owner: other, state: bound("b") }));
  expect(aPlacer().place(state.snapshot(), requestFor(state))).toMatchObject({ nodeName: "b" });
});

test("Placer.placeBatch: spreads equally over equal nodes, beginning where the seed says", () => {
  const state = clusterOf([aNode("a"), aNode("b"), aNode("c")]);
  const { nodeNames } = aPlacer(1).placeBatch(state.snapshot(), requestFor(state), 6);
  expect(nodeNames).toEqual(["b", "c", "a", "b", "c", "a"]);
});

test("Placer.placeBatch: fills what fits and says why the rest does not", () => {
  const state = clusterOf([aNode("a"), aNode("b")]);
  const { nodeNames, explanation } = aPlacer().placeBatch(state.snapshot(), requestFor(state, tight), 10);
  expect(nodeNames).toHaveLength(8);
  expect(explanation?.message).toBe("0/2 nodes are available: 2 insufficient cpu.");
  expect([...(explanation?.rejectedBy ?? [])]).toEqual(["resources-fit"]);
});

test("Placer.placeBatch: a batch that is not committed leaves nothing behind", () => {
  const state = clusterOf([aNode("a"), aNode("b")]);
  const placer = aPlacer();
  placer.placeBatch(state.snapshot(), requestFor(state, tight), 8);
  expect(placer.placeBatch(state.snapshot(), requestFor(state, tight), 8).nodeNames).toHaveLength(8);
});

test("Placer.place: instances that cannot be placed share one verdict", () => {
  const state = clusterOf([aNode("a", { unschedulable: true })]);
  const placer = aPlacer();
  const first = placer.place(state.snapshot(), requestFor(state));
  const second = placer.place(state.snapshot(), requestFor(state));
  expect(first.kind === "unplaceable" && second.kind === "unplaceable").toBe(true);
  expect(first.kind === "unplaceable" && second.kind === "unplaceable" && first.explanation).toBe(
    second.kind === "unplaceable" && second.explanation,
  );
});

test("Placer.explain: every rule against a node, and the scores of those that fit", () => {
  const state = clusterOf([
    aNode("a", {
      unschedulable: true,
      allocatable: aCapacity({ cpuMillis: 50 }),
    }),
    aNode("b"),
  ]);
  const [a, b] = aPlacer().explain(state.snapshot(), requestFor(state));
  expect(a).toMatchObject({
    kind: "rejected",
    rejections: [
      { plugin: "node-unschedulable", kind: "unresolvable" },
      {
        plugin: "resources-fit",
        kind: "unresolvable",
        reasons: [{ detail: "insufficient cpu: wants 100m, 50m free" }],
      },
    ],
  });
  expect(b).toMatchObject({
    kind: "feasible",
    scores: expect.arrayContaining([
      expect.objectContaining({ plugin: "taints-and-tolerations", score: 100 }),
    ]),
  });
});

test("explanationText: lists at most 50 nodes", () => {
  const state = clusterOf(Array.from({ length: 60 }, (_, i) => aNode(`n${i}`, { unschedulable: true })));
  const placement = aPlacer().place(state.snapshot(), requestFor(state));
  const text = placement.kind === "unplaceable" ? explanationText(placement.explanation) : "";
  expect(text.split("\n")).toHaveLength(52);
  expect(text).toContain("  n0: cordoned (unschedulable) [node-unschedulable]");
  expect(text).toContain("  and 10 more nodes");
});

test.each([
  {
    name: "a node that fits",
    kind: "nodeAdded",
    node: aNode("x"),
    rejectedBy: ["resources-fit"],
    helps: true,
  },
  {
    name: "a node that is too small",
    kind: "nodeAdded",
    node: aNode("x", { allocatable: aCapacity({ cpuMillis: 1 }) }),
    rejectedBy: ["resources-fit"],
    helps: false,
  },
  {
    name: "room on a node whose taint was the reason",
    kind: "capacityFreed",
    node: aNode("x"),
    rejectedBy: ["taints-and-tolerations"],
    helps: false,
  },
  { name: "the first node", kind: "nodeAdded", node: aNode("x"), rejectedBy: [], helps: true },
] as const)("Placer.mayHelp: $name", ({ kind, node, rejectedBy, helps }) => {
  const event = { kind, view: { node, ...emptyNode } };
  const request = { key: "k", requirements: requirements(), neighbours: noNeighbours };
  expect(aPlacer().mayHelp(event, request, new Set(rejectedBy))).toBe(helps);
});

test.each([1, 2, 3, 4, 5])("Placer.place: agrees with a scan of all nodes, seed %i", (seed) => {
  const random = seededRandom(seed);
  const pick = (n: number) => Math.floor(random.fraction() * n);
  const randomNode = (i: number) =>
    aNode(`n${i}`, {
      labels: { zone: `z${pick(3)}` },
      unschedulable: pick(5) === 0,
      allocatable: aCapacity({ cpuMillis: 500 * pick(6), instances: pick(12) }),
    });
  const state = clusterOf(Array.from({ length: 40 }, (_, i) => randomNode(i)));
  const placer = aPlacer(seed);
  for (let step = 0; step < 400; step++) {
    const owner = `o${pick(3)}`;
    const zone = `z${pick(3)}`;
    const base = requestFor(state, { nodeSelector: { zone } }, owner);
    const request = { ...base, key: `${owner}/${zone}` };
    const snapshot = state.snapshot();
    const scanned = aPlacer()
      .explain(snapshot, request)
      .filter((report) => report.kind === "feasible");
    const best = Math.max(...scanned.map(({ total }) => total));
    const placement = placer.place(snapshot, request);
    if (placement.kind === "unplaceable") expect(scanned).toEqual([]);
    else {
      const chosen = scanned.find(({ nodeName }) => nodeName === placement.nodeName);
      expect(chosen?.total, `seed ${seed}, step ${step}`).toBe(best);
      const uid = `i${step}`;
      const known = { ...anInstance(uid).owner, uid: owner };
      state.addInstance(anInstance(uid, { owner: known }));
      expect(state.assume(uid, placement.nodeName).kind).toBe("assumed");
    }
    if (pick(3) === 0) state.removeInstance(`i${pick(step + 1)}`);
    if (pick(20) === 0) state.upsertNode(randomNode(pick(40)), { kind: "connected" });
    if (pick(50) === 0) state.removeNode(`n${pick(40)}`, step);
  }
});

test.each([
  { name: "a condition that is no pressure", conditions: pressure("Confinement"), expected: "placed" },
  {
    name: "a pressure that is over",
    conditions: pressure("DiskPressure").map((one) => ({ ...one, status: false })),
    expected: "placed",
  },
  {
    name: "memory pressure, which it tolerates",
    conditions: pressure("MemoryPressure"),
    request: { tolerations: [memoryPressureToleration] },
    expected: "placed",
  },
  {
    name: "everything is tolerated",
    conditions: pressure("MemoryPressure", "DiskPressure", "InstancePressure"),
    request: { tolerations: [{ key: "", operator: "Exists", value: "", effect: "" } as const] },
    expected: "placed",
  },
  {
    name: "another pressure than the tolerated one",
    conditions: pressure("MemoryPressure", "DiskPressure"),
    request: { tolerations: [memoryPressureToleration] },
    expected: "a: disk pressure: DiskPressure: 3% left [node-pressure]",
  },
  {
    name: "tolerated, but it was evicted there",
    conditions: pressure("MemoryPressure"),
    evicted: true,
    request: { tolerations: [memoryPressureToleration] },
    expected: "evicted an instance of this workload",
  },
  { name: "evicted there, and the pressure is over", conditions: [], evicted: true, expected: "placed" },
])("Placer.place: on a node with conditions: $name", ({ conditions, evicted, request, expected }) => {
  const state = clusterOf([aNode("a", { conditions })]);
  if (evicted) {
    state.addInstance(anInstance("e", { state: bound("a") }));
    state.setConditions("a", pressure("DiskPressure"));
    state.observe("a", "e", aStatus({ phase: "Failed", reason: "Evicted" }));
    state.setConditions("a", conditions);
  }
  const placement = aPlacer().place(state.snapshot(), requestFor(state, request));
  const text = placement.kind === "placed" ? "placed" : explanationText(placement.explanation);
  expect(text).toContain(expected);
});

test("Placer.explain: says how many processes a node has, and what needs none", () => {
  const state = clusterOf([aNode("a", { allocatable: aCapacity({ processes: 2 }) })]);
  for (const uid of ["x", "y"]) {
    state.addInstance(anInstance(uid, { isolation: "process" }));
    expect(state.assume(uid, "a").kind).toBe("assumed");
  }
  const placement = aPlacer().place(state.snapshot(), requestFor(state, { isolation: "process" }));
  const text = placement.kind === "unplaceable" ? explanationText(placement.explanation) : "";
  expect(text).toContain(
    "a: no room for another process: 2 of 2; isolation: shared needs none [resources-fit]",
  );
  expect(aPlacer().place(state.snapshot(), requestFor(state)).kind).toBe("placed");
});

test.each([
  {
    name: "its runtime",
    conditions: [],
    expected: "a: no isolation confined: its runtime v8 has no feature",
  },
  {
    name: "what the machine is missing",
    conditions: [
      { type: "Confinement", status: false, reason: "R", message: "install bwrap", transitionMs: 1 },
    ],
    expected: "a: no isolation confined: install bwrap [isolation-available]",
  },
])("Placer.place: says why a node cannot confine: $name", ({ conditions, expected }) => {
  const state = clusterOf([aNode("a", { conditions })]);
  const placement = aPlacer().place(state.snapshot(), requestFor(state, { isolation: "confined" }));
  expect(placement.kind === "unplaceable" && explanationText(placement.explanation)).toContain(expected);
});

test("Placer.placeBatch: takes no more than there are processes", () => {
  const state = clusterOf([aNode("a", { allocatable: aCapacity({ processes: 3 }) })]);
  const { nodeNames } = aPlacer().placeBatch(
    state.snapshot(),
    requestFor(state, { isolation: "process" }),
    10,
  );
  expect(nodeNames).toEqual(["a", "a", "a"]);
});

test("Placer.placeBatch: two instances with one fixed port never come to one node, within one batch neither", () => {
  const state = clusterOf([aNode("a"), aNode("b")]);
  const claims = { ...noClaims, ports: [{ address: "127.0.0.1", port: 80 }] };
  const { nodeNames, explanation } = aPlacer().placeBatch(state.snapshot(), requestFor(state, { claims }), 3);
  expect([...nodeNames].sort()).toEqual(["a", "b"]);
  expect(explanation?.message).toBe(
    "0/2 nodes are available: 2 node(s) didn't have free ports for the listeners.",
  );
});

test("Placer.place: who tolerates a taint NoExecute for no time at all is kept off", () => {
  const state = clusterOf([aNode("a", { taints: [{ key: "k", value: "", effect: "NoExecute" }] })]);
  const tolerating = (seconds: number) => ({
    tolerations: [{ key: "k", operator: "Exists", value: "", effect: "NoExecute", seconds } as const],
  });
  expect(aPlacer().place(state.snapshot(), requestFor(state, tolerating(1))).kind).toBe("placed");
  expect(aPlacer().place(state.snapshot(), requestFor(state, tolerating(0))).kind).toBe("unplaceable");
});
