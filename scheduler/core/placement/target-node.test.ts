import { expect, test } from "vitest";
import { ClusterState } from "../cluster-state/cluster-state.ts";
import { type ClusterNode, noAffinity, noClaims, type PlacementRequirements } from "../model.ts";
import { aCapacity, aNode, requirements } from "../testing/builders.ts";
import { defaultProfile } from "./default-profile.ts";
import { explanationText } from "./explanation.ts";
import { profilesOf } from "./framework.ts";
import { ParkedGroups } from "./parked-groups.ts";
import { Placer } from "./placer.ts";

function placing(nodes: readonly ClusterNode[], wants: Partial<PlacementRequirements> = {}) {
  const state = new ClusterState();
  for (const node of nodes) state.upsertNode(node, node.connection);
  const placer = new Placer({ profiles: profilesOf(defaultProfile), seed: 0, cachedRequestsMax: 16 });
  const request = (targetNode: string) => ({
    key: "agent",
    requirements: requirements(wants),
    neighbours: state.neighbours,
    targetNode,
  });
  const place = (targetNode: string, count = 1) =>
    placer.placeBatch(state.snapshot(), request(targetNode), count);
  return { state, placer, request, place };
}

const small = { allocatable: aCapacity({ cpuMillis: 250 }) };
/** The rule asks for all nodes, so the other way of judging one of them is taken. */
const apart = {
  labels: { app: "agent" },
  claims: {
    ...noClaims,
    affinity: {
      ...noAffinity,
      apart: [
        {
          topologyKey: "zone",
          namespaces: ["default"],
          labelSelector: { matchLabels: { app: "other" } },
        },
      ],
    },
  },
};

test.each([
  { name: "by that node alone", wants: {} },
  { name: "where rules look at other nodes", wants: apart },
])("Placer.placeBatch: only the node that will do, as far as it has room: $name", ({ wants }) => {
  const zone = { labels: { zone: "z" } };
  const { place } = placing([aNode("big", zone), aNode("small", { ...small, ...zone })], wants);
  const placed = place("small", 3);
  expect(placed.nodeNames).toEqual(["small", "small"]);
  expect(placed.choices.map((choice) => choice.committed.cpuMillis)).toEqual([0, 100]);
  expect(placed.choices[0]).toMatchObject({ nodeCount: 1, feasibleCount: 1, runnerUp: "" });
  expect(placed.explanation?.message).toMatch(/^node small: insufficient cpu: .*\[resources-fit\]$/);
  expect(placed.explanation).toMatchObject({ target: { nodeName: "small", isAlone: true } });
  expect([...(placed.explanation?.rejectedBy ?? [])]).toEqual(["resources-fit"]);
});

test.each([
  { name: "cordoned", node: aNode("n", { unschedulable: true }), expected: "cordoned (unschedulable)" },
  {
    name: "silent",
    node: aNode("n", { connection: { kind: "suspect", sinceMs: 0 } }),
    expected: "not connected (suspect)",
  },
  {
    name: "two rules",
    node: aNode("n", { unschedulable: true, ...small }),
    wants: { requests: { cpuMillis: 500, memoryBytes: 0 } },
    expected: "cordoned (unschedulable) [node-unschedulable]; insufficient cpu",
  },
])("Placer.placeBatch: says what the node has against it: $name", ({ node, wants, expected }) => {
  const { place } = placing([node, aNode("other")], wants);
  const { nodeNames, explanation } = place("n");
  expect(nodeNames).toEqual([]);
  expect(explanation?.message).toContain(`node n: ${expected}`);
  expect(explanation && explanationText(explanation)).toBe(explanation?.message);
});

test("Placer.placeBatch: a node that is not there", () => {
  const { explanation } = placing([aNode("other")]).place("n");
  expect(explanation?.message).toBe("node n: there is no such node");
});

test("Placer.explain: what every rule says of the node that will do, and of no other", () => {
  const { state, placer, request } = placing([aNode("n"), aNode("other")]);
  expect(placer.explain(state.snapshot(), request("n"))).toMatchObject([{ nodeName: "n", kind: "feasible" }]);
  expect(placer.explain(state.snapshot(), request("gone"))).toEqual([]);
});

test("Placer.placeBatch: what is against it on account of other instances may be helped anywhere", () => {
  const near = { ...noAffinity, near: apart.claims.affinity.apart };
  const wants = { labels: { app: "agent" }, claims: { ...noClaims, affinity: near } };
  const { place } = placing([aNode("n", { labels: { zone: "z" } })], wants);
  expect(place("n").explanation).toMatchObject({ target: { nodeName: "n", isAlone: false } });
});

test("ParkedGroups: finds what a node may help, and what anything may", () => {
  const parked = new ParkedGroups<string>();
  parked.add("any", undefined);
  parked.add("a1", "a");
  parked.add("a2", "a");
  parked.add("b1", "b");
  expect([...parked.on("a")]).toEqual(["any", "a1", "a2"]);
  expect([...parked.anywhere()]).toEqual(["any"]);
  for (const one of parked.on("a")) parked.delete(one);
  expect([...parked.on("a")]).toEqual([]);
  parked.add("b1", undefined);
  expect([...parked.on("b")]).toEqual(["b1"]);
  expect(parked.size).toBe(1);
});
