import { expect, test } from "vitest";
import { builtInResources } from "../registry.ts";
import { definitionsOf } from "../crd/definitions-of.ts";
import type { CrdLike } from "../crd/definitions-of.ts";
import { crd } from "../testing/crds.ts";
import { operationIdOf, rootOf, tagOf, typeNameOf } from "./names.ts";

// A CRD as a client sends it has all that definitions are made of.
const boats = definitionsOf(crd() as unknown as CrdLike);
const resources = [...builtInResources(), ...boats];

test.each([
  { kind: "ConfigMap", version: "v1", name: "io.k8s.api.core.v1.ConfigMap" },
  { kind: "ClusterRole", version: "v1", name: "io.k8s.api.rbac.v1.ClusterRole" },
  { kind: "Lease", version: "v1", name: "io.k8s.api.coordination.v1.Lease" },
  { kind: "PriorityClass", version: "v1", name: "io.k8s.api.scheduling.v1.PriorityClass" },
  { kind: "TokenReview", version: "v1", name: "io.k8s.api.authentication.v1.TokenReview" },
  {
    kind: "CustomResourceDefinition",
    version: "v1",
    name: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
  },
  { kind: "WasmDeployment", version: "v1alpha1", name: "dev.wherry.v1alpha1.WasmDeployment" },
  { kind: "WasmInstance", version: "v1alpha1", name: "dev.wherry.live.v1alpha1.WasmInstance" },
  { kind: "Boat", version: "v1", name: "com.example.v1.Boat" },
])("typeNameOf: $kind is $name", ({ kind, version, name }) => {
  const resource = resources.find((one) => one.kind === kind && one.version === version);
  expect(resource && typeNameOf(resource)).toBe(name);
});

test.each([
  { group: "", version: "v1", id: "listCoreV1NamespacedThing", tag: "core_v1", root: "api/v1" },
  {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    id: "listRbacAuthorizationV1NamespacedThing",
    tag: "rbacAuthorization_v1",
    root: "apis/rbac.authorization.k8s.io/v1",
  },
  {
    group: "live.wherry.dev",
    version: "v1alpha1",
    id: "listLiveWherryDevV1alpha1NamespacedThing",
    tag: "liveWherryDev_v1alpha1",
    root: "apis/live.wherry.dev/v1alpha1",
  },
  {
    group: "my-group.example.com",
    version: "v2beta1",
    id: "listMyGroupExampleComV2beta1NamespacedThing",
    tag: "myGroupExampleCom_v2beta1",
    root: "apis/my-group.example.com/v2beta1",
  },
])("operationIdOf, tagOf, rootOf: of $group/$version", ({ group, version, id, tag, root }) => {
  expect(operationIdOf({ group, version }, "list", "NamespacedThing")).toBe(id);
  expect(tagOf({ group, version })).toBe(tag);
  expect(rootOf({ group, version })).toBe(root);
});
