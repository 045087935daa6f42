import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "./testing/test-server.ts";

const root = "/apis/live.wherry.dev/v1alpha1";
const usages = `${root}/namespaces/default/workloadusages`;

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  server.usages.put("default", "a", { app: "a" });
  server.usages.put("default", "b", { app: "b" });
  server.usages.put("other", "a");
});
afterAll(() => server[Symbol.asyncDispose]());

async function namesAt(path: string) {
  const { body } = await server.call("GET", path);
  const { items } = body as { items: { metadata: { namespace: string; name: string } }[] };
  return items.map(({ metadata: { namespace, name } }) => `${namespace}/${name}`);
}

test.each([
  { name: "of a namespace", path: usages, names: ["default/wasmdeployment.a", "default/wasmdeployment.b"] },
  {
    name: "of all namespaces",
    path: `${root}/workloadusages`,
    names: ["default/wasmdeployment.a", "default/wasmdeployment.b", "other/wasmdeployment.a"],
  },
  { name: "by a label", path: `${usages}?labelSelector=app%3Db`, names: ["default/wasmdeployment.b"] },
  {
    name: "by the workload's name",
    path: `${root}/workloadusages?fieldSelector=spec.workload.name%3Da`,
    names: ["default/wasmdeployment.a", "other/wasmdeployment.a"],
  },
])("workloadusages: a list $name", async ({ path, names }) => {
  expect(await namesAt(path)).toEqual(names);
});

test("workloadusages: page by page", async () => {
  const first = await server.call("GET", `${root}/workloadusages?limit=2`);
  const { metadata } = first.body as { metadata: { continue: string; remainingItemCount: number } };
  expect(metadata.remainingItemCount).toBe(1);
  const rest = `${root}/workloadusages?limit=2&continue=${encodeURIComponent(metadata.continue)}`;
  expect(await namesAt(rest)).toEqual(["other/wasmdeployment.a"]);
});

test("workloadusages: one of them", async () => {
  const { body } = await server.call("GET", `${usages}/wasmdeployment.a`);
  expect(body).toMatchObject({ kind: "WorkloadUsage", status: { instances: { ready: 1, wanted: 2 } } });
  expect((await server.call("GET", `${usages}/wasmdeployment.none`)).code).toBe(404);
});

test.each([
  { method: "GET", path: `${usages}?watch=true`, code: 405 },
  { method: "GET", path: `${root}/watch/namespaces/default/workloadusages`, code: 405 },
  { method: "POST", path: usages, code: 405 },
  { method: "DELETE", path: usages, code: 405 },
  { method: "PUT", path: `${usages}/wasmdeployment.a`, code: 405 },
  { method: "PATCH", path: `${usages}/wasmdeployment.a`, code: 405 },
  { method: "DELETE", path: `${usages}/wasmdeployment.a`, code: 405 },
  { method: "GET", path: `${usages}/wasmdeployment.a/status`, code: 404 },
  { method: "GET", path: `${usages}/wasmdeployment.a/log`, code: 404 },
])("workloadusages: $method $path is answered $code", async ({ method, path, code }) => {
  expect((await server.call(method, path)).code).toBe(code);
});
