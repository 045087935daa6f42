import { expect, test } from "vitest";
import { type CrdLike, definitionsOf } from "../crd/definitions-of.ts";
import { builtInResources, Registry } from "../registry.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { crd, version } from "../testing/crds.ts";
import { OpenApiDocuments } from "./open-api-documents.ts";
import type { TaggedDocument } from "./tagged-document.ts";

function boats(spec: JsonObject = {}) {
  // A CRD as a client sends it has all that definitions are made of.
  return definitionsOf(crd(spec) as unknown as CrdLike);
}

const registry = new Registry([
  ...builtInResources(),
  ...boats({
    versions: [version({ subresources: { status: {} }, selectableFields: [{ jsonPath: ".spec.color" }] })],
  }),
]);
const documents = new OpenApiDocuments(registry, "v1.35.0");

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into it freely
function read(document: TaggedDocument | undefined): any {
  return JSON.parse(document?.body.toString() ?? "null") as unknown;
}

const index = read(await documents.index());
const paths = Object.keys(index.paths as object);

function* refsOf(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const one of value) yield* refsOf(one);
  if (!isObject(value)) return;
  for (const [name, one] of Object.entries(value)) {
    if (name === "$ref" && typeof one === "string") yield one;
    else yield* refsOf(one);
  }
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
}

/** What no reader of OpenAPI forgives. */
function checkDocument(
  document: { readonly paths: Readonly<Record<string, object>> },
  names: object,
  prefix: string,
) {
  for (const ref of refsOf(document)) {
    expect(ref.startsWith(prefix), ref).toBe(true);
    expect(Object.hasOwn(names, ref.slice(prefix.length)), ref).toBe(true);
  }
  const ids: string[] = [];
  for (const [path, { parameters = [], ...methods }] of Object.entries(
    // Besides parameters, there are only methods.
    document.paths as Record<string, Readonly<Record<string, Operation>> & { readonly parameters?: [] }>,
  )) {
    const own = parameters as NonNullable<Operation["parameters"]>;
    const inPath = own.filter((one) => one.in === "path").map(({ name }) => name);
    expect(new Set(inPath)).toEqual(new Set([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)));
    for (const operation of Object.values(methods as Readonly<Record<string, Operation>>)) {
      ids.push(operation.operationId);
      const all = [...own, ...(operation.parameters ?? [])].map(({ name }) => name);
      expect(new Set(all).size, path).toBe(all.length);
    }
  }
  expect(ids.length).toBeGreaterThan(0);
  expect(new Set(ids).size).toBe(ids.length);
}

test.each(paths)("v3 %s: each reference leads somewhere, each operation has an id of its own", (path) => {
  const document = read(documents.get(path));
  checkDocument(document, document.components.schemas, "#/components/schemas/");
});

test("v2: each reference leads somewhere, each operation has an id of its own", async () => {
  const document = read(await documents.swagger());
  expect(document).toMatchObject({ swagger: "2.0", info: { version: "v1.35.0" } });
  checkDocument(document, document.definitions, "#/definitions/");
});

test("index: the group versions in order, with the hashes of their documents", () => {
  expect(paths).toEqual([...paths].sort());
  expect(paths).toEqual(
    expect.arrayContaining(["api/v1", "apis/wherry.dev/v1alpha1", "apis/example.com/v1"]),
  );
  for (const path of paths)
    expect(index.paths[path]).toEqual({
      serverRelativeURL: `/openapi/v3/${path}?hash=${documents.get(path)?.tag}`,
    });
});

const core = "io.k8s.api.core.v1";
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });

test.each([
  {
    path: "api/v1",
    type: `${core}.Namespace`,
    has: {
      type: "object",
      properties: {
        metadata: { allOf: [refTo(`${meta}.ObjectMeta`)], default: {} },
        status: { allOf: [refTo(`${core}.NamespaceStatus`)], default: {} },
      },
      "x-kubernetes-group-version-kind": [{ group: "", kind: "Namespace", version: "v1" }],
    },
  },
  {
    path: "api/v1",
    type: `${core}.NamespaceStatus`,
    has: {
      properties: {
        conditions: {
          type: "array",
          items: { allOf: [refTo(`${core}.NamespaceCondition`)], default: {} },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["type"],
          "x-kubernetes-patch-merge-key": "type",
          "x-kubernetes-patch-strategy": "merge",
        },
      },
    },
  },
  {
    path: "api/v1",
    type: `${core}.ConfigMapList`,
    has: {
      required: ["items"],
      properties: {
        items: { type: "array", items: { allOf: [refTo(`${core}.ConfigMap`)] } },
        metadata: { allOf: [refTo(`${meta}.ListMeta`)] },
      },
      "x-kubernetes-group-version-kind": [{ group: "", kind: "ConfigMapList", version: "v1" }],
    },
  },
  {
    path: "api/v1",
    type: "io.k8s.apimachinery.pkg.api.resource.Quantity",
    has: { oneOf: [{ type: "string" }, { type: "number" }] },
  },
  {
    path: "api/v1",
    type: `${meta}.ObjectMeta`,
    has: {
      properties: {
        creationTimestamp: { allOf: [refTo(`${meta}.Time`)] },
        ownerReferences: { items: { allOf: [refTo(`${meta}.OwnerReference`)] } },
        managedFields: { items: { allOf: [refTo(`${meta}.ManagedFieldsEntry`)] } },
      },
    },
  },
  { path: "api/v1", type: `${meta}.Time`, has: { type: "string", format: "date-time" } },
  {
    path: "api/v1",
    type: `${meta}.Status`,
    has: { "x-kubernetes-group-version-kind": [{ group: "", kind: "Status", version: "v1" }] },
  },
  {
    path: "apis/coordination.k8s.io/v1",
    type: "io.k8s.api.coordination.v1.LeaseSpec",
    has: { properties: { renewTime: { allOf: [refTo(`${meta}.MicroTime`)] } } },
  },
  {
    path: "apis/rbac.authorization.k8s.io/v1",
    type: "io.k8s.api.rbac.v1.AggregationRule",
    has: { properties: { clusterRoleSelectors: { items: { allOf: [refTo(`${meta}.LabelSelector`)] } } } },
  },
  {
    path: "apis/apiextensions.k8s.io/v1",
    type: `${extensions}.JSONSchemaProps`,
    has: {
      properties: {
        not: { allOf: [refTo(`${extensions}.JSONSchemaProps`)] },
        properties: { additionalProperties: { allOf: [refTo(`${extensions}.JSONSchemaProps`)] } },
      },
    },
  },
  {
    path: "apis/wherry.dev/v1alpha1",
    type: "dev.wherry.v1alpha1.WasmDeployment",
    has: {
      properties: { metadata: { allOf: [refTo(`${meta}.ObjectMeta`)] } },
      "x-kubernetes-group-version-kind": [
        { group: "wherry.dev", kind: "WasmDeployment", version: "v1alpha1" },
      ],
    },
  },
  {
    path: "apis/wherry.dev/v1alpha1",
    type: "io.k8s.api.autoscaling.v1.Scale",
    has: { properties: { spec: { allOf: [refTo("io.k8s.api.autoscaling.v1.ScaleSpec")] } } },
  },
  {
    path: "apis/example.com/v1",
    type: "com.example.v1.Boat",
    has: { "x-kubernetes-selectable-fields": [{ fieldPath: "spec.color" }] },
  },
])("v3 $path: $type", ({ path, type, has }) => {
  expect(read(documents.get(path)).components.schemas[type]).toMatchObject(has);
});

test("v3: a value of any type has none, and nothing is said of what only this server knows", () => {
  const { schemas } = read(documents.get("apis/apiextensions.k8s.io/v1")).components;
  expect(Object.keys(schemas[`${extensions}.JSONSchemaPropsOrBool`] as object)).toEqual(["description"]);
  for (const path of paths) expect(documents.get(path)?.body.toString()).not.toContain("x-wherry");
});

test.each([
  {
    path: "/api/v1/namespaces/{namespace}/configmaps/{name}",
    methods: ["delete", "get", "patch", "put"],
    patches: ["apply-patch+yaml", "json-patch+json", "merge-patch+json", "strategic-merge-patch+json"],
  },
  { path: "/api/v1/configmaps", methods: ["get"] },
  { path: "/api/v1/namespaces", methods: ["get", "post"] },
  { path: "/api/v1/namespaces/{name}/finalize", methods: ["put"] },
  { path: "/api/v1/namespaces/{name}/status", methods: ["get", "patch", "put"] },
  { path: "/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", methods: ["post"] },
  { path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", methods: ["post"] },
  {
    path: "/apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews",
    methods: ["post"],
  },
  {
    path: "/apis/wherry.dev/v1alpha1/namespaces/{namespace}/wasmdeployments",
    methods: ["delete", "get", "post"],
  },
  {
    path: "/apis/wherry.dev/v1alpha1/namespaces/{namespace}/wasmdeployments/{name}/scale",
    methods: ["get", "patch", "put"],
    patches: ["apply-patch+yaml", "json-patch+json", "merge-patch+json"],
  },
  {
    path: "/apis/live.wherry.dev/v1alpha1/namespaces/{namespace}/wasminstances/{name}",
    methods: ["delete", "get"],
  },
  {
    path: "/apis/live.wherry.dev/v1alpha1/namespaces/{namespace}/wasminstances/{name}/log",
    methods: ["get"],
  },
])("v3 $path: $methods", ({ path, methods, patches }) => {
  const all = Object.assign({}, ...paths.map((one) => read(documents.get(one)).paths as object));
  const { parameters: _, ...operations } = all[path];
  expect(Object.keys(operations as object).sort()).toEqual(methods);
  if (patches)
    expect(Object.keys(operations.patch.requestBody.content as object)).toEqual(
      patches.map((one) => `application/${one}`),
    );
});

test("v3: what an operation says", () => {
  const { paths: operations } = read(documents.get("api/v1"));
  const path = operations["/api/v1/namespaces/{namespace}/configmaps/{name}"];
  expect(path.parameters.map((one: { name: string }) => one.name)).toEqual(["name", "namespace", "pretty"]);
  expect(path.patch).toMatchObject({
    operationId: "patchCoreV1NamespacedConfigMap",
    tags: ["core_v1"],
    description: "partially update the specified ConfigMap",
    "x-kubernetes-action": "patch",
    "x-kubernetes-group-version-kind": { group: "", version: "v1", kind: "ConfigMap" },
    parameters: [
      { name: "dryRun" },
      { name: "fieldManager" },
      { name: "fieldValidation" },
      { name: "force", schema: { type: "boolean" } },
    ],
    responses: {
      "200": { content: { "application/json": { schema: refTo(`${core}.ConfigMap`) } } },
      "201": { description: "Created" },
      "401": { description: "Unauthorized" },
    },
  });
  expect(operations["/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"].post).toMatchObject({
    operationId: "createCoreV1NamespacedServiceAccountToken",
    "x-kubernetes-group-version-kind": { group: "authentication.k8s.io", kind: "TokenRequest" },
  });
});

test("OpenApiDocuments: a new kind changes its own document and no other", async () => {
  const own = new Registry(builtInResources());
  const kept = new OpenApiDocuments(own, "v1.35.0");
  const before = new Map(
    Object.keys(read(await kept.index()).paths as object).map((path) => [path, kept.get(path)]),
  );
  const swagger = await kept.swagger();
  const encoded = await kept.swaggerProtobuf();
  expect(await kept.swagger()).toBe(swagger);
  expect(await kept.swaggerProtobuf()).toBe(encoded);
  own.put(boats());
  expect(kept.get("apis/example.com/v1")).toBeDefined();
  for (const [path, document] of before) expect(kept.get(path)).toBe(document);
  expect((await kept.swagger()).tag).not.toBe(swagger.tag);
  expect((await kept.swaggerProtobuf()).tag).not.toBe(encoded.tag);
  own.remove({ group: "example.com", plural: "boats" });
  expect(kept.get("apis/example.com/v1")).toBeUndefined();
  expect((await kept.swagger()).tag).toBe(swagger.tag);
  expect((await kept.swaggerProtobuf()).tag).toBe(encoded.tag);
});

test("OpenApiDocuments: kinds that change while a document is made are in it", async () => {
  const own = new Registry(builtInResources());
  const kept = new OpenApiDocuments(own, "v1.35.0");
  const making = [kept.index(), kept.swagger()];
  own.put(boats());
  for (const document of await Promise.all(making)) expect(document.body.toString()).toContain("example.com");
});
