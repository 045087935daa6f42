/** What Kubernetes' suite asks of server-side apply. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { apply, define, definitionOf, expectCode, inNamespace } from "../support/api-session.ts";

const root = "/apis/wherry.dev/v1alpha1";
const deployments = inNamespace("default", "wasmdeployments", root);
const group = "apply.example.com";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

function deployment(name: string, spec: object = {}, template: object = {}): object {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, labels: { app: "nginx" } },
    spec: {
      ...spec,
      template: {
        metadata: { labels: { app: "nginx" } },
        spec: { module: { image: "file:///srv/a.wasm" }, ...template },
      },
    },
  };
}

interface Entry {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1: unknown;
}

test.each([
  {
    path: inNamespace("default", "configmaps"),
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data: { key: "value" } },
    fields: { "f:data": { "f:key": {} } },
  },
  {
    path: inNamespace("default", "roles", "/apis/rbac.authorization.k8s.io/v1"),
    body: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "applied" },
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }],
    },
    fields: { "f:rules": {} },
  },
  {
    path: deployments,
    body: deployment("applied", {}, { env: [{ name: "A", value: "1" }] }),
    fields: {
      "f:metadata": { "f:labels": { "f:app": {} } },
      "f:spec": {
        "f:template": {
          "f:metadata": { "f:labels": { "f:app": {} } },
          "f:spec": { "f:env": expect.anything(), "f:module": { "f:image": {} } },
        },
      },
    },
  },
])(
  "apply $body.kind: creates what is not there, and two may own the same",
  async ({ path, body, fields }) => {
    expectCode(201, await apply(server, `${path}/applied`, "apply_test", body));
    const again = expectCode(200, await apply(server, `${path}/applied`, "apply_test_2", body));
    const entries = again.body.metadata.managedFields as readonly Entry[];
    expect(entries.map(({ manager }) => manager).toSorted()).toEqual(["apply_test", "apply_test_2"]);
    for (const { fieldsV1, operation } of entries) {
      expect(operation).toBe("Apply");
      expect(fieldsV1).toEqual(fields);
    }
  },
);

test("apply: the status is written by its own URL only", async () => {
  const path = `${deployments}/with-status`;
  expectCode(201, await apply(server, path, "apply_test", deployment("with-status")));
  const { spec: _, ...head } = deployment("with-status") as { spec: object };
  const status = { ...head, status: { replicas: 3 } };
  const ignored = await apply(server, path, "apply_test2", {
    ...deployment("with-status"),
    status: { replicas: 3 },
  });
  expect(expectCode(200, ignored).body.status).toBeUndefined();
  const written = expectCode(200, await apply(server, `${path}/status`, "apply_test2", status));
  expect(written.body.status).toEqual({ replicas: 3 });
  const entry = (written.body.metadata.managedFields as readonly Entry[]).find(
    (one) => one.subresource === "status",
  );
  expect(entry).toMatchObject({
    manager: "apply_test2",
    operation: "Apply",
    fieldsV1: { "f:status": { "f:replicas": {} } },
  });
});

test("apply: what its only owner leaves out goes, also an item of a list and a key of a map", async () => {
  const path = `${deployments}/unset`;
  const env = [
    { name: "A", value: "1" },
    { name: "B", value: "2" },
  ];
  expectCode(
    201,
    await apply(server, path, "apply_test", deployment("unset", { replicas: 3 }, { env, args: ["a"] })),
  );
  const { body } = expectCode(
    200,
    await apply(server, path, "apply_test", deployment("unset", {}, { env: env.slice(0, 1) })),
  );
  expect(body.spec.template.spec.env).toEqual(env.slice(0, 1));
  expect(body.spec.template.spec.args).toBeUndefined();
  expect(body.spec.replicas).not.toBe(3);
  const map = (data: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "unset" }, data });
  const maps = `${inNamespace("default", "configmaps")}/unset`;
  await apply(server, maps, "apply_test", map({ a: "1", b: "2" }));
  expect((await apply(server, maps, "apply_test", map({ a: "1" }))).body.data).toEqual({ a: "1" });
});

test("apply: what another owns too stays when one owner leaves it out", async () => {
  const path = `${deployments}/shared-unset`;
  const whole = deployment("shared-unset", { replicas: 3 }, { args: ["serve"] });
  expectCode(201, await apply(server, path, "shared_owner_1", whole));
  expectCode(200, await apply(server, path, "shared_owner_2", whole));
  const { body } = expectCode(200, await apply(server, path, "shared_owner_1", deployment("shared-unset")));
  expect(body.spec).toMatchObject({ replicas: 3, template: { spec: { args: ["serve"] } } });
});

test("apply: a conflict names its owner and field; force takes the field over", async () => {
  const path = `${deployments}/forced`;
  const body = deployment("forced", { replicas: 3 });
  expectCode(201, await apply(server, path, "apply_test", body));
  expectCode(
    200,
    await server.call("PATCH", `${path}?fieldManager=scaler`, { body: { spec: { replicas: 5 } } }),
  );
  const conflict = await apply(server, path, "apply_test", body);
  expect(conflict).toMatchObject({
    code: 409,
    body: {
      kind: "Status",
      reason: "Conflict",
      message:
        'Apply failed with 1 conflict: conflict with "scaler" using wherry.dev/v1alpha1: .spec.replicas',
      details: { causes: [{ reason: "FieldManagerConflict", field: ".spec.replicas" }] },
    },
  });
  const forced = expectCode(200, await apply(server, path, "apply_test", body, { force: true }));
  expect(forced.body.spec.replicas).toBe(3);
  const managers = (forced.body.metadata.managedFields as readonly Entry[]).map(({ manager }) => manager);
  expect(managers).toEqual(["apply_test"]);
});

test("apply: one gives a field up by leaving it to a controller", async () => {
  const path = `${deployments}/given-up`;
  expectCode(201, await apply(server, path, "owner", deployment("given-up", { replicas: 3 })));
  expectCode(
    200,
    await apply(server, path, "controller", deployment("given-up", { replicas: 8 }), { force: true }),
  );
  const { body } = expectCode(200, await apply(server, path, "owner", deployment("given-up")));
  expect(body.spec.replicas).toBe(8);
  expectCode(409, await apply(server, path, "owner", deployment("given-up", { replicas: 3 })));
});

test("apply: custom kinds: lists by key, atomic lists, and a second apply that changes nothing", async () => {
  const items = {
    type: "object",
    required: ["name"],
    properties: { name: { type: "string" }, port: { type: "integer" } },
  };
  const keyed = {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    items,
  };
  const properties = { keyed, atomic: { type: "array", items: { type: "string" } } };
  await define(
    server,
    definitionOf("ports", group, { type: "object", properties: { spec: { type: "object", properties } } }),
  );
  const path = `${inNamespace("default", "ports", `/apis/${group}/v1`)}/p`;
  const port = (spec: object) => ({ apiVersion: `${group}/v1`, kind: "Port", metadata: { name: "p" }, spec });
  expectCode(
    201,
    await apply(server, path, "one", port({ keyed: [{ name: "x", port: 80 }], atomic: ["a"] })),
  );
  const both = expectCode(200, await apply(server, path, "two", port({ keyed: [{ name: "y", port: 81 }] })));
  expect(both.body.spec).toEqual({
    keyed: [
      { name: "x", port: 80 },
      { name: "y", port: 81 },
    ],
    atomic: ["a"],
  });
  expectCode(409, await apply(server, path, "two", port({ keyed: [{ name: "x", port: 90 }] })));
  const less = expectCode(200, await apply(server, path, "one", port({ atomic: ["b", "c"] })));
  expect(less.body.spec).toEqual({ keyed: [{ name: "y", port: 81 }], atomic: ["b", "c"] });
  const same = expectCode(200, await apply(server, path, "one", port({ atomic: ["b", "c"] })));
  expect(same.body.metadata.resourceVersion).toBe(less.body.metadata.resourceVersion);
});

test.each([
  {
    name: "no field manager",
    query: "",
    body: { metadata: { name: "refused" } },
    code: 422,
    message: "fieldManager: Required value: is required for apply patch",
  },
  {
    name: "managed fields",
    query: "fieldManager=m",
    body: { metadata: { name: "refused", managedFields: [{ manager: "x" }] } },
    code: 400,
    message: "metadata.managedFields must be nil",
  },
  {
    name: "another name",
    query: "fieldManager=m",
    body: { metadata: { name: "other" } },
    code: 400,
    message: "does not match the name on the URL",
  },
  {
    name: "a dry run of an unknown sort",
    query: "fieldManager=m&dryRun=Some",
    body: { metadata: { name: "refused" } },
    code: 400,
    message: 'dryRun: Unsupported value: "Some": supported values: "All"',
  },
])("apply: refuses $name", async ({ query, body, code, message }) => {
  const whole = { apiVersion: "v1", kind: "ConfigMap", ...body };
  const path = `${inNamespace("default", "configmaps")}/refused?${query}`;
  const answer = await server.call("PATCH", path, { body: whole, type: "application/apply-patch+yaml" });
  expect([answer.code, answer.body.message]).toEqual([code, expect.stringContaining(message)]);
});
