import { expect, test } from "vitest";
import type { JsonObject } from "../resource.ts";
import { ApiError } from "../status.ts";
import { binding, clusterRole, PolicySources, role, userNamed } from "../testing/rbac-objects.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { accessReviews } from "./reviews.ts";

const policy = new RbacAuthorizer(
  new PolicySources(
    clusterRole("discovery", [{ nonResourceURLs: ["/api", "/api/*"], verbs: ["get"] }]),
    role(
      "n",
      "r",
      { apiGroups: [""], resources: ["configmaps"], verbs: ["get"], resourceNames: ["x"] },
      { apiGroups: ["wherry.dev"], resources: ["*"], verbs: ["*"] },
    ),
    binding("", "d", "ClusterRole/discovery", "Group/g"),
    binding("n", "r", "Role/r", "User/bob"),
    binding("n", "gone", "Role/gone", "User/eve"),
  ),
);

const bob = userNamed("bob", "g");

function ask(kind: string, object: JsonObject, namespace = "", user = bob): JsonObject {
  const review = accessReviews.find((one) => one.kind === kind)!;
  return review.create(
    { object: { apiVersion: "authorization.k8s.io/v1", kind, ...object }, namespace, user },
    policy,
  );
}

function refusal(kind: string, object: JsonObject, namespace = ""): string {
  try {
    return JSON.stringify(ask(kind, object, namespace));
  } catch (thrown) {
    return thrown instanceof ApiError ? `${thrown.httpCode} ${thrown.message}` : String(thrown);
  }
}

const resource = { namespace: "n", verb: "get", group: "", version: "", resource: "configmaps", name: "x" };
const allowed = 'RBAC: allowed by RoleBinding "r/n" of Role "r" to User "bob"';

test.each([
  {
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: resource },
    status: { allowed: true, reason: allowed },
  },
  {
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { ...resource, name: "y" } },
    status: { allowed: false },
  },
  {
    kind: "SelfSubjectAccessReview",
    spec: { nonResourceAttributes: { path: "/api/v1", verb: "get" } },
    status: {
      allowed: true,
      reason: 'RBAC: allowed by ClusterRoleBinding "d" of ClusterRole "discovery" to Group "g"',
    },
  },
  { kind: "SelfSubjectAccessReview", spec: { resourceAttributes: {} }, status: { allowed: false } },
  {
    kind: "SelfSubjectAccessReview",
    spec: {
      resourceAttributes: {
        ...resource,
        fieldSelector: { rawSelector: "metadata.name" },
        labelSelector: {
          requirements: [
            { key: "a", operator: "Exists" },
            { key: "b", operator: "Newer" },
          ],
        },
      },
    },
    status: {
      allowed: true,
      reason: allowed,
      evaluationError:
        "spec.resourceAttributes.fieldSelector ignored due to parse error; spec.resourceAttributes.labelSelector partially ignored due to parse error",
    },
  },
  {
    kind: "SubjectAccessReview",
    spec: { user: "eve", resourceAttributes: resource },
    status: { allowed: false, reason: 'RBAC: role.rbac.authorization.k8s.io "gone" not found' },
  },
  {
    kind: "SubjectAccessReview",
    spec: {
      groups: ["g"],
      nonResourceAttributes: { path: "/api", verb: "get" },
      extra: { a: ["b"] },
      uid: "7",
    },
    status: {
      allowed: true,
      reason: 'RBAC: allowed by ClusterRoleBinding "d" of ClusterRole "discovery" to Group "g"',
    },
  },
  {
    kind: "SubjectAccessReview",
    spec: {
      user: "x",
      groups: ["system:masters"],
      resourceAttributes: { verb: "*", resource: "*", group: "*" },
    },
    status: { allowed: true },
  },
  {
    kind: "LocalSubjectAccessReview",
    namespace: "n",
    spec: { user: "bob", resourceAttributes: resource },
    status: { allowed: true, reason: allowed },
  },
])("accessReviews: $kind of $spec", ({ kind, namespace, spec, status }) => {
  const answer = ask(
    kind,
    { metadata: { creationTimestamp: null }, spec },
    namespace,
    kind.startsWith("Self") ? bob : userNamed("asker"),
  );
  expect(answer["status"]).toEqual(status);
  expect(answer["apiVersion"]).toBe("authorization.k8s.io/v1");
  expect(answer["metadata"]).toEqual(namespace === undefined ? {} : { namespace });
});

test("accessReviews: what was asked is answered without what is empty or unknown", () => {
  const answer = ask("SelfSubjectAccessReview", {
    spec: { resourceAttributes: resource, more: 1 },
    status: { allowed: true },
  });
  expect(answer["spec"]).toEqual({
    resourceAttributes: { namespace: "n", verb: "get", resource: "configmaps", name: "x" },
  });
});

const both = { resourceAttributes: {}, nonResourceAttributes: { path: "/" } };
const neither =
  "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";

test.each([
  { kind: "SelfSubjectAccessReview", object: {}, is: `422 .authorization.k8s.io "" is invalid: ${neither}` },
  {
    kind: "SelfSubjectAccessReview",
    object: { spec: both },
    is: '422 .authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":""}: cannot be specified in combination with resourceAttributes',
  },
  {
    kind: "SubjectAccessReview",
    object: { spec: {} },
    is: `422 .authorization.k8s.io "" is invalid: [${neither}, spec.user: Invalid value: "": at least one of user or group must be specified]`,
  },
  {
    kind: "SubjectAccessReview",
    object: { metadata: { name: "x" }, spec: { user: "u", resourceAttributes: {} } },
    is: '422 .authorization.k8s.io "" is invalid: metadata: Invalid value: {"name":"x"}: must be empty',
  },
  {
    kind: "LocalSubjectAccessReview",
    namespace: "n",
    object: { spec: { user: "u", resourceAttributes: { namespace: "m" } } },
    is: '422 .authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "m": must match metadata.namespace',
  },
  {
    kind: "LocalSubjectAccessReview",
    namespace: "n",
    object: { spec: { user: "u", nonResourceAttributes: { path: "/" } } },
    is: '422 .authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":""}: disallowed on this kind of request',
  },
  {
    kind: "LocalSubjectAccessReview",
    namespace: "n",
    object: { metadata: { namespace: "m" }, spec: { user: "u", resourceAttributes: { namespace: "m" } } },
    is: "400 the namespace of the provided object does not match the namespace sent on the request",
  },
  {
    kind: "SelfSubjectAccessReview",
    object: {
      spec: {
        resourceAttributes: { fieldSelector: { rawSelector: "a=b", requirements: [{ operator: "In" }] } },
      },
    },
    is: "422 .authorization.k8s.io \"\" is invalid: [spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: \"a=b\": may not specified at the same time as requirements, spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified, spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn']",
  },
  {
    kind: "SelfSubjectAccessReview",
    object: { spec: { resourceAttributes: { labelSelector: {} } } },
    is: '422 .authorization.k8s.io "" is invalid: spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required',
  },
  { kind: "SelfSubjectRulesReview", object: { spec: {} }, is: "400 no namespace on request" },
  {
    kind: "SelfSubjectAccessReview",
    object: { spec: { resourceAttributes: "all" } },
    is: '400 SelfSubjectAccessReview in version "v1" cannot be handled as a SelfSubjectAccessReview: spec.resourceAttributes: Invalid value: "string": spec.resourceAttributes in body must be of type object: "string"',
  },
  {
    kind: "SubjectAccessReview",
    object: { spec: { user: 7, resourceAttributes: {} } },
    is: '400 SubjectAccessReview in version "v1" cannot be handled as a SubjectAccessReview: spec.user: Invalid value: "integer": spec.user in body must be of type string: "integer"',
  },
])("accessReviews: refuses $kind of $object", ({ kind, object, namespace, is }) => {
  expect(refusal(kind, object, namespace)).toBe(is);
});

test("accessReviews: SelfSubjectRulesReview lists what holds in a namespace", () => {
  expect(ask("SelfSubjectRulesReview", { spec: { namespace: "n" } })).toEqual({
    kind: "SelfSubjectRulesReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec: {},
    status: {
      resourceRules: [
        { verbs: ["get"], apiGroups: [""], resources: ["configmaps"], resourceNames: ["x"] },
        { verbs: ["*"], apiGroups: ["wherry.dev"], resources: ["*"] },
      ],
      nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/api", "/api/*"] }],
      incomplete: false,
    },
  });
  expect(ask("SelfSubjectRulesReview", { spec: { namespace: "n" } }, "", userNamed("eve"))["status"]).toEqual(
    {
      resourceRules: [],
      nonResourceRules: [],
      incomplete: false,
      evaluationError: 'role.rbac.authorization.k8s.io "gone" not found',
    },
  );
});

test("accessReviews: are described for discovery", () => {
  expect(
    accessReviews.map(({ plural, singular, namespaced, verbs }) => [plural, singular, namespaced, verbs]),
  ).toEqual([
    ["selfsubjectaccessreviews", "selfsubjectaccessreview", false, ["create"]],
    ["subjectaccessreviews", "subjectaccessreview", false, ["create"]],
    ["localsubjectaccessreviews", "localsubjectaccessreview", true, ["create"]],
    ["selfsubjectrulesreviews", "selfsubjectrulesreview", false, ["create"]],
  ]);
});
