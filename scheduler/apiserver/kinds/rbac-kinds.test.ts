import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { prepareCreate, prepareUpdate } from "../objects/prepare.ts";
import { Registry } from "../registry.ts";
import { ApiError } from "../status.ts";
import { clusterRoleBindingDefinition, roleBindingDefinition } from "./role-binding.ts";
import { clusterRoleDefinition, roleDefinition } from "./role.ts";

const group = "rbac.authorization.k8s.io";
const registry = new Registry([
  roleDefinition,
  clusterRoleDefinition,
  roleBindingDefinition,
  clusterRoleBindingDefinition,
]);

const author = { manager: "test", nowMs: Date.UTC(2026, 0, 1) };
const strictness = { fieldValidation: "Strict", warn: () => undefined } as const;

function create(kindName: string, fields: object, name = "x"): ApiObject {
  const kind = registry.kinds.find(({ resource }) => resource.kind === kindName)!;
  const object = { apiVersion: `${group}/v1`, kind: kindName, metadata: { name }, ...fields };
  const identity = { namespace: "n", name, uid: "u" };
  return prepareCreate(kind, { object, duplicateFields: [] }, identity, author, strictness);
}

function update(old: ApiObject, fields: object): ApiObject {
  const kind = registry.kinds.find(({ resource }) => resource.kind === old.kind)!;
  const object = { ...old, ...fields };
  return prepareUpdate(kind, { object, duplicateFields: [] }, old, "", author, strictness);
}

function problem(run: () => unknown): string {
  try {
    return JSON.stringify(run());
  } catch (thrown) {
    return thrown instanceof ApiError ? thrown.message : String(thrown);
  }
}

const ref = { apiGroup: group, kind: "ClusterRole", name: "view" };
const rule = { verbs: ["get"], apiGroups: [""], resources: ["configmaps"] };

test.each([
  { kind: "Role", fields: { rules: [rule] } },
  { kind: "Role", fields: {}, name: "system:controller:x Y" },
  { kind: "ClusterRole", fields: { rules: [{ verbs: ["get"], nonResourceURLs: ["*"] }] } },
  {
    kind: "ClusterRole",
    fields: { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } },
  },
  { kind: "RoleBinding", fields: { roleRef: ref } },
  {
    kind: "RoleBinding",
    fields: { roleRef: { ...ref, kind: "Role" }, subjects: [{ kind: "ServiceAccount", name: "a" }] },
  },
])("RBAC kinds: accept $kind of $fields as it is", ({ kind, fields, name }) => {
  const object = create(kind, fields, name);
  expect(object).toMatchObject(fields);
});

test("RBAC kinds: fill in the groups of roles and subjects", () => {
  const object = create("RoleBinding", {
    roleRef: { kind: "Role", name: "r" },
    subjects: [
      { kind: "User", name: "bob", apiGroup: "" },
      { kind: "Group", name: "devs" },
      { kind: "ServiceAccount", name: "a", namespace: "n", apiGroup: "" },
    ],
  });
  expect(object["roleRef"]).toEqual({ apiGroup: group, kind: "Role", name: "r" });
  expect(object["subjects"]).toEqual([
    { kind: "User", name: "bob", apiGroup: group },
    { kind: "Group", name: "devs", apiGroup: group },
    { kind: "ServiceAccount", name: "a", namespace: "n" },
  ]);
});

const noVerbs = "rules[0].verbs: Required value: verbs must contain at least one value";

test.each([
  {
    kind: "Role",
    fields: { rules: [{}] },
    is: `Role.${group} "x" is invalid: [${noVerbs}, rules[0].apiGroups: Required value: resource rules must supply at least one api group, rules[0].resources: Required value: resource rules must supply at least one resource]`,
  },
  {
    kind: "Role",
    fields: { rules: [{ ...rule, verbs: null }] },
    is: `Role.${group} "x" is invalid: ${noVerbs}`,
  },
  {
    kind: "Role",
    fields: { rules: [{ verbs: ["get"], nonResourceURLs: ["/a"] }] },
    is: `Role.${group} "x" is invalid: rules[0].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs`,
  },
  {
    kind: "ClusterRole",
    fields: { rules: [{ ...rule, nonResourceURLs: ["/a"] }] },
    is: `ClusterRole.${group} "x" is invalid: rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs`,
  },
  {
    kind: "ClusterRole",
    fields: { aggregationRule: {} },
    is: `ClusterRole.${group} "x" is invalid: aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil`,
  },
  {
    kind: "ClusterRole",
    fields: {
      aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: "a", operator: "Near" }] }] },
    },
    is: `ClusterRole.${group} "x" is invalid: aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator`,
  },
  {
    kind: "Role",
    fields: {},
    name: "a%b",
    is: `Role.${group} "a%b" is invalid: metadata.name: Invalid value: "a%b": may not contain '%'`,
  },
  {
    kind: "RoleBinding",
    fields: {},
    is: `RoleBinding.${group} "x" is invalid: [roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole", roleRef.name: Required value]`,
  },
  {
    kind: "ClusterRoleBinding",
    fields: { roleRef: { ...ref, kind: "Role", apiGroup: "x", name: "a/b" } },
    is: `ClusterRoleBinding.${group} "x" is invalid: [roleRef.apiGroup: Unsupported value: "x": supported values: "${group}", roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole", roleRef.name: Invalid value: "a/b": may not contain '/']`,
  },
  {
    kind: "ClusterRoleBinding",
    fields: {
      roleRef: ref,
      subjects: [
        { kind: "ServiceAccount", name: "A b", apiGroup: "x" },
        { kind: "User", apiGroup: "v1" },
        { name: "y" },
      ],
    },
    is: `ClusterRoleBinding.${group} "x" is invalid: [subjects[0].name: Invalid value: "A b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), subjects[0].apiGroup: Unsupported value: "x": supported values: "", subjects[0].namespace: Required value, subjects[1].name: Required value, subjects[1].apiGroup: Unsupported value: "v1": supported values: "${group}", subjects[2].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"]`,
  },
  {
    kind: "RoleBinding",
    fields: { roleRef: "view", subjects: [7] },
    is: `RoleBinding.${group} "x" is invalid: [roleRef: Invalid value: "string": roleRef in body must be of type object: "string", subjects[0]: Invalid value: "integer": subjects[0] in body must be of type object: "integer"]`,
  },
])("RBAC kinds: refuse $kind of $fields", ({ kind, fields, name, is }) => {
  expect(problem(() => create(kind, fields, name))).toBe(is);
});

test("RBAC kinds: a binding stays with its role, but not with its subjects", () => {
  const old = create("RoleBinding", { roleRef: ref });
  const subjects = [{ kind: "User", apiGroup: group, name: "bob" }];
  expect(update(old, { subjects })["subjects"]).toEqual(subjects);
  expect(problem(() => update(old, { roleRef: { ...ref, name: "edit" } }))).toBe(
    `RoleBinding.${group} "x" is invalid: roleRef: Invalid value: {"APIGroup":"${group}","Kind":"ClusterRole","Name":"edit"}: cannot change roleRef`,
  );
});

test("RBAC kinds: print what kubectl shows", () => {
  const bound = create("RoleBinding", {
    roleRef: ref,
    subjects: [
      { kind: "User", name: "ann" },
      { kind: "User", name: "bob" },
      { kind: "ServiceAccount", name: "a", namespace: "n" },
    ],
  });
  const rows = [create("Role", {}), bound].map((object) => {
    const { printer } = registry.kinds.find(({ resource }) => resource.kind === object.kind)!;
    const nowMs = Date.UTC(2026, 0, 2);
    const { head, row } = printer.table({ version: "v1", include: "None", nowMs, columns: true });
    return { ...head, rows: [row(object)] };
  });
  expect(rows).toMatchObject([
    {
      columnDefinitions: [{ name: "Name" }, { name: "Created At" }],
      rows: [{ cells: ["x", "2026-01-01T00:00:00Z"] }],
    },
    {
      columnDefinitions: [
        { name: "Name" },
        { name: "Role" },
        { name: "Age" },
        { name: "Users", priority: 1 },
        { name: "Groups", priority: 1 },
        { name: "ServiceAccounts", priority: 1 },
      ],
      rows: [{ cells: ["x", "ClusterRole/view", "24h", "ann, bob", "", "n/a"] }],
    },
  ]);
});
