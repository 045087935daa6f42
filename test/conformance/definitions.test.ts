/** What Kubernetes' suite asks of CustomResourceDefinitions, their validation, defaults and status. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { until } from "../../scheduler/apiserver/testing/until.ts";
import { define, definitionOf, expectCode, inNamespace } from "../support/api-session.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const any = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

function collection(plural: string, group: string, version = "v1"): string {
  return inNamespace("default", plural, `/apis/${group}/${version}`);
}

test("definitions: listed and deleted by label, and the others stay", async () => {
  const labelled = ["ones", "twos", "threes"].map((plural) => {
    const definition = definitionOf(plural, "list.example.com", any) as { metadata: object };
    return { ...definition, metadata: { ...definition.metadata, labels: { listed: "yes" } } };
  });
  await Promise.all(
    [...labelled, definitionOf("fours", "list.example.com", any)].map((one) => define(server, one)),
  );
  const selector = `${definitions}?labelSelector=listed%3Dyes`;
  const { body } = await server.call("GET", selector);
  expect(body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name).toSorted()).toEqual(
    ["ones", "threes", "twos"].map((plural) => `${plural}.list.example.com`),
  );
  expectCode(200, await server.call("DELETE", selector));
  await until(async () => (await server.call("GET", selector)).body.items.length === 0);
  expectCode(200, await server.call("GET", `${definitions}/fours.list.example.com`));
});

test("the status of a definition is read, replaced and patched by itself", async () => {
  await define(server, definitionOf("states", "status.example.com", any));
  const status = `${definitions}/states.status.example.com/status`;
  const { body } = expectCode(200, await server.call("GET", status));
  const conditions = [...body.status.conditions, { type: "Mine", status: "True", message: "updated" }];
  const replaced = await server.call("PUT", status, {
    body: { ...body, status: { ...body.status, conditions } },
  });
  expect(expectCode(200, replaced).body.status.conditions).toContainEqual(
    expect.objectContaining({ message: "updated" }),
  );
  const patch = [{ op: "add", path: "/status/conditions", value: [{ message: "patched" }] }];
  const patched = await server.call("PATCH", status, { body: patch, type: "application/json-patch+json" });
  expect(expectCode(200, patched).body.status.conditions).toContainEqual(
    expect.objectContaining({ message: "patched" }),
  );
});

test("defaults: for what is stored already, for what is created, and gone when they are taken away", async () => {
  const group = "default.example.com";
  const text = { type: "string" };
  await define(server, definitionOf("olds", group, { type: "object", properties: { a: text, b: text } }));
  const objects = collection("olds", group);
  const create = async (name: string) =>
    expectCode(
      201,
      await server.call("POST", objects, {
        body: { apiVersion: `${group}/v1`, kind: "Old", metadata: { name } },
      }),
    ).body;
  const patch = async (...operations: readonly object[]) =>
    expectCode(
      200,
      await server.call("PATCH", `${definitions}/olds.${group}`, {
        body: operations,
        type: "application/json-patch+json",
      }),
    );
  const read = async (name: string) =>
    (await server.call("GET", `${objects}/${name}`)).body as Record<string, unknown>;
  const at = (name: string) => `/spec/versions/0/schema/openAPIV3Schema/properties/${name}/default`;
  await create("first");
  await patch({ op: "add", path: at("a"), value: "A" });
  await until(async () => (await read("first"))["a"] === "A");
  expect(await create("second")).toMatchObject({ a: "A" });
  await patch({ op: "remove", path: at("a") }, { op: "add", path: at("b"), value: "B" });
  await until(async () => (await read("second"))["b"] === "B");
  expect(await read("second")).toMatchObject({ a: "A", b: "B" });
  // What is stored is read again a moment later than what comes in.
  await until(async () => !("a" in (await read("first"))));
  expect(await read("first")).toMatchObject({ b: "B" });
});

test("rules: satisfied, not satisfied, about what is not there, of status", async () => {
  const group = "rules.example.com";
  const schema = (rule: string) => ({
    type: "object",
    properties: {
      spec: {
        type: "object",
        "x-kubernetes-validations": [{ rule }],
        properties: { x: { type: "integer" }, y: { type: "integer" } },
      },
      status: {
        type: "object",
        "x-kubernetes-validations": [{ rule: "self.health == 'ok' || self.health == 'unhealthy'" }],
        properties: { health: { type: "string" } },
      },
    },
  });
  await define(
    server,
    definitionOf("sums", group, schema("self.x + self.y > 0"), { subresources: { status: {} } }),
  );
  const objects = collection("sums", group);
  const create = (name: string, spec: object) =>
    server.call("POST", objects, {
      body: { apiVersion: `${group}/v1`, kind: "Sum", metadata: { name }, spec },
    });
  expectCode(201, await create("good", { x: 1, y: 0 }));
  const bad = expectCode(422, await create("bad", { x: 0, y: 0 }));
  expect(bad.body).toMatchObject({
    reason: "Invalid",
    details: { causes: [{ field: "spec", reason: "FieldValueInvalid" }] },
  });
  expect(bad.body.message).toContain("failed rule: self.x + self.y > 0");
  const sick = await server.call("PATCH", `${objects}/good/status`, { body: { status: { health: "dead" } } });
  expect(expectCode(422, sick).body.message).toContain("failed rule");
  expectCode(
    200,
    await server.call("PATCH", `${objects}/good/status`, { body: { status: { health: "ok" } } }),
  );
  const unknown = await server.call("POST", definitions, {
    body: definitionOf("unknowns", group, schema("self.z == 100")),
  });
  expect(expectCode(422, unknown).body.message).toContain("undefined field 'z'");
  const expensive = {
    type: "object",
    properties: {
      list: {
        type: "array",
        items: { type: "array", items: { type: "array", items: { type: "string" } } },
        "x-kubernetes-validations": [{ rule: "self.all(a, a.all(b, b.all(c, self.exists(d, d == a))))" }],
      },
    },
  };
  const refused = await server.call("POST", definitions, {
    body: definitionOf("expensives", group, expensive),
  });
  expect(expectCode(422, refused).body.message).toContain("estimated rule cost exceeds budget by factor of");
  const transition = {
    type: "object",
    properties: { kept: { type: "integer", "x-kubernetes-validations": [{ rule: "self >= oldSelf" }] } },
  };
  await define(server, definitionOf("growths", group, transition));
  const growths = collection("growths", group);
  const growth = { apiVersion: `${group}/v1`, kind: "Growth", metadata: { name: "g" }, kept: 5 };
  expectCode(201, await server.call("POST", growths, { body: growth }));
  expectCode(200, await server.call("PATCH", `${growths}/g`, { body: { kept: 6 } }));
  expectCode(422, await server.call("PATCH", `${growths}/g`, { body: { kept: 1 } }));
});

test("a watch of definitions, and one of their objects, end to end", async () => {
  const group = "watch.example.com";
  using ofDefinitions = server.watch(
    `${definitions}?watch=true&fieldSelector=metadata.name%3Dseens.${group}`,
  );
  await define(server, definitionOf("seens", group, any));
  expect(await ofDefinitions.next()).toMatchObject({
    type: "ADDED",
    object: { metadata: { name: `seens.${group}` } },
  });
  const objects = collection("seens", group);
  using ofObjects = server.watch(`${objects}?watch=true`);
  const seen = { apiVersion: `${group}/v1`, kind: "Seen", metadata: { name: "s" } };
  await server.call("POST", objects, { body: seen });
  await server.call("PATCH", `${objects}/s`, { body: { spec: { a: 1 } } });
  await server.call("DELETE", `${objects}/s`);
  expect((await ofObjects.take(3)).map(({ type }) => type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
  expectCode(200, await server.call("DELETE", `${definitions}/seens.${group}`));
  let last = await ofDefinitions.next();
  while (last && last.type !== "DELETED") last = await ofDefinitions.next();
  expect(last).toMatchObject({ type: "DELETED" });
  expect((await server.call("GET", objects)).code).toBe(404);
});

test("two versions of a kind: one object, seen in both", async () => {
  const group = "versions.example.com";
  const version = (name: string, storage: boolean) => ({
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: any },
  });
  const definition = definitionOf("manys", group, any) as { spec: object };
  await define(server, {
    ...definition,
    spec: { ...definition.spec, versions: [version("v1beta1", false), version("v1", true)] },
  });
  const body = { apiVersion: `${group}/v1beta1`, kind: "Many", metadata: { name: "m" }, spec: { a: 1 } };
  expectCode(201, await server.call("POST", collection("manys", group, "v1beta1"), { body }));
  const { body: stored } = expectCode(200, await server.call("GET", `${collection("manys", group)}/m`));
  expect(stored).toMatchObject({ apiVersion: `${group}/v1`, spec: { a: 1 } });
  const { body: groupBody } = await server.call("GET", `/apis/${group}`);
  expect(groupBody).toMatchObject({
    kind: "APIGroup",
    preferredVersion: { groupVersion: `${group}/v1`, version: "v1" },
    versions: [{ version: "v1" }, { version: "v1beta1" }],
  });
});

test.each([
  {
    name: "no structural schema",
    schema: { properties: { a: { type: "string" } } },
    message: "must not be empty at the root",
  },
  {
    name: "a name that does not fit",
    schema: any,
    rename: "wrong.example.com",
    message: 'must be spec.names.plural+"."+spec.group',
  },
  {
    name: "a default that is invalid",
    schema: { type: "object", properties: { a: { type: "integer", default: "x" } } },
    message: "must be of type integer",
  },
])("definition: refuses $name", async ({ schema, rename, message }) => {
  const definition = definitionOf("refuseds", "refused.example.com", schema) as { metadata: object };
  const metadata = rename === undefined ? definition.metadata : { name: rename };
  const answer = await server.call("POST", definitions, { body: { ...definition, metadata } });
  expect(expectCode(422, answer).body.message).toContain(message);
});
