import { expect, test } from "vitest";
import { attributes, userNamed } from "../testing/rbac-objects.ts";
import { rulesOf } from "./policy.ts";
import { pathMatches, ruleAllows, RuleTable } from "./rule-match.ts";

const bob = userNamed("bob");

function ruleOf(fields: object) {
  return rulesOf({ rules: [fields] })[0]!;
}

const configMaps = { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] };

test.each([
  { rule: configMaps, asks: "get configmaps", is: true },
  { rule: configMaps, asks: "get configmaps x", is: true },
  { rule: configMaps, asks: "watch configmaps", is: false },
  { rule: configMaps, asks: "get secrets", is: false },
  { rule: configMaps, asks: "get apps:configmaps", is: false },
  { rule: configMaps, asks: "get configmaps/status", is: false },
  { rule: configMaps, asks: "get /configmaps", is: false },
  { rule: { ...configMaps, verbs: ["*"] }, asks: "whatever configmaps", is: true },
  { rule: { ...configMaps, apiGroups: ["*"] }, asks: "get apps:configmaps", is: true },
  { rule: { ...configMaps, apiGroups: [] }, asks: "get configmaps", is: false },
  { rule: { ...configMaps, verbs: [] }, asks: "get configmaps", is: false },
  { rule: { ...configMaps, resources: ["*"] }, asks: "get secrets", is: true },
  { rule: { ...configMaps, resources: ["*"] }, asks: "get secrets/anything", is: true },
  { rule: { ...configMaps, resources: ["a/scale"] }, asks: "get a/scale", is: true },
  { rule: { ...configMaps, resources: ["a/scale"] }, asks: "get a", is: false },
  { rule: { ...configMaps, resources: ["a/scale"] }, asks: "get b/scale", is: false },
  { rule: { ...configMaps, resources: ["*/scale"] }, asks: "get b/scale", is: true },
  { rule: { ...configMaps, resources: ["*/scale"] }, asks: "get b/status", is: false },
  { rule: { ...configMaps, resources: ["*/scale"] }, asks: "get scale", is: false },
  { rule: { ...configMaps, resources: ["a/*"] }, asks: "get a/scale", is: false },
  { rule: { ...configMaps, resourceNames: ["x", "y"] }, asks: "get configmaps y", is: true },
  { rule: { ...configMaps, resourceNames: ["x", "y"] }, asks: "get configmaps z", is: false },
  { rule: { ...configMaps, resourceNames: ["x"] }, asks: "list configmaps", is: false },
  { rule: { ...configMaps, resourceNames: ["x"] }, asks: "list configmaps x", is: true },
  { rule: { ...configMaps, resourceNames: ["*"] }, asks: "get configmaps x", is: false },
  { rule: { nonResourceURLs: ["/metrics"], verbs: ["get"] }, asks: "get /metrics", is: true },
  { rule: { nonResourceURLs: ["/metrics"], verbs: ["get"] }, asks: "get /metrics/", is: false },
  { rule: { nonResourceURLs: ["/metrics"], verbs: ["get"] }, asks: "post /metrics", is: false },
  { rule: { nonResourceURLs: ["*"], verbs: ["*"] }, asks: "post /metrics", is: true },
  { rule: { nonResourceURLs: ["*"], verbs: ["*"] }, asks: "get configmaps", is: false },
  { rule: { apiGroups: "", resources: {}, verbs: [1, "get"] }, asks: "get configmaps", is: false },
])("ruleAllows: $rule of $asks is $is", ({ rule, asks, is }) => {
  expect(ruleAllows(ruleOf(rule), attributes(bob, asks))).toBe(is);
  expect(new RuleTable([ruleOf(rule)]).allows(attributes(bob, asks))).toBe(is);
});

test.each([
  ["/apis/*", "/apis/apps", true],
  ["/apis/*", "/apis/", true],
  ["/apis/*", "/apis", false],
  ["/api*", "/apis", true],
  ["/a**", "/ab", true],
  ["*", "/", true],
  ["/*/x", "/a/x", false],
])("pathMatches: %s of %s is %s", (pattern, path, is) => {
  expect(pathMatches(pattern, path)).toBe(is);
});

test("RuleTable: looks only at rules that name the resource", () => {
  const other = Array.from({ length: 1_000 }, (_, at) => ruleOf({ ...configMaps, resources: [`r${at}`] }));
  const table = new RuleTable([...other, ruleOf({ ...configMaps, resources: ["a", "a", "b"] })]);
  expect(table.candidates(attributes(bob, "get a"))).toHaveLength(1);
  expect(table.candidates(attributes(bob, "get constructor"))).toEqual([]);
});
