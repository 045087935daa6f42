/** Discovery, OpenAPI, health and the version, over HTTP. */
import { gunzipSync } from "node:zlib";
import { request } from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crd } from "../testing/crds.ts";
import { TestServer } from "../testing/test-server.ts";
import { until } from "../testing/until.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const beta = aggregated.replace("v=v2", "v=v2beta1");
const swagger = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const swaggerType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

test.each([
  { path: "/api", accept: undefined, type: "application/json", kind: "APIVersions" },
  { path: "/apis", accept: "*/*", type: "application/json", kind: "APIGroupList" },
  { path: "/apis", accept: aggregated, type: aggregated, kind: "APIGroupDiscoveryList" },
  { path: "/apis/", accept: `${beta},application/json`, type: beta, kind: "APIGroupDiscoveryList" },
  {
    path: "/apis",
    accept: `${aggregated},${beta},application/json`,
    type: aggregated,
    kind: "APIGroupDiscoveryList",
  },
  { path: "/apis", accept: `application/json,${aggregated}`, type: "application/json", kind: "APIGroupList" },
  {
    path: "/apis",
    accept: `${aggregated.replace("v=v2", "v=v9")},application/json`,
    type: "application/json",
    kind: "APIGroupList",
  },
  { path: "/api", accept: aggregated, type: aggregated, kind: "APIGroupDiscoveryList" },
  { path: "/apis/batch", accept: undefined, type: "application/json", kind: "Status" },
  { path: "/apis/wherry.dev", accept: aggregated, type: "application/json", kind: "Status" },
  { path: "/apis/wherry.dev/", accept: undefined, type: "application/json", kind: "APIGroup" },
  {
    path: "/apis/wherry.dev/v1alpha1/",
    accept: undefined,
    type: "application/json",
    kind: "APIResourceList",
  },
  {
    path: "/api/v1",
    accept: "application/vnd.kubernetes.protobuf",
    type: "application/json",
    kind: "Status",
  },
])("GET $path, Accept $accept: $kind", async ({ path, accept, type, kind }) => {
  const answer = await server.call("GET", path, accept === undefined ? {} : { accept });
  expect(answer.headers["content-type"]).toBe(type);
  expect(JSON.parse(answer.text)).toMatchObject({ kind });
});

test("GET /api: where the client has reached the server", async () => {
  const { body } = await server.call("GET", "/api");
  expect(body.serverAddressByClientCIDRs).toEqual([
    { clientCIDR: "0.0.0.0/0", serverAddress: new URL(server.url).host },
  ]);
});

test.each([
  { path: "/apis", accept: aggregated, cacheControl: "public" },
  { path: "/apis/wherry.dev/v1alpha1", accept: "application/json", cacheControl: "no-cache, private" },
  { path: "/openapi/v3", accept: "application/json", cacheControl: "no-cache, private" },
  { path: "/openapi/v3/api/v1", accept: "application/json", cacheControl: "no-cache, private" },
  { path: "/openapi/v2", accept: swagger, cacheControl: "no-cache, private" },
])("GET $path: a tag, by which nothing is sent twice", async ({ path, accept, cacheControl }) => {
  const first = await server.call("GET", path, { accept });
  expect(first).toMatchObject({ code: 200, headers: { "cache-control": cacheControl } });
  expect(first.headers["vary"]).toContain("Accept");
  const tag = String(first.headers["etag"]);
  expect(tag).toMatch(/^"[0-9A-F]{128}"$/);
  for (const header of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
    const again = await server.call("GET", path, { accept, headers: { "if-none-match": header } });
    expect(again).toMatchObject({ code: 304, text: "" });
  }
  const other = await server.call("GET", path, { accept, headers: { "if-none-match": '"x"' } });
  expect(other.code).toBe(200);
  const head = await server.call("HEAD", path, { accept });
  expect(head).toMatchObject({ code: 200, text: "", headers: { etag: tag } });
  expect(head.headers["content-length"]).toBe(first.headers["content-length"]);
});

test("GET /openapi/v3/…?hash: kept for ever, or sent on to where it is now", async () => {
  const { body } = await server.call("GET", "/openapi/v3");
  const url = String(body.paths["apis/wherry.dev/v1alpha1"].serverRelativeURL);
  const found = await server.call("GET", url);
  expect(found).toMatchObject({
    code: 200,
    headers: { "cache-control": "public, immutable", vary: "Accept, Accept-Encoding" },
  });
  expect(Date.parse(String(found.headers["expires"])) - Date.now()).toBeGreaterThan(360 * 24 * 3_600_000);
  const stale = await server.call("GET", url.replace(/hash=.*/, "hash=ABC"));
  expect(stale).toMatchObject({ code: 301, text: "", headers: { location: url } });
});

test.each([
  { path: "/openapi/v2", accept: swagger, code: 200, type: swaggerType },
  { path: "/openapi/v2", accept: swaggerType, code: 200, type: swaggerType },
  { path: "/openapi/v2", accept: `${swagger},*/*`, code: 200, type: swaggerType },
  { path: "/openapi/v2", accept: "application/json", code: 200, type: "application/json" },
  { path: "/openapi/v2", accept: "*/*", code: 200, type: "application/json" },
  { path: "/openapi/v2", accept: "text/html", code: 406, type: "application/json" },
  { path: "/openapi/v3/api/v1", accept: "application/*", code: 200, type: "application/json" },
  {
    path: "/openapi/v3/api/v1",
    accept: "application/com.github.proto-openapi.spec.v3@v1.0+protobuf,application/json",
    code: 200,
    type: "application/json",
  },
  {
    path: "/openapi/v3/api/v1",
    accept: "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
    code: 406,
    type: "application/json",
  },
  { path: "/openapi/v3/apis/nothing/v1", accept: "*/*", code: 404, type: "application/json" },
  { path: "/openapi/v3/constructor", accept: "*/*", code: 404, type: "application/json" },
  { path: "/openapi/v2/more", accept: "*/*", code: 404, type: "application/json" },
  { path: "/openapi", accept: "*/*", code: 404, type: "application/json" },
])("GET $path, Accept $accept: $code $type", async ({ path, accept, code, type }) => {
  const answer = await server.call("GET", path, { accept });
  expect(answer).toMatchObject({ code, headers: { "content-type": type } });
});

test("GET /openapi/v2: compressed for whoever takes it", async () => {
  const { promise, resolve } = Promise.withResolvers<{ encoding: unknown; body: Buffer }>();
  const headers = {
    authorization: "Bearer secret-token",
    "accept-encoding": "gzip",
    accept: "application/json",
  };
  request(`${server.url}/openapi/v2`, { ca: server.ca, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () =>
      resolve({ encoding: response.headers["content-encoding"], body: Buffer.concat(chunks) }),
    );
  }).end();
  const { encoding, body } = await promise;
  expect(encoding).toBe("gzip");
  const plain = await server.call("GET", "/openapi/v2", { accept: "application/json" });
  expect(gunzipSync(body).toString()).toBe(plain.text);
  expect(body.length * 4).toBeLessThan(plain.text.length);
});

test("a new kind is in all documents, and gone from them with its definition", async () => {
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const isThere = async () => {
    const { body } = await server.call("GET", "/openapi/v3");
    const discovered = await server.call("GET", "/apis", { accept: aggregated });
    const { definitions } = (await server.call("GET", "/openapi/v2", { accept: "application/json" })).body;
    return [
      (await server.call("GET", "/apis/example.com/v1")).code === 200,
      "apis/example.com/v1" in body.paths,
      discovered.text.includes('"example.com"'),
      "com.example.v1.Boat" in definitions,
      (await server.call("GET", "/")).text.includes("/apis/example.com/v1"),
    ];
  };
  expect(await isThere()).toEqual([false, false, false, false, false]);
  expect((await server.call("POST", crds, { body: crd() })).code).toBe(201);
  await until(async () => (await server.call("GET", "/apis/example.com/v1")).code === 200);
  expect(await isThere()).toEqual([true, true, true, true, true]);
  await server.call("DELETE", `${crds}/boats.example.com`);
  await until(async () => (await server.call("GET", "/apis/example.com/v1")).code === 404);
  expect(await isThere()).toEqual([false, false, false, false, false]);
});

test("GET /: everything that is no resource", async () => {
  const { paths } = (await server.call("GET", "/")).body;
  expect(paths).toEqual([...(paths as string[])].sort());
  expect(paths).toEqual(
    expect.arrayContaining([
      "/api",
      "/api/v1",
      "/apis",
      "/apis/",
      "/apis/wherry.dev",
      "/apis/wherry.dev/v1alpha1",
      "/healthz/ping",
      "/openapi/v2",
      "/openapi/v3/",
      "/readyz/shutdown",
      "/version",
    ]),
  );
  for (const path of paths as string[]) {
    if (path === "/backup") continue;
    expect((await server.call("GET", path)).code, path).toBe(200);
  }
});

test("GET /version: what clients compare", async () => {
  expect((await server.call("GET", "/version", { token: undefined })).body).toMatchObject({
    major: "1",
    minor: "35",
    emulationMinor: "35",
    minCompatibilityMinor: "34",
    gitVersion: expect.stringMatching(/^v1\.35\.\d+/),
    platform: expect.stringMatching(/^\w+\/\w+$/),
  });
});

test.each([
  { path: "/livez?verbose", text: "[+]ping ok\nlivez check passed\n" },
  {
    path: "/readyz?verbose&exclude=shutdown",
    text: "[+]ping ok\n[+]shutdown excluded: ok\nreadyz check passed\n",
  },
  { path: "/readyz/ping", text: "ok" },
  { path: "/healthz/", text: "ok" },
])("GET $path", async ({ path, text }) => {
  const answer = await server.call("GET", path, { token: undefined });
  expect(answer).toMatchObject({ code: 200, text, headers: { "x-content-type-options": "nosniff" } });
});

test.each([
  { method: "GET", path: "/livez/nothing", code: 404 },
  { method: "GET", path: "/version/more", code: 404 },
  { method: "GET", path: "/metrics/more", code: 404 },
  { method: "GET", path: "/apis/wherry.dev/v9", code: 404 },
  { method: "POST", path: "/version", code: 405 },
  { method: "DELETE", path: "/api/v1/namespaces", code: 405 },
])("$method $path: $code", async ({ method, path, code }) => {
  const { body } = await server.call(method, path, method === "GET" ? {} : { body: {} });
  const message =
    code === 404
      ? "the server could not find the requested resource"
      : "the server does not allow this method on the requested resource";
  expect(body).toMatchObject({ kind: "Status", status: "Failure", code, message, details: {} });
});

test.each([
  "/api/v1/namespaces",
  "/api/v1/namespaces/default",
  "/apis/wherry.dev",
  "/api/v1/nothing",
  "/version",
])("GET %s: indented on demand, and for curl", async (path) => {
  const plain = await server.call("GET", path);
  const indented = JSON.stringify(plain.body, undefined, 2);
  for (const [query, agent] of [
    ["?pretty=true", "x"],
    ["?pretty=1", "x"],
    ["", "curl/8.5.0"],
  ] as const) {
    const answer = await server.call("GET", path + query, { headers: { "user-agent": agent } });
    expect(answer.text).toBe(indented);
  }
  const line = await server.call("GET", `${path}?pretty=false`, { headers: { "user-agent": "curl/8.5.0" } });
  expect(line.text).toBe(plain.text);
});
