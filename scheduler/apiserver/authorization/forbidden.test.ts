import { expect, test } from "vitest";
import { attributes, userNamed } from "../testing/rbac-objects.ts";
import { forbiddenRequest } from "./forbidden.ts";

const alice = userNamed("alice");

test.each([
  {
    asks: attributes(alice, "list wherry.dev:wasmdeployments", "default"),
    reason: "",
    message:
      'wasmdeployments.wherry.dev is forbidden: User "alice" cannot list resource "wasmdeployments" in API group "wherry.dev" in the namespace "default"',
    details: { group: "wherry.dev", kind: "wasmdeployments" },
  },
  {
    asks: attributes(alice, "get wherry.dev:wasmdeployments/scale web", "default"),
    reason: "",
    message:
      'wasmdeployments.wherry.dev "web" is forbidden: User "alice" cannot get resource "wasmdeployments/scale" in API group "wherry.dev" in the namespace "default"',
    details: { name: "web", group: "wherry.dev", kind: "wasmdeployments" },
  },
  {
    asks: attributes(alice, "list namespaces"),
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
    message:
      'namespaces is forbidden: User "alice" cannot list resource "namespaces" in API group "" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
    details: { kind: "namespaces" },
  },
  {
    asks: attributes(userNamed("x"), "get /metrics"),
    reason: "",
    message: 'forbidden: User "x" cannot get path "/metrics"',
    details: {},
  },
  {
    asks: attributes(userNamed('<b>"'), "get /<script>"),
    reason: "",
    message: String.raw`forbidden: User "&lt;b&gt;\"" cannot get path "/&lt;script&gt;"`,
    details: {},
  },
])("forbiddenRequest: $message", ({ asks, reason, message, details }) => {
  expect(forbiddenRequest(asks, reason).toStatus()).toEqual({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason: "Forbidden",
    details,
    code: 403,
  });
});
