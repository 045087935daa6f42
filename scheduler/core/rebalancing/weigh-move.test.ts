import { expect, test } from "vitest";
import type { NodeReport } from "../placement/explanation.ts";
import { weighMove } from "./weigh-move.ts";

/** Two rules of weight 1, so 200 is the highest total. */
function scored(nodeName: string, spread: number, free: number): NodeReport {
  const scores = [
    { plugin: "owner-spread", weight: 1, score: spread },
    { plugin: "least-allocated", weight: 1, score: free },
  ];
  return { nodeName, kind: "feasible", total: spread + free, scores };
}

function refused(nodeName: string, plugin: string): NodeReport {
  const reasons = [{ summary: "no", detail: `${nodeName} has too many` }];
  return { nodeName, kind: "rejected", rejections: [{ plugin, kind: "unschedulable", reasons }] };
}

const all = () => true;

test.for([
  { name: "a clearly better node", reports: [scored("a", 20, 50), scored("b", 100, 50)], to: "b" },
  {
    name: "a node that is a little better",
    reports: [scored("a", 50, 50), scored("b", 59, 50)],
    to: undefined,
  },
  { name: "a worse node", reports: [scored("a", 90, 90), scored("b", 10, 10)], to: undefined },
  {
    name: "the best of several",
    reports: [scored("a", 0, 0), scored("b", 50, 50), scored("c", 90, 90)],
    to: "c",
  },
  {
    name: "of two alike the first by name",
    reports: [scored("a", 0, 0), scored("c", 90, 90), scored("b", 90, 90)],
    to: "b",
  },
  {
    name: "its node would refuse it for its spread",
    reports: [refused("a", "topology-spread"), scored("b", 0, 0)],
    to: "b",
  },
  {
    name: "its node is cordoned",
    reports: [refused("a", "node-unschedulable"), scored("b", 100, 100)],
    to: undefined,
  },
  {
    name: "all others refuse it",
    reports: [scored("a", 0, 0), refused("b", "resources-fit")],
    to: undefined,
  },
  { name: "its node is gone", reports: [scored("b", 100, 100)], to: undefined },
])("weighMove: $name", ({ reports, to }) => {
  const verdict = weighMove(reports, "a", 10, all);
  expect(verdict.kind === "move" ? verdict.nodeName : undefined).toBe(to);
});

test("weighMove: the gain is a share of what its node lacks, and the reason names what differs most", () => {
  const verdict = weighMove([scored("a", 20, 50), scored("b", 100, 60)], "a", 10, all);
  expect(verdict).toEqual({
    kind: "move",
    nodeName: "b",
    gain: (90 / 130) * 100,
    why: "b scores 160, a 70: owner-spread 100 instead of 20, least-allocated 60 instead of 50",
  });
});

test("weighMove: what passes by itself is no reason to move, and can be one to stay", () => {
  const used = (report: NodeReport, score: number): NodeReport => {
    if (report.kind !== "feasible") return report;
    const scores = [...report.scores, { plugin: "actual-usage", weight: 1, score }];
    return { ...report, total: report.total + score, scores };
  };
  const [idle, busy] = [used(scored("b", 50, 50), 100), used(scored("a", 50, 50), 0)];
  expect(weighMove([busy, idle], "a", 10, all)).toEqual({ kind: "stay" });
  const [roomy, crowded] = [used(scored("b", 90, 50), 0), used(scored("a", 20, 50), 100)];
  expect(weighMove([crowded, roomy], "a", 10, all)).toEqual({ kind: "stay" });
});

test("weighMove: what the node itself has against it is the reason where it would refuse it", () => {
  const verdict = weighMove([refused("a", "instance-affinity"), scored("b", 0, 0)], "a", 10, all);
  expect(verdict).toMatchObject({
    gain: Number.POSITIVE_INFINITY,
    why: "a would refuse it now (a has too many), and b takes it",
  });
});

test("weighMove: a node that does not take one more while the instance is there is passed over", () => {
  const reports = [scored("a", 0, 0), scored("b", 90, 90), scored("c", 50, 50)];
  expect(weighMove(reports, "a", 10, (nodeName) => nodeName !== "b")).toMatchObject({ nodeName: "c" });
  expect(weighMove(reports, "a", 10, () => false)).toEqual({ kind: "stay" });
});
