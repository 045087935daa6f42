import { afterAll, beforeAll, expect, test } from "vitest";
import type { JsonObject } from "./resource.ts";
import { TestServer } from "./testing/test-server.ts";
import { until } from "./testing/until.ts";

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const boats = "/apis/example.com/v1/namespaces/default/boats";

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server[Symbol.asyncDispose]());

function version(name: string, storage: boolean, spec: JsonObject): JsonObject {
  const properties = {
    spec: { type: "object", properties: spec },
    status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  };
  return {
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: { type: "object", properties } },
    subresources: {
      status: {},
      scale: { specReplicasPath: ".spec.crew", statusReplicasPath: ".status.crew" },
    },
    additionalPrinterColumns: [{ name: "Crew", type: "integer", jsonPath: ".spec.crew" }],
    selectableFields: [{ jsonPath: ".spec.color" }],
  };
}

const crew = { type: "integer", default: 1, minimum: 0 };
const color = { type: "string", default: "red" };

function crd(...versions: readonly JsonObject[]): JsonObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "boats.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Boat", plural: "boats", singular: "boat", shortNames: ["bt"] },
      versions,
    },
  };
}

function boat(name: string, spec: JsonObject = {}, apiVersion = "example.com/v1"): JsonObject {
  return { apiVersion, kind: "Boat", metadata: { name }, spec };
}

async function established(name: string): Promise<void> {
  await until(async () => {
    const { body } = await server.call("GET", `${crds}/${name}`);
    const conditions: { type: string; status: string }[] = body.status?.conditions ?? [];
    return conditions.some((one) => one.type === "Established" && one.status === "True");
  });
}

test("a definition is served once it is established: discovery, defaults, columns, selectors, scale, status", async () => {
  expect((await server.call("GET", boats)).code).toBe(404);
  const made = await server.call("POST", crds, { body: crd(version("v1", true, { crew, color })) });
  expect(made.code, made.text).toBe(201);
  await established("boats.example.com");
  const { body: list } = await server.call("GET", "/apis/example.com/v1");
  expect(list.resources.map((one: { name: string }) => one.name)).toEqual([
    "boats",
    "boats/status",
    "boats/scale",
  ]);
  const a = await server.call("POST", boats, { body: boat("a", { unknown: 1 }) });
  expect(a.body.spec).toEqual({ crew: 1, color: "red" });
  expect(a.headers["warning"]).toContain('unknown field \\"spec.unknown\\"');
  await server.call("POST", boats, { body: boat("b", { color: "blue" }) });
  const blue = await server.call("GET", `${boats}?fieldSelector=spec.color%3Dblue`);
  expect(blue.body.items.map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual(["b"]);
  const table = await server.call("GET", boats, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
  expect(table.body.rows[0].cells).toEqual(["a", 1]);
  const scaled = await server.call("PATCH", `${boats}/a/scale`, { body: { spec: { replicas: 4 } } });
  expect(scaled.body.spec.replicas).toBe(4);
  const status = await server.call("PATCH", `${boats}/a/status`, {
    body: { spec: { crew: 9 }, status: { crew: 2 } },
  });
  expect(status.body).toMatchObject({ spec: { crew: 4 }, status: { crew: 2 } });
  const wrong = await server.call("POST", boats, { body: boat("c", { crew: -1 }) });
  expect(wrong.body.message).toContain(
    "spec.crew: Invalid value: -1: spec.crew in body should be greater than or equal to 0",
  );
  const { body: openApi } = await server.call("GET", "/openapi/v3/apis/example.com/v1");
  expect(Object.keys(openApi.components.schemas)).toContain("com.example.v1.Boat");
});

test("a changed definition is served as it says now, and watches of the kind end", async () => {
  using watch = server.watch(`${boats}?watch=true`);
  expect((await watch.take(2)).map(({ type }) => type)).toEqual(["ADDED", "ADDED"]);
  const current = await server.call("GET", `${crds}/boats.example.com`);
  const sail = { type: "string", default: "gaff" };
  const changed = await server.call("PUT", `${crds}/boats.example.com`, {
    body: {
      ...current.body,
      spec: {
        ...current.body.spec,
        versions: [version("v1", true, { crew, color, sail }), version("v2", false, { crew, sail })],
      },
    },
  });
  expect(changed.code, changed.text).toBe(200);
  expect(await watch.next()).toBeUndefined();
  // What was stored before the field was there has its default; the other version has its own fields.
  expect((await server.call("GET", `${boats}/a`)).body.spec).toEqual({ crew: 4, color: "red", sail: "gaff" });
  const v2 = await server.call("GET", "/apis/example.com/v2/namespaces/default/boats/a");
  expect(v2.body).toMatchObject({ apiVersion: "example.com/v2", spec: { crew: 4, sail: "gaff" } });
  const patched = await server.call("PATCH", "/apis/example.com/v2/namespaces/default/boats/a", {
    body: { spec: { sail: "lug" } },
  });
  expect(patched.body).toMatchObject({ apiVersion: "example.com/v2", spec: { sail: "lug" } });
  expect((await server.call("GET", `${boats}/a`)).body).toMatchObject({
    apiVersion: "example.com/v1",
    spec: { sail: "lug" },
  });
});

test("another definition cannot take a name that is taken", async () => {
  const other = crd(version("v1", true, { color }));
  const spec = { ...(other["spec"] as JsonObject), names: { kind: "Boat", plural: "vessels" } };
  const made = await server.call("POST", crds, {
    body: { ...other, metadata: { name: "vessels.example.com" }, spec },
  });
  expect(made.code, made.text).toBe(201);
  await until(async () => {
    const { body } = await server.call("GET", `${crds}/vessels.example.com`);
    return (body.status?.conditions ?? []).some(
      (one: { type: string; status: string; reason: string }) =>
        one.type === "NamesAccepted" && one.status === "False" && one.reason.includes("KindConflict"),
    );
  });
  expect((await server.call("GET", "/apis/example.com/v1/vessels")).code).toBe(404);
  await server.call("DELETE", `${crds}/vessels.example.com`);
});

test("a name that is given up goes to the definition that waits for it", async () => {
  const spec = { ...(crd(version("v1", true, { color }))["spec"] as JsonObject), group: "example.org" };
  const create = async (plural: string) => {
    const metadata = { name: `${plural}.example.org` };
    const names = { kind: "Boat", plural };
    const { code } = await server.call("POST", crds, {
      body: { ...crd(), metadata, spec: { ...spec, names } },
    });
    expect(code).toBe(201);
  };
  await create("boats");
  await established("boats.example.org");
  await create("ships");
  await server.call("DELETE", `${crds}/boats.example.org`);
  await established("ships.example.org");
  await server.call("DELETE", `${crds}/ships.example.org`);
});

test("the server's own kinds are definitions too, and cannot be changed or deleted", async () => {
  const { body } = await server.call("GET", `${crds}/wasmdeployments.wherry.dev`);
  expect(body.spec.names.kind).toBe("WasmDeployment");
  await established("wasmdeployments.wherry.dev");
  expect((await server.call("DELETE", `${crds}/wasmdeployments.wherry.dev`)).code).toBe(403);
  const spec = { names: { ...body.spec.names, shortNames: ["x"] } };
  expect((await server.call("PATCH", `${crds}/wasmdeployments.wherry.dev`, { body: { spec } })).code).toBe(
    403,
  );
});

test("a restarted server serves what was defined, and deleting the definition takes the objects along", async () => {
  await server.api.close();
  await server.store.close();
  const { folder } = server;
  server = await TestServer.start({ folder });
  expect((await server.call("GET", `${boats}/a`)).body.spec.sail).toBe("lug");
  await server.call("PATCH", `${boats}/b`, { body: { metadata: { finalizers: ["example.com/hold"] } } });
  const going = await server.call("DELETE", `${crds}/boats.example.com`);
  expect(going.body.metadata.finalizers).toEqual(["customresourcecleanup.apiextensions.k8s.io"]);
  await until(async () => (await server.call("GET", `${boats}/a`)).code === 404);
  expect((await server.call("POST", boats, { body: boat("late") })).code).toBe(405);
  await server.call("PATCH", `${boats}/b`, { body: { metadata: { finalizers: null } } });
  await until(async () => (await server.call("GET", `${crds}/boats.example.com`)).code === 404);
  expect((await server.call("GET", boats)).code).toBe(404);
});

test("a definition of which no version is served takes its objects along, too", async () => {
  const name = "rafts.example.com";
  const rafts = "/apis/example.com/v1/namespaces/default/rafts";
  const names = { kind: "Raft", plural: "rafts", singular: "raft" };
  const body = crd(version("v1", true, { crew, color }));
  const made = await server.call("POST", crds, {
    body: { ...body, metadata: { name }, spec: { ...(body["spec"] as object), names } },
  });
  expect(made.code, made.text).toBe(201);
  await established(name);
  await server.call("POST", rafts, { body: { ...boat("a"), kind: "Raft" } });
  const unserved = [{ op: "replace", path: "/spec/versions/0/served", value: false }];
  await server.call("PATCH", `${crds}/${name}`, { body: unserved, type: "application/json-patch+json" });
  await until(async () => (await server.call("GET", rafts)).code === 404);
  await server.call("DELETE", `${crds}/${name}`);
  await until(async () => (await server.call("GET", `${crds}/${name}`)).code === 404);
  expect((await server.store.list("/registry/example.com/rafts/")).entries).toEqual([]);
});

test("metadata.generation: counts changes of a status that is no subresource, as of any other field", async () => {
  const name = "canoes.example.com";
  const canoes = "/apis/example.com/v1/namespaces/default/canoes";
  const body = crd({ ...version("v1", true, { crew, color }), subresources: {} });
  const names = { kind: "Canoe", plural: "canoes", singular: "canoe" };
  await server.call("POST", crds, {
    body: { ...body, metadata: { name }, spec: { ...(body["spec"] as object), names } },
  });
  await established(name);
  await server.call("POST", canoes, { body: { ...boat("a"), kind: "Canoe" } });
  const changed = await server.call("PATCH", `${canoes}/a`, { body: { status: { crew: 2 } } });
  expect(changed.body).toMatchObject({ metadata: { generation: 2 }, status: { crew: 2 } });
});
