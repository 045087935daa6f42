import { expect, test } from "vitest";
import type { ClusterNode, NodeCapacity } from "../../model.ts";
import { nothingCommitted } from "../../resources.ts";
import { aCapacity, aNode, requirements } from "../../testing/builders.ts";
import { viewOf } from "../framework.ts";
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
  ["what is committed counts while nothing is metered", { committed: { cpuMillis: 2_000 } }, {}, 75],
  [
    "metered: half of what is committed",
    { committed: { cpuMillis: 2_000 }, usageExcess: { cpuMillis: -1_000, memoryBytes: 0 } },
    {},
    87.5,
  ],
  [
    "metered: more than the node has",
    { usageExcess: { cpuMillis: 9_000, memoryBytes: 4 * gibibyte } },
    {},
    25,
  ],
  [
    "of what there is, not of what is promised",
    { committed: { cpuMillis: 2_000 } },
    { allocatable: aCapacity({ cpuMillis: 16_000 }), overcommit: { cpu: 4, memory: 1 } },
    75,
  ],
  ["a node without anything", {}, { allocatable: nothingCommitted }, 0],
] as const)("actualUsage: %s", ([, known, node, score]) => {
  expect(actualUsage.prepare(request)?.(aView(known, node))).toBe(score);
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
  const score = moduleLocality.prepare(requirements({ image: "https://a/m.wasm" }));
  const scoreWith = (image: string, state: "fetched" | "prepared") =>
    score?.(aView({ modules: new Map([[image, state]]) }));
  expect(scoreWith("https://a/m.wasm", "prepared")).toBe(100);
  expect(scoreWith("https://a/m.wasm", "fetched")).toBe(50);
  expect(scoreWith("https://b/m.wasm", "prepared")).toBe(0);
});

test("mostAllocated: the fuller node, and of two as full the one where less of either is stranded", () => {
  const score = mostAllocated.prepare(request);
  const at = (cpu: number, memory: number, instances = 0) =>
    score?.(
      aView({ committed: { cpuMillis: cpu * 4_000, memoryBytes: memory * 8 * gibibyte, instances } }),
    ) ?? -1;
  expect(at(1, 1, 999)).toBe(100);
  expect(at(0, 0)).toBeCloseTo(0, 3);
  expect(at(0.6, 0.6)).toBeGreaterThan(at(0.5, 0.5));
  expect(at(0.7, 0.7)).toBeGreaterThan(at(1, 0.4));
  expect(at(0, 0, 5)).toBeGreaterThan(at(0, 0, 4));
  expect(at(0.001, 0, 0)).toBeGreaterThan(at(0, 0, 100));
});
