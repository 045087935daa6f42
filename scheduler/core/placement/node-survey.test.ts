import { expect, test } from "vitest";
import type { NodeReport, Rejection } from "./explanation.ts";
import { groupRefusals, surveyNodes } from "./node-survey.ts";

function feasible(nodeName: string, total: number): NodeReport {
  return { nodeName, kind: "feasible", total, scores: [{ plugin: "p", weight: 1, score: total }] };
}

function rejected(nodeName: string, ...rejections: readonly Rejection[]): NodeReport {
  return { nodeName, kind: "rejected", rejections };
}

const lacks = (distance: number): Rejection => ({
  plugin: "resources-fit",
  kind: "unschedulable",
  reasons: [{ summary: "insufficient cpu", detail: `lacks ${distance}`, remedy: "wait", distance }],
});
const cordoned: Rejection = {
  plugin: "node-unschedulable",
  kind: "unresolvable",
  reasons: [{ summary: "node(s) were unschedulable", detail: "cordoned" }],
};

test("groupRefusals: the node that is nearest comes first, then groups in the order of their nearest", () => {
  const { refused } = groupRefusals(
    [
      rejected("both", cordoned, lacks(0.1)),
      rejected("cordoned", cordoned),
      rejected("far", lacks(0.9)),
      rejected("near", lacks(0.2)),
    ],
    10,
  );
  expect(refused.map(({ rules, nodes }) => [rules, nodes.map(({ nodeName }) => nodeName)])).toEqual([
    [["insufficient cpu"], ["near", "far"]],
    [["node(s) were unschedulable"], ["cordoned"]],
    [["node(s) were unschedulable", "insufficient cpu"], ["both"]],
  ]);
});

test("groupRefusals: a reason without a remedy has none, and says whether ends of others can help", () => {
  const { refused } = groupRefusals([rejected("n", lacks(0.5), cordoned)], 1);
  expect(refused[0]?.nodes[0]?.reasons).toEqual([
    { plugin: "resources-fit", detail: "lacks 0.5", remedy: "wait", isFinal: false },
    { plugin: "node-unschedulable", detail: "cordoned", isFinal: true },
  ]);
});

test("surveyNodes: equal totals share a rank, and the instance's own node stands first among equals", () => {
  const { best } = surveyNodes(
    [feasible("a", 1), feasible("b", 5), feasible("c", 5), feasible("d", 1)],
    9,
    "c",
  );
  expect(best.map(({ nodeName, rank }) => `${nodeName} ${rank}`)).toEqual(["c 1", "b 1", "a 3", "d 3"]);
});

test("surveyNodes: beyond the limit nodes are counted, but for the instance's own", () => {
  const takers = Array.from({ length: 5 }, (_, i) => feasible(`t${i}`, 9 - i));
  const refusers = Array.from({ length: 5 }, (_, i) => rejected(`r${i}`, lacks(i / 10)));
  const survey = surveyNodes([...takers, ...refusers], 2, "t4");
  expect(survey).toMatchObject({ total: 10, feasible: 5, omitted: 5 });
  expect(survey.best.map(({ nodeName }) => nodeName)).toEqual(["t0", "t1", "t4"]);
  expect(survey.refused).toMatchObject([{ count: 5, nodes: [{ nodeName: "r0" }, { nodeName: "r1" }] }]);
});
