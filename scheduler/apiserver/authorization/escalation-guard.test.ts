import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { AdmissionRequest } from "../admission/admission.ts";
import type { User } from "../authentication/user.ts";
import { clusterRoleBindingDefinition, roleBindingDefinition } from "../kinds/role-binding.ts";
import { clusterRoleDefinition, roleDefinition } from "../kinds/role.ts";
import { ApiError } from "../status.ts";
import { binding, clusterRole, PolicySources, rbacObject, role, userNamed } from "../testing/rbac-objects.ts";
import { EscalationGuard } from "./escalation-guard.ts";
import { RbacAuthorizer } from "./rbac.ts";

const rbac = "rbac.authorization.k8s.io";
const definitions = [
  roleDefinition,
  clusterRoleDefinition,
  roleBindingDefinition,
  clusterRoleBindingDefinition,
];
const reading = { verbs: ["get", "list"], apiGroups: [""], resources: ["configmaps"] };
const secrets = { verbs: ["get"], apiGroups: [""], resources: ["secrets"] };
const all = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

const guard = new EscalationGuard(
  new RbacAuthorizer(
    new PolicySources(
      clusterRole("reader", [reading]),
      clusterRole("secret-reader", [secrets]),
      clusterRole("everything", all),
      clusterRole("binder", [
        { verbs: ["bind"], apiGroups: [rbac], resources: ["clusterroles"], resourceNames: ["secret-reader"] },
      ]),
      clusterRole("escalator", [
        { verbs: ["escalate"], apiGroups: [rbac], resources: ["roles"], resourceNames: ["known"] },
      ]),
      role("n", "local", secrets),
      binding("n", "reader", "ClusterRole/reader", "User/bob", "User/binder", "User/escalator"),
      binding("n", "gone", "Role/gone", "User/lost"),
      binding("n", "binder", "ClusterRole/binder", "User/binder"),
      binding("n", "escalator", "ClusterRole/escalator", "User/escalator"),
      binding("", "root", "ClusterRole/everything", "User/root"),
    ),
  ),
);

function outcome(user: User, object: ApiObject, old?: ApiObject): string {
  const resource = definitions.find(({ kind }) => kind === object.kind)!;
  const request: AdmissionRequest = {
    operation: old ? "update" : "create",
    resource,
    subresource: "",
    user,
    object,
    old,
    dryRun: false,
  };
  try {
    guard.admit(request);
    return "admitted";
  } catch (thrown) {
    return thrown instanceof ApiError ? `${thrown.httpCode} ${thrown.message}` : String(thrown);
  }
}

const bob = userNamed("bob", "devs", "system:authenticated");
const root = userNamed("root");
const refused = (what: string, who: string, rules: string) =>
  `403 ${what} is forbidden: user "${who}" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n${rules}`;
const secretRule = '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}';

function aggregate(...rules: readonly object[]): ApiObject {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] };
  return rbacObject("ClusterRole", "agg", "", { rules, aggregationRule });
}

test.each([
  { name: "what one holds", user: bob, object: role("n", "x", reading), is: "admitted" },
  {
    name: "what one does not hold",
    user: bob,
    object: role("n", "x", reading, secrets, { ...reading, verbs: ["watch", "delete"] }),
    is: refused(
      `roles.${rbac} "x"`,
      "bob",
      `{APIGroups:[""], Resources:["configmaps"], Verbs:["watch" "delete"]}\n${secretRule}`,
    ),
  },
  {
    name: "what one holds elsewhere",
    user: bob,
    object: role("m", "x", reading),
    is: refused(
      `roles.${rbac} "x"`,
      "bob",
      '{APIGroups:[""], Resources:["configmaps"], Verbs:["get" "list"]}',
    ),
  },
  { name: "a role without rules", user: bob, object: role("n", "x"), is: "admitted" },
  { name: "masters", user: userNamed("m", "system:masters"), object: clusterRole("x", all), is: "admitted" },
  { name: "cluster-admins", user: root, object: clusterRole("x", all), is: "admitted" },
  {
    name: "missing roles are told",
    user: userNamed("lost", "devs", "system:authenticated"),
    object: role("n", "x", secrets),
    is: `${refused(`roles.${rbac} "x"`, "lost", secretRule)}; resolution errors: [role.${rbac} "gone" not found]`,
  },
  { name: "aggregation by cluster-admins", user: root, object: aggregate(), is: "admitted" },
  {
    name: "aggregation by others",
    user: bob,
    object: aggregate(),
    is: `403 clusterroles.${rbac} "agg" is forbidden: must have cluster-admin privileges to use the aggregationRule`,
  },
  {
    name: "end of an aggregation by others",
    user: bob,
    object: rbacObject("ClusterRole", "agg", "", { rules: [] }),
    old: aggregate(),
    is: `403 clusterroles.${rbac} "agg" is forbidden: must have cluster-admin privileges to use the aggregationRule`,
  },
  {
    name: "escalate on the role named",
    user: userNamed("escalator"),
    object: role("n", "known", secrets),
    old: role("n", "known"),
    is: "admitted",
  },
  {
    name: "a create names no role",
    user: userNamed("escalator", "devs", "system:authenticated"),
    object: role("n", "known", secrets),
    is: refused(`roles.${rbac} "known"`, "escalator", secretRule),
  },
  {
    name: "binding what one holds",
    user: bob,
    object: binding("n", "x", "ClusterRole/reader", "User/ann"),
    is: "admitted",
  },
  {
    name: "binding what one does not hold",
    user: bob,
    object: binding("n", "x", "Role/local", "User/ann"),
    is: refused(`rolebindings.${rbac} "x"`, "bob", secretRule),
  },
  {
    name: "binding in the whole cluster what one holds in a namespace",
    user: bob,
    object: binding("", "x", "ClusterRole/reader", "User/ann"),
    is: refused(
      `clusterrolebindings.${rbac} "x"`,
      "bob",
      '{APIGroups:[""], Resources:["configmaps"], Verbs:["get" "list"]}',
    ),
  },
  {
    name: "bind on the role named",
    user: userNamed("binder"),
    object: binding("n", "x", "ClusterRole/secret-reader"),
    is: "admitted",
  },
  {
    name: "bind of another role",
    user: userNamed("binder", "devs", "system:authenticated"),
    object: binding("n", "x", "Role/local"),
    is: refused(`rolebindings.${rbac} "x"`, "binder", secretRule),
  },
  {
    name: "binding of a role that is not there",
    user: bob,
    object: binding("n", "x", "ClusterRole/none"),
    is: `404 clusterrole.${rbac} "none" not found`,
  },
  {
    name: "finalizers and owners only",
    user: bob,
    object: {
      ...role("n", "x", secrets),
      metadata: { ...role("n", "x").metadata, finalizers: [], resourceVersion: "2" },
    },
    old: role("n", "x", secrets),
    is: "admitted",
  },
  {
    name: "a label of a role that one does not hold",
    user: bob,
    object: { ...role("n", "x", secrets), metadata: { ...role("n", "x").metadata, labels: { a: "b" } } },
    old: role("n", "x", secrets),
    is: refused(`roles.${rbac} "x"`, "bob", secretRule),
  },
])("EscalationGuard: $name", ({ user, object, old, is }) => {
  expect(outcome(user, object, old)).toBe(is);
});

test("EscalationGuard: a role of endless combinations is refused at once, and a long list is cut", () => {
  const many = (letter: string, count: number) => Array.from({ length: count }, (_, at) => `${letter}${at}`);
  const huge = { verbs: many("v", 999), apiGroups: many("g", 999), resources: many("r", 999) };
  expect(outcome(bob, role("n", "x", huge))).toContain("stand for 997002999 single permissions");
  const long = { verbs: ["get"], apiGroups: [""], resources: many("r", 5_000) };
  const lines = outcome(bob, role("n", "x", long)).split("\n");
  expect(lines).toHaveLength(102);
  expect(lines.at(-1)).toBe("… and 4900 more");
});
