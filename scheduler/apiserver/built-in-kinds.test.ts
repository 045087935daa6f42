/** What the server's own kinds do beyond being stored. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import type { JsonObject } from "./resource.ts";
import { configMap, configMapsPath } from "./testing/manifests.ts";
import { TestServer } from "./testing/test-server.ts";
import { until } from "./testing/until.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server[Symbol.asyncDispose]());

async function post(path: string, body: unknown) {
  const answer = await server.call("POST", path, { body });
  expect(answer.code, answer.text).toBeLessThan(300);
  return answer.body;
}

test("every namespace has its default ServiceAccount, again after it was deleted", async () => {
  await post("/api/v1/namespaces", { metadata: { name: "quay" } });
  const path = "/api/v1/namespaces/quay/serviceaccounts/default";
  const uidOf = async () => (await server.call("GET", path)).body?.metadata?.uid as string | undefined;
  await until(async () => (await uidOf()) !== undefined);
  const first = await uidOf();
  await server.call("DELETE", path);
  await until(async () => ![undefined, first].includes(await uidOf()));
});

test("a ServiceAccount's token: what its roles allow and nothing more", async () => {
  await post("/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "reader" } });
  await post(`${rbac}/roles`, {
    metadata: { name: "reader" },
    rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "patch"] }],
  });
  await post(`${rbac}/rolebindings`, {
    metadata: { name: "reader" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
    subjects: [{ kind: "ServiceAccount", name: "reader", namespace: "default" }],
  });
  const request = await post("/api/v1/namespaces/default/serviceaccounts/reader/token", {});
  const token: string = request.status.token;
  const asReader = (method: string, path: string, options = {}) =>
    server.call(method, path, { token, ...options });
  expect((await asReader("GET", configMapsPath)).code).toBe(200);
  const secrets = await asReader("GET", "/api/v1/namespaces/default/secrets");
  expect(secrets.body.message).toBe(
    'secrets is forbidden: User "system:serviceaccount:default:reader" cannot list resource "secrets" in API group "" in the namespace "default"',
  );
  expect((await asReader("POST", configMapsPath, { body: configMap("x") })).code).toBe(403);
  // Whoever applies what is not there creates it.
  const apply = { body: JSON.stringify(configMap("applied")), type: "application/apply-patch+yaml" };
  expect((await asReader("PATCH", `${configMapsPath}/applied?fieldManager=me`, apply)).code).toBe(403);
  await post(configMapsPath, configMap("applied"));
  expect((await asReader("PATCH", `${configMapsPath}/applied?fieldManager=me`, apply)).code).toBe(200);
  const escalation = await server.call("POST", `${rbac}/roles`, {
    body: {
      metadata: { name: "more" },
      rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }],
    },
    headers: { "impersonate-user": "system:serviceaccount:default:reader" },
  });
  expect(escalation.code).toBe(403);
  await server.call("DELETE", "/api/v1/namespaces/default/serviceaccounts/reader");
  expect((await asReader("GET", configMapsPath)).code).toBe(401);
});

test("impersonation: the server answers as it would to that user", async () => {
  const headers = { "impersonate-user": "alice", "impersonate-group": "dev" };
  const who = await server.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    body: {},
    headers,
  });
  expect(who.body.status.userInfo).toMatchObject({
    username: "alice",
    groups: ["dev", "system:authenticated"],
  });
  expect((await server.call("GET", configMapsPath, { headers })).code).toBe(403);
  const may = await server.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    body: { spec: { resourceAttributes: { verb: "list", resource: "configmaps", namespace: "default" } } },
    headers,
  });
  expect(may.body.status.allowed).toBe(false);
});

test("PriorityClass: one of them is the default", async () => {
  const path = "/apis/scheduling.k8s.io/v1/priorityclasses";
  await post(path, { metadata: { name: "one" }, value: 1, globalDefault: true });
  const body = { metadata: { name: "two" }, value: 2, globalDefault: true };
  const refused = await server.call("POST", path, { body });
  expect(refused.code).toBe(403);
  expect(refused.body.message).toContain("PriorityClass one is already marked as default");
  await post(path, { ...body, globalDefault: false });
});

test("Event: one object under two groups", async () => {
  const reported = "/apis/events.k8s.io/v1/namespaces/default/events";
  const core = "/api/v1/namespaces/default/events";
  using watch = server.watch(`${core}?watch=true&fieldSelector=involvedObject.name%3Dboat`);
  await post(reported, {
    metadata: { name: "seen" },
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "example.com/lookout",
    reportingInstance: "a",
    action: "Look",
    reason: "Seen",
    type: "Normal",
    note: "a boat",
    regarding: { kind: "Boat", name: "boat", namespace: "default" },
  });
  const { object } = (await watch.next())!;
  expect(object).toMatchObject({ apiVersion: "v1", message: "a boat", involvedObject: { name: "boat" } });
  const listed = await server.call("GET", `${reported}?fieldSelector=regarding.name%3Dboat`);
  expect(listed.body.items).toMatchObject([{ apiVersion: "events.k8s.io/v1", note: "a boat" }]);
  const patched = await server.call("PATCH", `${core}/seen`, { body: { message: "a ship" } });
  expect(patched.body.message).toBe("a ship");
  expect((await server.call("GET", `${reported}/seen`)).body.note).toBe("a ship");
  expect((await server.call("DELETE", `${reported}/seen`)).code).toBe(200);
  expect((await server.call("GET", `${core}/seen`)).code).toBe(404);
});

test("ServiceAccount: the default one comes when the quota that was in its way is gone", async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start({ clock });
  const path = "/api/v1/namespaces/default";
  await until(async () => (await server.call("GET", `${path}/serviceaccounts/default`)).code === 200);
  const spec = { hard: { "count/serviceaccounts": "0" } };
  await server.call("POST", `${path}/resourcequotas`, {
    body: { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none" }, spec },
  });
  await server.call("DELETE", `${path}/serviceaccounts/default`);
  expect((await server.call("GET", `${path}/serviceaccounts/default`)).code).toBe(404);
  await server.call("DELETE", `${path}/resourcequotas/none`);
  clock.advance(60_000);
  await until(async () => (await server.call("GET", `${path}/serviceaccounts/default`)).code === 200);
});

test("a restart writes nothing: what every cluster has is there already", async () => {
  const definitions = readdirSync(new URL("../../charts/wherry/crds/", import.meta.url));
  await using first = await TestServer.start();
  await until(async () => {
    const { body } = await first.call("GET", "/api/v1/serviceaccounts");
    return body.items.length === 3;
  });
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await until(async () => {
    const { body } = await first.call("GET", crds);
    const settled = body.items.filter((one: JsonObject) => JSON.stringify(one).includes('"Established"'));
    return settled.length === definitions.length;
  });
  await first.api.close();
  const { revision } = await first.store.list("");
  await first.store.close();
  await using second = await TestServer.start({ folder: first.folder });
  await second.call("GET", crds);
  await second.api.close();
  expect((await second.store.list("")).revision).toBe(revision);
});
