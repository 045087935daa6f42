import { expect, test } from "vitest";
import type { ApiObject } from "../../api/object-meta.ts";
import { judge } from "./judge.ts";
import { parseWaitGoal } from "./wait-goal.ts";

interface Parts {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly metadata?: object;
}

function object({
  kind = "WasmDeployment",
  apiVersion = "wherry.dev/v1alpha1",
  spec,
  status,
  metadata,
}: Parts): ApiObject {
  const base = {
    name: "x",
    uid: "u",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    generation: 2,
  };
  return { apiVersion, kind, metadata: { ...base, ...metadata }, spec, status };
}

const condition = (type: string, status: string, more: object = {}) => ({
  type,
  status,
  reason: "R",
  message: "m",
  ...more,
});
const withConditions = (...conditions: readonly unknown[]) => ({
  status: { observedGeneration: 2, conditions },
});

test.each([
  {
    name: "ready",
    parts: withConditions(condition("Ready", "True"), condition("Reconciling", "False")),
    expected: { kind: "met" },
  },
  { name: "no conditions at all", parts: { status: { observedGeneration: 2 } }, expected: { kind: "met" } },
  {
    name: "a kind without status",
    parts: { kind: "ConfigMap", apiVersion: "v1" },
    expected: { kind: "met" },
  },
  {
    name: "not ready",
    parts: withConditions(condition("Ready", "False")),
    expected: { kind: "waiting", seen: "Ready is False (R): m" },
  },
  {
    name: "of unknown readiness",
    parts: withConditions(condition("Ready", "Unknown")),
    expected: { kind: "waiting", seen: "Ready is Unknown (R): m" },
  },
  {
    name: "reconciling",
    parts: withConditions(condition("Ready", "True"), condition("Reconciling", "True")),
    expected: { kind: "waiting", seen: "Reconciling is True (R): m" },
  },
  {
    name: "stalled",
    parts: withConditions(condition("Reconciling", "True"), condition("Stalled", "True")),
    expected: { kind: "hopeless", why: "Stalled is True (R): m" },
  },
  {
    name: "stalled, but in an earlier generation",
    parts: { status: { observedGeneration: 1, conditions: [condition("Stalled", "True")] } },
    expected: { kind: "waiting", seen: "generation 2 is not observed yet, only 1" },
  },
  {
    name: "a workload that nobody has looked at",
    parts: { spec: { template: {} } },
    expected: { kind: "waiting", seen: "no controller has looked at it yet" },
  },
  {
    name: "a job that has failed",
    parts: { kind: "WasmJob", ...withConditions(condition("Failed", "True")) },
    expected: { kind: "hopeless", why: "Failed is True (R): m" },
  },
  {
    name: "something else that has a condition Failed",
    parts: { kind: "Thing", ...withConditions(condition("Failed", "True")) },
    expected: { kind: "met" },
  },
  {
    name: "on its way out",
    parts: { metadata: { deletionTimestamp: "T", finalizers: ["a", "b"] } },
    expected: { kind: "waiting", seen: "it is being deleted since T; its finalizers are a, b" },
  },
  {
    name: "conditions that are none",
    parts: withConditions(null, 7, { type: 1, status: "True" }, { type: "Ready" }),
    expected: { kind: "met" },
  },
  {
    name: "conditions that are no list",
    parts: { status: { conditions: "Ready" } },
    expected: { kind: "met" },
  },
  { name: "a status that is no object", parts: { status: "fine" }, expected: { kind: "met" } },
])("judge current: $name", ({ parts, expected }) => {
  expect(judge({ kind: "current" }, object(parts))).toEqual(expected);
});

test.each([
  {
    name: "observed by itself",
    goal: "condition=Ready",
    parts: {
      status: { observedGeneration: 1, conditions: [condition("Ready", "True", { observedGeneration: 2 })] },
    },
    kind: "met",
  },
  {
    name: "not observed by itself",
    goal: "condition=Ready",
    parts: withConditions(condition("Ready", "True", { observedGeneration: 1 })),
    kind: "waiting",
  },
  {
    name: "no generation is told",
    goal: "condition=Ready",
    parts: { status: { conditions: [condition("Ready", "True")] } },
    kind: "met",
  },
  {
    name: "an operator in a filter is no value",
    goal: `jsonpath={.status.list[?(@.n>=2)].n}=3`,
    parts: { status: { list: [{ n: 1 }, { n: 3 }] } },
    kind: "met",
  },
  { name: "a number as text", goal: "jsonpath={.status.n}=3", parts: { status: { n: 3 } }, kind: "met" },
  { name: "a truth as text", goal: "jsonpath={.status.b}=true", parts: { status: { b: true } }, kind: "met" },
  {
    name: "a name with dots",
    goal: String.raw`jsonpath={.metadata.labels.a\.b/c}=d`,
    parts: { metadata: { labels: { "a.b/c": "d" } } },
    kind: "met",
  },
  {
    name: "a value in quotes",
    goal: `jsonpath={.status.s}="a b"`,
    parts: { status: { s: " a b " } },
    kind: "met",
  },
  {
    name: "an object instead of a value",
    goal: "jsonpath={.status}=3",
    parts: { status: {} },
    kind: "hopeless",
  },
  {
    name: "an object, when any value will do",
    goal: "jsonpath={.status}",
    parts: { status: {} },
    kind: "met",
  },
  {
    name: "what objects inherit is no field",
    goal: "jsonpath={.status.constructor}",
    parts: { status: {} },
    kind: "waiting",
  },
])("judge: $name", ({ goal, parts, kind }) => {
  expect(judge(parseWaitGoal(goal), object(parts)).kind).toBe(kind);
});

test.each([
  "",
  "ready",
  "condition",
  "condition==x",
  "jsonpath=",
  "jsonpath={.a}=b=c",
  "jsonpath={.a",
  "jsonpath={.a..b}",
])("parseWaitGoal: refuses %o", (text) => {
  expect(() => parseWaitGoal(text)).toThrow(/unrecognized condition|does not say which|jsonpath/);
});
