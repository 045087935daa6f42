import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { clusterRole, PolicySources, rbacObject } from "../testing/rbac-objects.ts";
import { RoleAggregator, staleRoles } from "./aggregation.ts";
import { ruleBody } from "./policy.ts";

const can = (verb: string) => ({ verbs: [verb], apiGroups: [""], resources: ["configmaps"] });

function aggregated(
  name: string,
  selectors: readonly object[],
  labels: Readonly<Record<string, string>> = {},
  rules: readonly object[] = [],
): ApiObject {
  return rbacObject(
    "ClusterRole",
    name,
    "",
    { aggregationRule: { clusterRoleSelectors: selectors }, rules },
    labels,
  );
}

const byLabel = (key: string) => ({ matchLabels: { [key]: "true" } });

function verbsOf(roles: readonly ApiObject[]): object {
  return Object.fromEntries(
    staleRoles(roles).map(({ role, rules }) => [role.metadata.name, rules.flatMap(({ verbs }) => verbs)]),
  );
}

test.each([
  { name: "nothing is aggregated", roles: [clusterRole("a", [can("get")])], stale: {} },
  {
    name: "by name, each rule once",
    roles: [
      aggregated("all", [byLabel("x"), byLabel("y")]),
      clusterRole("c", [can("watch")], { y: "true" }),
      clusterRole("b", [can("list"), can("get")], { x: "true" }),
      clusterRole("a", [can("get")], { x: "true", y: "true" }),
      clusterRole("d", [can("delete")], { x: "false" }),
    ],
    stale: { all: ["get", "list", "watch"] },
  },
  {
    name: "what is right is left alone",
    roles: [
      aggregated("all", [byLabel("x")], {}, [can("get")]),
      clusterRole("a", [can("get")], { x: "true" }),
    ],
    stale: {},
  },
  {
    name: "what nothing selects any more goes",
    roles: [aggregated("all", [byLabel("x")], {}, [can("get")])],
    stale: { all: [] },
  },
  {
    name: "of aggregated roles what they aggregate",
    roles: [
      aggregated("admin", [byLabel("admin")]),
      aggregated("edit", [byLabel("edit")], { admin: "true" }, [can("stale")]),
      aggregated("view", [byLabel("view")], { edit: "true" }),
      clusterRole("v", [can("get")], { view: "true" }),
      clusterRole("e", [can("create")], { edit: "true" }),
    ],
    stale: { admin: ["create", "get"], edit: ["create", "get"], view: ["get"] },
  },
  {
    name: "roles that select one another and themselves",
    roles: [
      aggregated("a", [byLabel("x")], { x: "true" }),
      aggregated("b", [byLabel("x")], { x: "true" }),
      clusterRole("c", [can("get")], { x: "true" }),
    ],
    stale: { a: ["get"], b: ["get"] },
  },
  {
    name: "an empty selector finds all, an expression what it says",
    roles: [
      aggregated("all", [{}]),
      aggregated("some", [{ matchExpressions: [{ key: "constructor", operator: "Exists" }] }], {}, [
        can("x"),
      ]),
      clusterRole("a", [can("get")]),
    ],
    stale: { all: ["get"], some: [] },
  },
])("staleRoles: $name", ({ roles, stale }) => {
  expect(verbsOf(roles)).toEqual(stale);
});

test("staleRoles: a chain of thousands", () => {
  const roles = Array.from({ length: 3_000 }, (_, at) =>
    at === 2_999
      ? clusterRole(`r${at}`, [can("get")], { [`l${at}`]: "true" })
      : aggregated(`r${at}`, [byLabel(`l${at + 1}`)], { [`l${at}`]: "true" }),
  ).slice(2_900);
  expect(staleRoles(roles)).toHaveLength(99);
});

function watched(...roles: readonly ApiObject[]) {
  const sources = new PolicySources(...roles);
  const clock = new FakeClock();
  const writes: string[] = [];
  const failures: Error[] = [];
  const aggregator = new RoleAggregator(
    sources.clusterRoles,
    (role, rules) => {
      writes.push(`${role.metadata.name}: ${rules.flatMap(({ verbs }) => verbs).join(",")}`);
      const failure = failures.pop();
      if (failure) return Promise.reject(failure);
      sources.put({ ...role, rules: rules.map(ruleBody) });
      return Promise.resolve();
    },
    { clock, log: silentLog },
  );
  const settle = async (ms: number) => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { sources, writes, failures, aggregator, settle };
}

test("RoleAggregator: writes at the start, once for a burst of changes, and nothing when all is right", async () => {
  const { sources, writes, aggregator, settle } = watched(
    aggregated("all", [byLabel("x")]),
    clusterRole("a", [can("get")], { x: "true" }),
  );
  await settle(1_000);
  await settle(1_000);
  expect(writes).toEqual(["all: get"]);
  for (let at = 0; at < 100; at++) sources.put(clusterRole(`b${at}`, [can(`v${at % 2}`)], { x: "true" }));
  await settle(1_000);
  await settle(1_000);
  expect(writes.slice(1)).toEqual(["all: get,v0,v1"]);
  sources.put(clusterRole("other", [can("get")]));
  await settle(1_000);
  expect(writes).toHaveLength(2);
  await aggregator[Symbol.asyncDispose]();
});

test("RoleAggregator: tries a failed write again, and writes the others meanwhile", async () => {
  const { writes, failures, aggregator, settle } = watched(
    aggregated("a", [byLabel("x")]),
    aggregated("b", [byLabel("x")]),
    clusterRole("r", [can("get")], { x: "true" }),
  );
  failures.push(new Error("the disk is full"));
  await settle(50);
  expect(writes).toEqual(["a: get", "b: get"]);
  await settle(1_000);
  await settle(1_000);
  expect(writes).toEqual(["a: get", "b: get", "a: get"]);
  await aggregator[Symbol.asyncDispose]();
});

test("RoleAggregator: once closed writes no more", async () => {
  const { sources, writes, aggregator, settle } = watched(aggregated("a", [byLabel("x")]));
  await aggregator[Symbol.asyncDispose]();
  sources.put(clusterRole("r", [can("get")], { x: "true" }));
  await settle(10_000);
  expect(writes).toEqual([]);
});
