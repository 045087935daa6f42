import { expect, test } from "vitest";
import type { NodeSelectorTerm } from "../../../../../api/gen/kinds.gen.ts";
import { aNode, requirements } from "../../../testing/builders.ts";
import { viewOf } from "../../framework.ts";
import { noNeighbours } from "../../neighbours.ts";
import { emptyNode } from "../../snapshot.ts";
import { nodeAffinity, preferredNodeAffinity } from "./node-affinity.ts";

type Expression = NonNullable<NodeSelectorTerm["matchExpressions"]>[number];

const labels = { zone: "a", disk: "ssd", cores: "12", huge: "9223372036854775807", word: "12a", empty: "" };
const view = viewOf({ node: aNode("n1", { labels }), ...emptyNode }, 0);

function passes(...required: readonly NodeSelectorTerm[]): boolean {
  const filter = nodeAffinity.prepare(requirements({ nodeAffinity: { required, preferred: [] } }));
  return filter?.(view).kind === "success";
}

const expression = (key: string, operator: Expression["operator"], values?: readonly string[]) => ({
  matchExpressions: [{ key, operator, ...(values ? { values } : {}) }],
});
const field = (key: string, operator: Expression["operator"], values?: readonly string[]) => ({
  matchFields: [{ key, operator, ...(values ? { values } : {}) }],
});

test.each([
  { name: "In one of them", term: expression("zone", "In", ["b", "a"]), expected: true },
  { name: "In others", term: expression("zone", "In", ["b"]), expected: false },
  { name: "In, no such label", term: expression("none", "In", [""]), expected: false },
  { name: "In the empty value", term: expression("empty", "In", [""]), expected: true },
  { name: "NotIn others", term: expression("zone", "NotIn", ["b"]), expected: true },
  { name: "NotIn one of them", term: expression("zone", "NotIn", ["a"]), expected: false },
  { name: "NotIn, no such label", term: expression("none", "NotIn", ["a"]), expected: true },
  { name: "NotIn nothing", term: expression("zone", "NotIn", []), expected: false },
  { name: "Exists", term: expression("empty", "Exists"), expected: true },
  { name: "Exists, no such label", term: expression("none", "Exists"), expected: false },
  {
    name: "Exists, a name that every object has",
    term: expression("constructor", "Exists"),
    expected: false,
  },
  { name: "Exists with values", term: expression("zone", "Exists", ["a"]), expected: false },
  { name: "DoesNotExist", term: expression("none", "DoesNotExist"), expected: true },
  { name: "DoesNotExist, but it does", term: expression("zone", "DoesNotExist"), expected: false },
  { name: "Gt a lower number", term: expression("cores", "Gt", ["9"]), expected: true },
  { name: "Gt the same", term: expression("cores", "Gt", ["12"]), expected: false },
  { name: "Gt a negative number", term: expression("cores", "Gt", ["-1"]), expected: true },
  { name: "Lt a higher number", term: expression("cores", "Lt", ["100"]), expected: true },
  { name: "Lt a lower number", term: expression("cores", "Lt", ["9"]), expected: false },
  {
    name: "Lt, beyond what doubles tell apart",
    term: expression("huge", "Gt", ["9223372036854775806"]),
    expected: true,
  },
  {
    name: "Lt a number of more than 64 bits",
    term: expression("cores", "Lt", ["9223372036854775808"]),
    expected: false,
  },
  { name: "Gt, a label that is no number", term: expression("word", "Gt", ["1"]), expected: false },
  { name: "Lt, an empty label", term: expression("empty", "Lt", ["1"]), expected: false },
  { name: "Gt, no such label", term: expression("none", "Gt", ["-1"]), expected: false },
  { name: "Gt what is no number", term: expression("cores", "Gt", ["1.5"]), expected: false },
  { name: "Gt two numbers", term: expression("cores", "Gt", ["1", "2"]), expected: false },
  { name: "the node by its name", term: field("metadata.name", "In", ["n1"]), expected: true },
  { name: "another node's name", term: field("metadata.name", "In", ["n2"]), expected: false },
  { name: "not another node", term: field("metadata.name", "NotIn", ["n2"]), expected: true },
  { name: "not this node", term: field("metadata.name", "NotIn", ["n1"]), expected: false },
  { name: "a field that there is not", term: field("metadata.uid", "NotIn", ["n2"]), expected: false },
  { name: "two names", term: field("metadata.name", "In", ["n1", "n2"]), expected: false },
  { name: "a name that exists", term: field("metadata.name", "Exists"), expected: false },
  { name: "an empty term", term: {}, expected: false },
  {
    name: "all of a term, when one fails",
    term: { ...field("metadata.name", "In", ["n1"]), ...expression("zone", "In", ["b"]) },
    expected: false,
  },
  {
    name: "all of a term",
    term: { ...field("metadata.name", "In", ["n1"]), ...expression("zone", "In", ["a"]) },
    expected: true,
  },
])("nodeAffinity: $name: $expected", ({ term, expected }) => {
  expect(passes(term)).toBe(expected);
});

test("nodeAffinity: one of the terms is enough, and no term is none", () => {
  expect(passes(expression("zone", "In", ["b"]), {}, expression("disk", "Exists"))).toBe(true);
  expect(passes()).toBe(false);
});

test("nodeAffinity: has nothing to say without a requirement", () => {
  expect(nodeAffinity.prepare(requirements())).toBeUndefined();
  expect(preferredNodeAffinity.prepare(requirements(), noNeighbours)).toBeUndefined();
});

test("nodeAffinity: says what each term wants and what the node has", () => {
  const required = [
    {
      matchExpressions: [
        ...(expression("disk", "Exists").matchExpressions ?? []),
        ...(expression("zone", "In", ["b", "c"]).matchExpressions ?? []),
      ],
    },
    expression("arch", "Exists"),
    field("metadata.name", "In", ["n2"]),
    expression("cores", "Gt", ["100"]),
  ];
  const filter = nodeAffinity.prepare(requirements({ nodeAffinity: { required, preferred: [] } }));
  expect(filter?.(view)).toMatchObject({
    kind: "unresolvable",
    reasons: [
      {
        summary: "node(s) didn't match the node affinity",
        detail:
          "node affinity wants zone in (b, c) (the node has zone=a), or a label arch (the node has no such label), " +
          "or metadata.name in (n2) (the node has the name n1), or one of 1 other terms",
      },
    ],
  });
});

test.each([
  {
    name: "all wishes",
    weights: [
      ["zone", "a", 10],
      ["disk", "ssd", 30],
    ] as const,
    expected: 100,
  },
  { name: "no wish", weights: [["zone", "b", 10]] as const, expected: 0 },
  {
    name: "the smaller wish",
    weights: [
      ["zone", "a", 10],
      ["disk", "hdd", 30],
    ] as const,
    expected: 25,
  },
  {
    name: "the larger wish",
    weights: [
      ["zone", "b", 10],
      ["disk", "ssd", 30],
    ] as const,
    expected: 75,
  },
])("preferredNodeAffinity: $name: $expected", ({ weights, expected }) => {
  const preferred = [
    ...weights.map(([key, value, weight]) => ({ weight, term: expression(key, "In", [value]) })),
    { weight: 100, term: {} },
  ];
  const score = preferredNodeAffinity.prepare(
    requirements({ nodeAffinity: { required: undefined, preferred } }),
    noNeighbours,
  );
  expect(score?.(view)).toBe(expected);
});
