import { expect, test } from "vitest";
import type { ClusterNode, NodeCapacity, Resources } from "../../model.ts";
import { nothingCommitted } from "../../resources.ts";
import { aCapacity, aNode, requirements } from "../../testing/builders.ts";
import { viewOf } from "../framework.ts";
import { noNeighbours } from "../neighbours.ts";
import { emptyNode, type NodeSnapshot } from "../snapshot.ts";
import { actualUsage } from "./actual-usage/actual-usage.ts";
import { moduleLocality } from "./module-locality/module-locality.ts";
import { mostAllocated } from "./most-allocated/most-allocated.ts";
import { usageLimit } from "./usage-limit/usage-limit.ts";

const gibibyte = 2 ** 30;
const request = requirements({ requests: { cpuMillis: 0, memoryBytes: 0 } });

/** A node of 4 cores and 8 GiB. */
function aView(
  known: Partial<Omit<NodeSnapshot, "committed">> & { readonly committed?: Partial<NodeCapacity> },
  node: Partial<ClusterNode> = {},
) {
  const committed = { ...nothingCommitted, ...known.committed };
  return viewOf({ ...emptyNode, node: aNode("n", node), ...known, committed }, 0);
}

test.for([
  ["nothing is used", {}, {}, 100],
  ["what is committed counts while nothing is metered", { committed: { cpuMillis: 2_000 } }, {}, 64.6],
  [
    "metered: half of what is committed",
    { committed: { cpuMillis: 2_000 }, usageExcess: { cpuMillis: -1_000, memoryBytes: 0 } },
    {},
    82.3,
  ],
  [
    "metered: more than the node has",
    { usageExcess: { cpuMillis: 9_000, memoryBytes: 4 * gibibyte } },
    {},
    0,
  ],
  [
    "as much of one resource, of which less is left, weighs more",
    { committed: { cpuMillis: 4_000 } },
    {},
    29.3,
  ],
  ["than of both together", { committed: { cpuMillis: 2_000, memoryBytes: 4 * gibibyte } }, {}, 50],
  [
    "of what there is, not of what is promised",
    { committed: { cpuMillis: 2_000 } },
    { allocatable: aCapacity({ cpuMillis: 16_000 }), overcommit: { cpu: 4, memory: 1 } },
    64.6,
  ],
  ["a node without anything", {}, { allocatable: nothingCommitted }, 0],
] as const)("actualUsage: %s", ([, known, node, score]) => {
  expect(actualUsage.prepare(request, noNeighbours)?.(aView(known, node))).toBeCloseTo(score, 1);
});

test("usageLimit: a node in use beyond it is refused with both figures, one below is not", () => {
  const filter = usageLimit({ cpu: 90, memory: 50 }).prepare(
    requirements({ requests: { cpuMillis: 400, memoryBytes: gibibyte } }),
  );
  const used = (cpuMillis: number, memoryGi: number) =>
    aView({ usageExcess: { cpuMillis, memoryBytes: memoryGi * gibibyte } });
  expect(filter?.(used(3_200, 3))).toEqual({ kind: "success" });
  expect(filter?.(used(3_201, 4))).toMatchObject({
    kind: "unschedulable",
    reasons: [
      {
        summary: "node(s) in use beyond the usage limit of cpu",
        detail: "91 % of its cpu would be in use, the profile's limit is 90 %",
      },
      {
        summary: "node(s) in use beyond the usage limit of memory",
        detail: "63 % of its memory would be in use, the profile's limit is 50 %",
      },
    ],
  });
});

test("moduleLocality: a node that has the module ready before one that only has it, that before none", () => {
  const score = moduleLocality.prepare(requirements({ image: "https://a/m.wasm" }), noNeighbours);
  const scoreWith = (image: string, state: "fetched" | "prepared") =>
    score?.(aView({ modules: new Map([[image, state]]) }));
  expect(scoreWith("https://a/m.wasm", "prepared")).toBe(100);
  expect(scoreWith("https://a/m.wasm", "fetched")).toBe(50);
  expect(scoreWith("https://b/m.wasm", "prepared")).toBe(0);
});

test("mostAllocated: the fuller node, unless it would strand what it has left", () => {
  const gibi = (count: number) => count * gibibyte;
  const scoreIn = (requested: Resources) => {
    const score = mostAllocated.prepare(request, { ...noNeighbours, requested });
    return (cpu: number, memory: number, instances = 1) =>
      score?.(aView({ committed: { cpuMillis: cpu * 4_000, memoryBytes: memory * gibi(8), instances } })) ??
      -1;
  };
  // A cluster that requests both alike: half a core for each gibibyte.
  const even = scoreIn({ cpuMillis: 5_000, memoryBytes: gibi(10) });
  expect(even(1, 1, 999)).toBeCloseTo(100, 1);
  expect(even(1, 0)).toBeGreaterThan(0);
  expect(even(0.6, 0.6)).toBeGreaterThan(even(0.5, 0.5));
  expect(even(0.5, 0.4)).toBeGreaterThan(even(0.4, 0.4));
  expect(even(0.6, 0.6)).toBeGreaterThan(even(1, 0.3));
  expect(even(0.1, 0)).toBeGreaterThan(even(0, 0, 0));
  // One that requests memory only: the cpu that is left is no loss.
  const memoryOnly = scoreIn({ cpuMillis: 0, memoryBytes: gibi(10) });
  expect(memoryOnly(0, 0.9)).toBeGreaterThan(memoryOnly(0, 0.8));
  // One that requests nothing.
  const nothing = scoreIn({ cpuMillis: 0, memoryBytes: 0 });
  expect(nothing(0, 0, 5)).toBeGreaterThan(nothing(0, 0, 4));
  expect(nothing(0.01, 0, 4)).toBeGreaterThan(nothing(0, 0, 900));
});

test("mostAllocated: a node that has nothing, or too little, has a score all the same", () => {
  const score = mostAllocated.prepare(request, noNeighbours);
  for (const allocatable of [nothingCommitted, aCapacity({ cpuMillis: 0 }), aCapacity({ instances: 0 })]) {
    const found = score?.(aView({ committed: { cpuMillis: 9_000, instances: 3 } }, { allocatable }));
    expect(found).toBeGreaterThanOrEqual(0);
    expect(found).toBeLessThanOrEqual(100);
  }
});
