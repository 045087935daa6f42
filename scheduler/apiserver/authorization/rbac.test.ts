import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { User } from "../authentication/user.ts";
import { attributes, binding, clusterRole, PolicySources, role, userNamed } from "../testing/rbac-objects.ts";
import type { Attributes } from "./authorizer.ts";
import { bindingOf, rulesOf } from "./policy.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { ruleAllows } from "./rule-match.ts";

const reading = { apiGroups: [""], resources: ["configmaps"], verbs: ["get"] };
const metrics = { nonResourceURLs: ["/metrics"], verbs: ["get"] };

const policy = [
  clusterRole("reader", [reading, metrics]),
  role("n", "local", { ...reading, verbs: ["delete"] }),
  binding("", "readers", "ClusterRole/reader", "Group/devs", "ServiceAccount/n/robot"),
  binding("n", "bobs", "ClusterRole/reader", "User/bob"),
  binding("n", "locals", "Role/local", "ServiceAccount/worker", "User/ann"),
  binding("n", "dangling", "Role/gone", "User/eve"),
  binding("", "dangling", "ClusterRole/gone", "User/eve"),
  binding("", "nobody", "ClusterRole/reader", "ServiceAccount/homeless"),
];

const toClusterRole = 'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to';

test.each([
  { user: userNamed("root", "system:masters"), asks: "delete secrets", allowed: true, reason: "" },
  {
    user: userNamed("a", "devs"),
    asks: "get configmaps",
    allowed: true,
    reason: `${toClusterRole} Group "devs"`,
  },
  {
    user: userNamed("a", "devs"),
    asks: "get /metrics",
    allowed: true,
    reason: `${toClusterRole} Group "devs"`,
  },
  {
    user: userNamed("a", "devs"),
    asks: "get configmaps",
    namespace: "m",
    allowed: true,
    reason: `${toClusterRole} Group "devs"`,
  },
  { user: userNamed("devs"), asks: "get configmaps", allowed: false, reason: "" },
  {
    user: userNamed("system:serviceaccount:n:robot"),
    asks: "get configmaps",
    allowed: true,
    reason: `${toClusterRole} ServiceAccount "robot/n"`,
  },
  { user: userNamed("system:serviceaccount::homeless"), asks: "get configmaps", allowed: false, reason: "" },
  { user: userNamed("bob"), asks: "get configmaps", allowed: false, reason: "" },
  {
    user: userNamed("bob"),
    asks: "get configmaps",
    namespace: "n",
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "bobs/n" of ClusterRole "reader" to User "bob"',
  },
  { user: userNamed("bob"), asks: "get configmaps", namespace: "m", allowed: false, reason: "" },
  { user: userNamed("bob"), asks: "get /metrics", namespace: "n", allowed: false, reason: "" },
  {
    user: userNamed("system:serviceaccount:n:worker"),
    asks: "delete configmaps",
    namespace: "n",
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "locals/n" of Role "local" to ServiceAccount "worker/n"',
  },
  {
    user: userNamed("system:serviceaccount:m:worker"),
    asks: "delete configmaps",
    namespace: "n",
    allowed: false,
    reason: "",
  },
  {
    user: userNamed("eve"),
    asks: "get configmaps",
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  },
  {
    user: userNamed("eve"),
    asks: "get configmaps",
    namespace: "n",
    allowed: false,
    reason:
      'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "gone" not found]',
  },
  {
    user: userNamed("constructor", "__proto__"),
    asks: "get configmaps",
    namespace: "toString",
    allowed: false,
    reason: "",
  },
])(
  "RbacAuthorizer: $user.name may $asks in '$namespace': $allowed",
  ({ user, asks, namespace, allowed, reason }) => {
    const rbac = new RbacAuthorizer(new PolicySources(...policy));
    expect(rbac.authorize(attributes(user, asks, namespace))).toEqual({ allowed, reason });
  },
);

test("RbacAuthorizer: names of a review that look like keys find nothing of others", () => {
  const rbac = new RbacAuthorizer(new PolicySources(...policy));
  const asks = attributes(userNamed("bob"), "get configmaps", "n/User bob");
  expect(rbac.authorize(asks).allowed).toBe(false);
});

test("RbacAuthorizer: follows roles and bindings as they change", () => {
  const sources = new PolicySources();
  const rbac = new RbacAuthorizer(sources);
  const may = () => rbac.authorize(attributes(userNamed("bob", "devs"), "get configmaps", "n")).allowed;
  sources.put(binding("n", "b", "Role/r", "User/bob"));
  expect(may()).toBe(false);
  sources.put(role("n", "r", reading));
  expect(may()).toBe(true);
  sources.put(role("n", "r", { ...reading, verbs: ["list"] }));
  expect(may()).toBe(false);
  sources.put(role("n", "r", reading));
  sources.put(binding("n", "b", "Role/r", "User/ann", "Group/devs"));
  expect(may()).toBe(true);
  sources.put(binding("n", "b", "Role/r"));
  expect(may()).toBe(false);
  sources.put(binding("n", "b", "Role/r", "User/bob", "User/bob"));
  expect(may()).toBe(true);
  sources.delete(binding("n", "b", "Role/r"));
  expect(may()).toBe(false);
});

test("RbacAuthorizer.rulesFor: the rules of the cluster's bindings and of the namespace's", () => {
  const rbac = new RbacAuthorizer(new PolicySources(...policy));
  const ann = userNamed("ann", "devs");
  expect(rbac.rulesFor(ann, "n").rules.map((rule) => rule.verbs)).toEqual([["get"], ["get"], ["delete"]]);
  expect(rbac.rulesFor(ann, "").rules).toHaveLength(2);
  expect(rbac.rulesFor(userNamed("eve"), "n").errors).toHaveLength(2);
});

test("RbacAuthorizer: a decision does the same work among ten bindings and among ten thousand", () => {
  const work = [10, 10_000].map((count) => {
    const sources = new PolicySources(...policy);
    for (let at = 0; at < count; at++) {
      sources.put(role("n", `r${at}`, reading));
      sources.put(binding("n", `b${at}`, `Role/r${at}`, `User/u${at}`, `Group/g${at}`));
      sources.put(binding("", `c${at}`, "ClusterRole/reader", `User/u${at}`));
      // Many bindings of the same user to the same role count once.
      sources.put(binding("n", `same${at}`, "ClusterRole/reader", "User/bob"));
    }
    const rbac = new RbacAuthorizer(sources);
    const listsBefore = sources.lists;
    let gets = 0;
    for (const source of [sources.roles, sources.clusterRoles]) {
      const get = source.get.bind(source);
      source.get = (namespace, name) => {
        gets++;
        return get(namespace, name);
      };
    }
    expect(rbac.authorize(attributes(userNamed("bob"), "list secrets", "n")).allowed).toBe(false);
    expect(rbac.authorize(attributes(userNamed("u5", "g7"), "list secrets", "n")).allowed).toBe(false);
    expect(sources.lists).toBe(listsBefore);
    return gets;
  });
  expect(work).toEqual([4, 4]);
});

/** Kubernetes' own way: look at every binding. */
function scan(objects: readonly ApiObject[], asks: Attributes): boolean {
  const namespace = asks.kind === "resource" ? asks.namespace : "";
  return objects.some((object) => {
    if (!object.kind.endsWith("Binding")) return false;
    const found = bindingOf(object);
    if (found.namespace !== "" && found.namespace !== namespace) return false;
    if (!found.subjects.some((one) => isSubject(asks.user, one, found.namespace))) return false;
    const bound = objects.find(
      ({ kind, metadata }) =>
        kind === found.roleRef.kind &&
        metadata.name === found.roleRef.name &&
        (metadata.namespace ?? "") === (kind === "Role" ? found.namespace : ""),
    );
    return bound !== undefined && rulesOf(bound).some((rule) => ruleAllows(rule, asks));
  });
}

function isSubject(
  user: User,
  subject: { readonly kind: string; readonly name: string; readonly namespace: string },
  home: string,
): boolean {
  if (subject.kind === "User") return user.name === subject.name;
  if (subject.kind === "Group") return user.groups.includes(subject.name);
  const namespace = subject.namespace || home;
  return namespace !== "" && user.name === `system:serviceaccount:${namespace}:${subject.name}`;
}

test("RbacAuthorizer: after any changes decides as a scan of everything does", () => {
  const name = fc.constantFrom("a", "b");
  const namespace = fc.constantFrom("n", "m");
  const list = (...values: string[]) => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 2 });
  const rule = fc.oneof(
    fc.record({
      verbs: list("get", "list", "*"),
      apiGroups: list("", "apps", "*"),
      resources: list("x", "x/scale", "*/scale", "*"),
      resourceNames: list("o"),
    }),
    fc.record({ verbs: list("get", "*"), nonResourceURLs: list("/p", "/p/*", "*") }),
  );
  const subject = fc.constantFrom("User/u", "User/v", "Group/g", "ServiceAccount/n/s", "ServiceAccount/s");
  const object = fc.oneof(
    fc.tuple(namespace, name, rule).map(([space, one, rule]) => role(space, one, rule)),
    fc.tuple(name, fc.array(rule, { maxLength: 3 })).map(([one, rules]) => clusterRole(one, rules)),
    fc
      .tuple(
        fc.oneof(namespace, fc.constant("")),
        name,
        fc.constantFrom("Role", "ClusterRole"),
        name,
        fc.array(subject, { maxLength: 3 }),
      )
      .map(([space, one, kind, to, subjects]) => binding(space, one, `${kind}/${to}`, ...subjects)),
  );
  const changes = fc.array(fc.record({ kind: fc.constantFrom("put", "put", "delete"), object }), {
    maxLength: 30,
  });
  const asked = fc
    .tuple(
      fc.constantFrom(
        userNamed("u"),
        userNamed("v", "g"),
        userNamed("system:serviceaccount:n:s"),
        userNamed("x", "g", "h"),
      ),
      fc.constantFrom(
        "get x",
        "list apps:x",
        "get x/scale",
        "get y/scale o",
        "get x o",
        "get /p",
        "get /p/q",
      ),
      fc.constantFrom("", "n", "m"),
    )
    .map(([user, text, space]) => attributes(user, text, space));
  fc.assert(
    fc.property(
      changes,
      fc.nat(30),
      fc.array(asked, { minLength: 1, maxLength: 12 }),
      (steps, loaded, questions) => {
        const sources = new PolicySources();
        const stored = new Map<string, ApiObject>();
        const apply = ({ kind, object }: (typeof steps)[number]) => {
          const key = `${object.kind}/${object.metadata.namespace ?? ""}/${object.metadata.name}`;
          if (kind === "put") {
            stored.set(key, object);
            sources.put(object);
          } else if (stored.delete(key)) sources.delete(object);
        };
        steps.slice(0, loaded).forEach(apply);
        using rbac = new RbacAuthorizer(sources);
        steps.slice(loaded).forEach(apply);
        for (const asks of questions)
          expect(rbac.authorize(asks).allowed).toBe(scan([...stored.values()], asks));
      },
    ),
    { numRuns: 500 },
  );
});
