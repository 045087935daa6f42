import { expect, test } from "vitest";
import { type CrdLike, definitionsOf } from "../crd/definitions-of.ts";
import { builtInResources, Registry } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import { crd, version } from "../testing/crds.ts";
import { DiscoveryDocuments } from "./discovery-documents.ts";
import type { TaggedDocument } from "./tagged-document.ts";

interface Listed {
  readonly name: string;
  readonly verbs: readonly string[];
  readonly [field: string]: unknown;
}

function boats(spec: JsonObject = {}) {
  // A CRD as a client sends it has all that definitions are made of.
  return definitionsOf(crd(spec) as unknown as CrdLike);
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into it freely
function read(document: TaggedDocument | undefined): any {
  return JSON.parse(document?.body.toString() ?? "null") as unknown;
}

const documents = new DiscoveryDocuments(new Registry(builtInResources()));

test("groups: Kubernetes' own by their priority, then the others by name", () => {
  const groups = read(documents.groups()).groups as { name: string; preferredVersion: object }[];
  expect(groups.map(({ name }) => name)).toEqual([
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "rbac.authorization.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "live.wherry.dev",
    "wherry.dev",
  ]);
  expect(groups[1]).toEqual({
    name: "events.k8s.io",
    versions: [{ groupVersion: "events.k8s.io/v1", version: "v1" }],
    preferredVersion: { groupVersion: "events.k8s.io/v1", version: "v1" },
  });
});

test("group: versions of several kinds together, in Kubernetes' order", () => {
  const registry = new Registry([
    ...boats({ versions: [version({ name: "v1beta1", storage: false }), version({ name: "v1alpha1" })] }),
    ...boats({ names: { plural: "ships", kind: "Ship" }, versions: [version({ name: "v2" })] }),
  ]);
  const group = read(new DiscoveryDocuments(registry).group("example.com"));
  expect(group).toMatchObject({
    kind: "APIGroup",
    apiVersion: "v1",
    preferredVersion: { groupVersion: "example.com/v2", version: "v2" },
  });
  expect(group.versions.map((one: { version: string }) => one.version)).toEqual([
    "v2",
    "v1beta1",
    "v1alpha1",
  ]);
});

test("resources: core/v1 as a real server lists it", () => {
  const list = read(documents.resources("", "v1"));
  expect(list).not.toHaveProperty("apiVersion");
  expect(list.resources.map(({ name }: Listed) => name)).toEqual([
    "configmaps",
    "events",
    "namespaces",
    "namespaces/finalize",
    "namespaces/status",
    "resourcequotas",
    "resourcequotas/status",
    "secrets",
    "serviceaccounts",
    "serviceaccounts/token",
  ]);
  expect(list.resources[0]).toEqual({
    name: "configmaps",
    singularName: "configmap",
    namespaced: true,
    kind: "ConfigMap",
    verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    shortNames: ["cm"],
    storageVersionHash: "qFsyl6wFWjQ=",
  });
  expect(list.resources[2]).toMatchObject({
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
    storageVersionHash: "Q3oi5N2YM8M=",
  });
  expect(list.resources.at(-1)).toEqual({
    name: "serviceaccounts/token",
    singularName: "",
    namespaced: true,
    group: "authentication.k8s.io",
    version: "v1",
    kind: "TokenRequest",
    verbs: ["create"],
  });
});

test.each([
  { group: "events.k8s.io", name: "events", fields: { storageVersionHash: "r2yiGXH7wu8=" } },
  {
    group: "authentication.k8s.io",
    name: "tokenreviews",
    fields: { verbs: ["create"], namespaced: false, singularName: "tokenreview" },
  },
  {
    group: "wherry.dev",
    name: "wasmdeployments/scale",
    fields: { group: "autoscaling", version: "v1", kind: "Scale", verbs: ["get", "patch", "update"] },
  },
  { group: "live.wherry.dev", name: "workloadusages", fields: { verbs: ["get", "list"], namespaced: true } },
  { group: "live.wherry.dev", name: "wasminstances/log", fields: { kind: "WasmInstance", verbs: ["get"] } },
])("resources: $name of $group", ({ group, name, fields }) => {
  const preferred = read(documents.group(group)).preferredVersion.version;
  const list = read(documents.resources(group, preferred));
  expect(list.resources.find((one: Listed) => one.name === name)).toMatchObject(fields);
});

test("aggregated: own kinds of built-in groups by name alone, of custom ones in full", () => {
  const list = read(documents.aggregated(false, "v2"));
  expect(list).toMatchObject({
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
  });
  const of = (group: string) =>
    list.items.find((one: { metadata: { name: string } }) => one.metadata.name === group).versions[0];
  expect(of("coordination.k8s.io")).toEqual({
    version: "v1",
    freshness: "Current",
    resources: [
      {
        resource: "leases",
        responseKind: { group: "", version: "", kind: "Lease" },
        scope: "Namespaced",
        singularResource: "lease",
        verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      },
    ],
  });
  const deployments = of("wherry.dev").resources.find(
    (one: { resource: string }) => one.resource === "wasmdeployments",
  );
  expect(deployments).toMatchObject({
    resource: "wasmdeployments",
    responseKind: { group: "wherry.dev", version: "v1alpha1", kind: "WasmDeployment" },
    shortNames: ["wd"],
    categories: expect.arrayContaining(["wherry"]),
    subresources: [
      { subresource: "status", responseKind: { group: "wherry.dev", kind: "WasmDeployment" } },
      { subresource: "scale", responseKind: { group: "autoscaling", version: "v1", kind: "Scale" } },
      { subresource: "calls", responseKind: { group: "wherry.dev", kind: "CallTicket" } },
    ],
  });
  const core = read(documents.aggregated(true, "v2beta1"));
  expect(core.apiVersion).toBe("apidiscovery.k8s.io/v2beta1");
  expect(core.items).toMatchObject([{ metadata: {}, versions: [{ version: "v1" }] }]);
});

test("DiscoveryDocuments: made once for each change of the kinds", () => {
  const registry = new Registry(builtInResources());
  const kept = new DiscoveryDocuments(registry);
  const before = kept.groups();
  expect(kept.groups()).toBe(before);
  expect(kept.group("example.com")).toBeUndefined();
  registry.put(boats());
  expect(kept.groups()?.tag).not.toBe(before?.tag);
  expect(kept.resources("example.com", "v1")).toBeDefined();
  expect(kept.paths).toContain("/apis/example.com/v1");
  registry.remove({ group: "example.com", plural: "boats" });
  expect(kept.groups()?.tag).toBe(before?.tag);
  expect(kept.resources("example.com", "v1")).toBeUndefined();
});

test.each(["constructor", "__proto__", "toString"])("DiscoveryDocuments: no group is called %s", (name) => {
  expect(documents.group(name)).toBeUndefined();
  expect(documents.resources(name, "v1")).toBeUndefined();
});
