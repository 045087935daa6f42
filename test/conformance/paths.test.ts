/** What is no resource: discovery, versions, health, timeouts, and what is answered to what is not there. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { define, definitionOf, expectCode } from "../support/api-session.ts";

const group = "paths.example.com";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  await define(server, definitionOf("roads", group, { type: "object" }, { subresources: { status: {} } }));
});
afterAll(() => server[Symbol.asyncDispose]());

test("discovery: every group says its versions, and each version its resources", async () => {
  const { groups } = expectCode(200, await server.call("GET", "/apis")).body;
  const names = groups.map(({ name }: { name: string }) => name);
  expect(names).toEqual(
    expect.arrayContaining(["wherry.dev", "apiextensions.k8s.io", "authentication.k8s.io", group]),
  );
  for (const { name, versions, preferredVersion } of groups) {
    expect(versions).toContainEqual(preferredVersion);
    expect(expectCode(200, await server.call("GET", `/apis/${name}`)).body).toMatchObject({
      kind: "APIGroup",
      name,
      preferredVersion,
    });
    for (const { groupVersion } of versions) {
      const { body } = expectCode(200, await server.call("GET", `/apis/${groupVersion}`));
      expect(body).toMatchObject({ kind: "APIResourceList", groupVersion });
      expect(body.resources.length).toBeGreaterThan(0);
      for (const resource of body.resources)
        expect(resource).toMatchObject({ kind: expect.any(String), verbs: expect.any(Array) });
    }
  }
  const { body } = await server.call("GET", `/apis/${group}/v1`);
  expect(body.resources.map(({ name }: { name: string }) => name)).toEqual(["roads", "roads/status"]);
});

test.each(["v2", "v2beta1"])(
  "aggregated discovery %s: one document for all groups, also of custom kinds",
  async (version) => {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    const { body, headers } = expectCode(200, await server.call("GET", "/apis", { accept }));
    expect(headers["content-type"]).toContain("as=APIGroupDiscoveryList");
    expect(body).toMatchObject({
      kind: "APIGroupDiscoveryList",
      apiVersion: `apidiscovery.k8s.io/${version}`,
    });
    const own = body.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === group);
    expect(own.versions).toMatchObject([
      {
        version: "v1",
        freshness: "Current",
        resources: [
          {
            resource: "roads",
            scope: "Namespaced",
            responseKind: { group, version: "v1", kind: "Road" },
            subresources: [{ subresource: "status" }],
          },
        ],
      },
    ]);
    const core = expectCode(200, await server.call("GET", "/api", { accept })).body;
    expect(core.items).toMatchObject([{ versions: [{ version: "v1" }] }]);
    const plain = await server.call("GET", "/apis", {
      accept: `application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json`,
    });
    expect(plain.body).toMatchObject({ kind: "APIGroupList" });
  },
);

test("version: numbers that clients can read", async () => {
  const { body } = expectCode(200, await server.call("GET", "/version"));
  expect(body.major).toMatch(/^[1-9]\d*$/);
  expect(body.minor).toMatch(/^[1-9]\d*\+?$/);
  expect(body.gitVersion).toMatch(/^v\d+\.\d+\.\d+/);
});

test.each(["/healthz", "/livez", "/readyz"])(
  "health: %s is ok, tells more when asked, and can leave a check out",
  async (path) => {
    expect(await server.call("GET", path, { token: undefined })).toMatchObject({ code: 200, text: "ok" });
    const verbose = expectCode(200, await server.call("GET", `${path}?verbose=1`));
    expect(verbose.text).toContain("[+]ping ok\n");
    expect(verbose.text).toContain(`${path.slice(1)} check passed\n`);
    expect((await server.call("GET", `${path}?verbose&exclude=ping`)).text).toContain(
      "[+]ping excluded: ok\n",
    );
    expect((await server.call("GET", `${path}/ping`)).code).toBe(200);
    expect((await server.call("GET", `${path}/nothing`)).code).toBe(404);
  },
);

test.each([
  { query: "timeout=invalid", code: 400 },
  { query: "timeout=3m", code: 200 },
  { query: "timeout=0s", code: 200 },
])("timeouts: ?$query is answered with $code", async ({ query, code }) => {
  const answer = await server.call("GET", `/version?${query}`);
  expect(answer.code).toBe(code);
  if (code === 400)
    expect(answer.body).toMatchObject({
      reason: "BadRequest",
      message: expect.stringContaining("invalid timeout specified in the request URL"),
    });
  expect((await server.call("GET", `/api/v1/namespaces?${query}`)).code).toBe(code);
});

test.each([
  { method: "GET", path: "/nothing", code: 404 },
  { method: "GET", path: "/apis/nothing.example.com/v1/things", code: 404 },
  { method: "GET", path: "/api/v1/things", code: 404 },
  { method: "GET", path: "/api/v1/namespaces/default/configmaps/x/nothing", code: 404 },
  { method: "GET", path: "/api/v1/namespaces/default/configmaps/nothing", code: 404 },
  { method: "POST", path: "/api/v1/namespaces/default/configmaps/x", code: 405 },
  { method: "DELETE", path: "/version", code: 405 },
  { method: "GET", path: "/api/v1/namespaces?labelSelector=a%20b%20c", code: 400 },
  { method: "GET", path: "/api/v1/namespaces?continue=nothing", code: 400 },
  { method: "GET", path: "/api/v1/namespaces?resourceVersion=nothing", code: 400 },
  { method: "GET", path: "/api/v1/namespaces?resourceVersionMatch=Exact", code: 422 },
])("$method $path: a Status with $code", async ({ method, path, code }) => {
  const answer = await server.call(method, path, method === "POST" ? { body: {} } : {});
  expect(answer).toMatchObject({ code, body: { kind: "Status", apiVersion: "v1", status: "Failure", code } });
});

test("without credentials, and with wrong ones, there is nothing but health", async () => {
  expect(await server.call("GET", "/api/v1/namespaces", { token: undefined })).toMatchObject({
    code: 401,
    body: { reason: "Unauthorized", message: "Unauthorized" },
  });
  expect((await server.call("GET", "/api/v1/namespaces", { token: "wrong" })).code).toBe(401);
  expect((await server.call("GET", "/version", { token: "wrong" })).code).toBe(401);
});
