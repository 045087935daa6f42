import * as fc from "fast-check";
import { expect, test } from "vitest";
import { attributes, userNamed } from "../testing/rbac-objects.ts";
import { compactRules, coverage, describeRule, permissionsMax } from "./coverage.ts";
import { type PolicyRule, rulesOf } from "./policy.ts";
import { ruleAllows } from "./rule-match.ts";

const verbs = (...list: string[]) => ({ verbs: list });
const on = (group: string, ...resources: string[]) => ({ apiGroups: [group], resources });
const read = { ...on("", "configmaps"), ...verbs("get", "list") };

function rules(...list: readonly object[]): readonly PolicyRule[] {
  return rulesOf({ rules: list });
}

test.each([
  { name: "nothing", held: [], wanted: [], missing: [] },
  { name: "the same", held: [read], wanted: [read], missing: [] },
  {
    name: "more verbs",
    held: [read],
    wanted: [{ ...read, ...verbs("get", "watch", "delete") }],
    missing: ['{APIGroups:[""], Resources:["configmaps"], Verbs:["watch" "delete"]}'],
  },
  {
    name: "verbs from several rules",
    held: [read, { ...read, ...verbs("watch") }],
    wanted: [{ ...read, ...verbs("get", "list", "watch") }],
    missing: [],
  },
  {
    name: "a star is more than all that is known",
    held: [read],
    wanted: [{ ...read, ...verbs("*") }],
    missing: ['{APIGroups:[""], Resources:["configmaps"], Verbs:["*"]}'],
  },
  {
    name: "everything",
    held: [{ ...on("*", "*"), ...verbs("*") }],
    wanted: [read, { ...on("apps", "a/scale"), ...verbs("*") }],
    missing: [],
  },
  {
    name: "resources do not reach URLs",
    held: [{ ...on("*", "*"), ...verbs("*") }],
    wanted: [{ nonResourceURLs: ["/metrics"], ...verbs("get") }],
    missing: ['{NonResourceURLs:["/metrics"], Verbs:["get"]}'],
  },
  {
    name: "URLs below a star",
    held: [{ nonResourceURLs: ["/apis/*"], ...verbs("get") }],
    wanted: [{ nonResourceURLs: ["/apis/apps", "/apis/b/*", "/api"], ...verbs("get") }],
    missing: ['{NonResourceURLs:["/api"], Verbs:["get"]}'],
  },
  {
    name: "subresources by star",
    held: [{ ...on("", "*/scale"), ...verbs("get") }],
    wanted: [{ ...on("", "a/scale", "a"), ...verbs("get") }],
    missing: ['{APIGroups:[""], Resources:["a"], Verbs:["get"]}'],
  },
  {
    name: "a name of any",
    held: [read],
    wanted: [{ ...read, resourceNames: ["x"] }],
    missing: [],
  },
  {
    name: "any of a name",
    held: [{ ...read, resourceNames: ["x"] }],
    wanted: [read],
    missing: ['{APIGroups:[""], Resources:["configmaps"], Verbs:["get" "list"]}'],
  },
  {
    name: "another name",
    held: [{ ...read, resourceNames: ["x"] }],
    wanted: [{ ...read, ...verbs("get"), resourceNames: ["x", "y"] }],
    missing: ['{APIGroups:[""], Resources:["configmaps"], ResourceNames:["y"], Verbs:["get"]}'],
  },
  {
    name: "groups and resources do not mix across rules",
    held: [
      { ...on("", "a"), ...verbs("get") },
      { ...on("apps", "b"), ...verbs("get") },
    ],
    wanted: [{ apiGroups: ["", "apps"], resources: ["a", "b"], ...verbs("get") }],
    missing: [
      '{APIGroups:[""], Resources:["b"], Verbs:["get"]}',
      '{APIGroups:["apps"], Resources:["a"], Verbs:["get"]}',
    ],
  },
])("coverage: $name", ({ held, wanted, missing }) => {
  const result = coverage(rules(...held), rules(...wanted));
  const found = result.kind === "missing" ? compactRules(result.rules).map(describeRule) : [];
  expect(found).toEqual(missing);
  expect(result.kind).toBe(missing.length === 0 ? "covered" : "missing");
});

test("coverage: counts what lists multiply to instead of comparing it", () => {
  const many = (letter: string) => Array.from({ length: 1_000 }, (_, at) => `${letter}${at}`);
  const huge = { apiGroups: many("g"), resources: many("r"), verbs: many("v"), resourceNames: many("n") };
  expect(coverage(rules(read), rules(huge))).toEqual({ kind: "tooMany", permissions: 1e12 });
  expect(permissionsMax).toBeLessThan(1e12);
  // One rule that covers it as a whole is found without counting.
  expect(coverage(rules({ ...on("*", "*"), ...verbs("*") }), rules(huge)).kind).toBe("covered");
});

test("coverage: what is covered lets nobody do more than before", () => {
  const list = (...values: string[]) =>
    fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
  const rule = fc.record({
    verbs: list("get", "list", "*"),
    apiGroups: list("", "apps", "*"),
    resources: list("x", "y", "x/scale", "*/scale", "*"),
    resourceNames: fc.oneof(fc.constant([]), list("o", "p")),
  });
  const questions = ["", "apps:"].flatMap((group) =>
    ["x", "y", "x/scale", "y/scale"].flatMap((resource) =>
      ["", " o", " p"].flatMap((name) => ["get", "list"].map((verb) => `${verb} ${group}${resource}${name}`)),
    ),
  );
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), fc.array(rule, { maxLength: 2 }), (held, wanted) => {
      const [owned, given] = [rules(...held), rules(...wanted)];
      if (coverage(owned, given).kind !== "covered") return;
      for (const text of questions) {
        const asks = attributes(userNamed("u"), text);
        if (given.some((one) => ruleAllows(one, asks)))
          expect(owned.some((one) => ruleAllows(one, asks))).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
