import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { builtInResources } from "../registry.ts";
import { attributes, PolicySources, rbacObject, userNamed } from "../testing/rbac-objects.ts";
import { staleRoles } from "./aggregation.ts";
import { bootstrapPolicy, type PolicyObject } from "./bootstrap-policy.ts";
import { reconcileBootstrap } from "./bootstrap-reconcile.ts";
import { objectsOf } from "./policy.ts";
import { RbacAuthorizer } from "./rbac.ts";

const wanted = bootstrapPolicy(builtInResources());

function stored({ kind, metadata, ...rest }: PolicyObject): ApiObject {
  const { metadata: base, ...object } = rbacObject(kind, metadata.name, "", rest);
  return { ...object, metadata: { ...base, ...metadata } };
}

/** A cluster after its first start, with these bindings in namespace "n". */
function cluster(...users: readonly string[]): RbacAuthorizer {
  const objects = reconcileBootstrap([], wanted).flatMap((step) =>
    step.kind === "create" ? [stored(step.object)] : [],
  );
  const bindings = users.map((user) =>
    rbacObject("RoleBinding", user, "n", {
      roleRef: { kind: "ClusterRole", name: user },
      subjects: [{ kind: "User", name: user }],
    }),
  );
  return new RbacAuthorizer(new PolicySources(...objects, ...bindings));
}

test.each([
  {
    user: "view",
    may: [
      "get configmaps",
      "list wherry.dev:wasmdeployments",
      "get wherry.dev:wasmdeployments/scale",
      "get live.wherry.dev:wasminstances/log",
      "list live.wherry.dev:workloadusages",
      "watch events",
      "get resourcequotas",
    ],
  },
  {
    user: "edit",
    may: [
      "get configmaps",
      "get secrets",
      "create secrets",
      "create wherry.dev:wasmjobs",
      "patch wherry.dev:wasmdeployments/scale",
      "delete live.wherry.dev:wasminstances",
      "update coordination.k8s.io:leases",
      "impersonate serviceaccounts",
    ],
  },
  {
    user: "admin",
    may: [
      "get secrets",
      "create wherry.dev:wasmjobs",
      "create rbac.authorization.k8s.io:roles",
      "create authorization.k8s.io:localsubjectaccessreviews",
    ],
  },
])("bootstrapPolicy: $user may", ({ user, may }) => {
  const rbac = cluster(user);
  const refused = may.filter((text) => !rbac.authorize(attributes(userNamed(user), text, "n")).allowed);
  expect(refused).toEqual([]);
});

test.each([
  {
    user: "view",
    mayNot: [
      "get secrets",
      "create configmaps",
      "get rbac.authorization.k8s.io:roles",
      "delete live.wherry.dev:wasminstances",
      "watch live.wherry.dev:workloadusages",
      "get wherry.dev:wasmnodes",
    ],
  },
  {
    user: "edit",
    mayNot: [
      "create rbac.authorization.k8s.io:roles",
      "update wherry.dev:wasmdeployments/status",
      "create resourcequotas",
      "get wherry.dev:wasmnodes",
    ],
  },
  {
    user: "admin",
    mayNot: ["create resourcequotas", "create namespaces", "escalate rbac.authorization.k8s.io:roles"],
  },
])("bootstrapPolicy: $user may not", ({ user, mayNot }) => {
  const rbac = cluster(user);
  const allowed = mayNot.filter((text) => rbac.authorize(attributes(userNamed(user), text, "n")).allowed);
  expect(allowed).toEqual([]);
});

test.each([
  { group: "system:authenticated", asks: "get /apis/apps", is: true },
  { group: "system:authenticated", asks: "create authorization.k8s.io:selfsubjectaccessreviews", is: true },
  { group: "system:authenticated", asks: "create authorization.k8s.io:subjectaccessreviews", is: false },
  { group: "system:authenticated", asks: "get /metrics", is: false },
  { group: "system:unauthenticated", asks: "get /version", is: true },
  { group: "system:unauthenticated", asks: "get /api", is: false },
  { group: "system:monitoring", asks: "get /metrics", is: true },
  { group: "system:monitoring", asks: "get /sd/prometheus", is: true },
  { group: "system:authenticated", asks: "get /sd/prometheus", is: false },
  { group: "system:monitoring", asks: "get /readyz/ping", is: true },
])("bootstrapPolicy: $group may $asks: $is", ({ group, asks, is }) => {
  expect(cluster().authorize(attributes(userNamed("x", group), asks)).allowed).toBe(is);
});

test("reconcileBootstrap: creates all with their aggregated rules, and then has nothing to do", () => {
  const steps = reconcileBootstrap([], wanted);
  expect(steps.map(({ kind }) => kind)).toEqual(wanted.map(() => "create"));
  const objects = steps.flatMap((step) => (step.kind === "create" ? [stored(step.object)] : []));
  expect(staleRoles(objects.filter(({ kind }) => kind === "ClusterRole"))).toEqual([]);
  expect(reconcileBootstrap(objects, wanted)).toEqual([]);
});

const basic = wanted.find(
  ({ kind, metadata }) => kind === "ClusterRole" && metadata.name === "system:basic-user",
)!;
const admin = wanted.find(({ metadata }) => metadata.name === "admin")!;
const discovery = wanted.find(
  ({ kind, metadata }) => kind === "ClusterRoleBinding" && metadata.name === "system:discovery",
)!;

function update(existing: ApiObject, object: PolicyObject): ApiObject | undefined {
  const [step] = reconcileBootstrap([existing], [object]);
  return step?.kind === "update" ? step.object : undefined;
}

test("reconcileBootstrap: gives back missing rules and labels, and keeps what was added", () => {
  const extra = { verbs: ["get"], apiGroups: ["x"], resources: ["y"] };
  const [first] = objectsOf(basic["rules"]);
  const changed = {
    ...stored(basic),
    metadata: { ...stored(basic).metadata, labels: { mine: "1" } },
    rules: [extra, { ...first, resources: ["selfsubjectaccessreviews"] }],
  };
  const object = update(changed, basic);
  expect(object?.["rules"]).toEqual([
    ...changed.rules,
    { verbs: ["create"], apiGroups: ["authorization.k8s.io"], resources: ["selfsubjectrulesreviews"] },
    { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"] },
  ]);
  expect(object?.metadata.labels).toEqual({ "kubernetes.io/bootstrapping": "rbac-defaults", mine: "1" });
  expect(object?.metadata.resourceVersion).toBe(changed.metadata.resourceVersion);
});

test("reconcileBootstrap: leaves alone what only holds more, and what says so", () => {
  const more = { ...stored(basic), rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }] };
  expect(reconcileBootstrap([more], [basic])).toEqual([]);
  const off = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
  const kept = { ...stored(basic), metadata: { ...stored(basic).metadata, annotations: off }, rules: [] };
  expect(reconcileBootstrap([kept], [basic])).toEqual([]);
});

test("reconcileBootstrap: gives back a selector, whatever the rules", () => {
  const mine = { matchLabels: { mine: "1" } };
  const changed = { ...stored(admin), rules: [], aggregationRule: { clusterRoleSelectors: [mine] } };
  const object = update(changed, admin);
  expect(object?.["aggregationRule"]).toEqual({
    clusterRoleSelectors: [mine, { matchLabels: { "rbac.authorization.k8s.io/aggregate-to-admin": "true" } }],
  });
  expect(object?.["rules"]).toEqual([]);
});

test("reconcileBootstrap: gives back a missing subject, and makes a binding to another role again", () => {
  const other = { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "bob" };
  const changed = { ...stored(discovery), subjects: [other] };
  expect(objectsOf(update(changed, discovery)?.["subjects"]).map(({ name }) => name)).toEqual([
    "bob",
    "system:authenticated",
  ]);
  const elsewhere = { ...stored(discovery), roleRef: { kind: "ClusterRole", name: "view" } };
  expect(reconcileBootstrap([elsewhere], [discovery])).toEqual([
    { kind: "recreate", old: elsewhere, object: discovery },
  ]);
});
