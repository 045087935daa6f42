/** The eviction subresource of instances over HTTP. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { TestServer } from "./testing/test-server.ts";

const instances = "/apis/live.wherry.dev/v1alpha1/namespaces/default/wasminstances";
const eviction = {
  apiVersion: "policy/v1",
  kind: "Eviction",
  metadata: { name: "web-1", namespace: "default" },
};

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    tokens: ["view", "edit"].map((user) => ({ token: `${user}-token`, user, uid: "", groups: [] })),
  });
  for (const name of ["view", "edit"])
    await server.call("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", {
      body: {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name },
        subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name }],
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      },
    });
  server.live.put("default", "web-1");
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.live.evictions.length = 0;
  server.live.evictionOutcome = { kind: "evicted" };
});

const evict = (body: unknown = eviction, options: { token?: string; query?: string; name?: string } = {}) =>
  server.call("POST", `${instances}/${options.name ?? "web-1"}/eviction${options.query ?? ""}`, {
    body,
    ...(options.token === undefined ? {} : { token: options.token }),
  });

test("eviction: is answered with a Status, and says how the instance is to stop", async () => {
  const { code, body } = await evict({ ...eviction, deleteOptions: { gracePeriodSeconds: 3 } });
  expect([code, body]).toMatchObject([201, { kind: "Status", status: "Success", code: 201 }]);
  expect(server.live.evictions).toEqual([{ name: "web-1", graceMs: 3_000, dryRun: false }]);
});

test("eviction: of what leaves later says what that waits for", async () => {
  server.live.evictionOutcome = { kind: "leaving", message: "web-2 is pending" };
  expect(await evict()).toMatchObject({ code: 201, body: { message: "web-2 is pending" } });
});

test("eviction: over a budget is refused with 429, the budgets and when to try again", async () => {
  const budgets = [
    { name: "a", message: "a needs 2" },
    { name: "b", message: "b needs 3" },
  ];
  server.live.evictionOutcome = { kind: "refused", budgets };
  const { code, body, headers } = await evict();
  expect(code).toBe(429);
  expect(body).toMatchObject({
    reason: "TooManyRequests",
    message: "Cannot evict instance as it would violate the instance's disruption budget.",
    details: {
      name: "web-1",
      causes: [
        { reason: "DisruptionBudget", message: "a needs 2" },
        { reason: "DisruptionBudget", message: "b needs 3" },
      ],
      retryAfterSeconds: 5,
    },
  });
  expect(headers["retry-after"]).toBe("5");
});

test("eviction: what is not known while nodes have not reported may be there, so it is not called gone", async () => {
  server.live.evictionOutcome = { kind: "unknown", message: "not all nodes have reported" };
  expect((await evict()).code).toBe(503);
});

test.each([
  { name: "in the options", body: { ...eviction, deleteOptions: { dryRun: ["All"] } }, query: "" },
  { name: "in the query", body: eviction, query: "?dryRun=All" },
])("eviction: a dry run $name", async ({ body, query }) => {
  expect((await evict(body, { query })).code).toBe(201);
  expect(server.live.evictions).toMatchObject([{ dryRun: true }]);
});

test("eviction: without a type, and with preconditions that hold", async () => {
  const uid = { preconditions: { uid: "uid-web-1" } };
  expect((await evict({ metadata: { name: "web-1" }, deleteOptions: uid })).code).toBe(201);
});

test.each([
  {
    name: "an instance that is not there",
    body: { ...eviction, metadata: { name: "x" } },
    at: "x",
    code: 404,
  },
  { name: "another kind", body: { ...eviction, kind: "Binding" }, code: 400 },
  { name: "another version", body: { ...eviction, apiVersion: "policy/v1beta1" }, code: 400 },
  { name: "another name", body: { ...eviction, metadata: { name: "web-2" } }, code: 400 },
  { name: "another namespace", body: { ...eviction, metadata: { namespace: "other" } }, code: 400 },
  { name: "a list", body: [eviction], code: 400 },
  { name: "options that are no object", body: { ...eviction, deleteOptions: "now" }, code: 400 },
  { name: "a negative grace", body: { ...eviction, deleteOptions: { gracePeriodSeconds: -1 } }, code: 400 },
  { name: "half a second", body: { ...eviction, deleteOptions: { gracePeriodSeconds: 0.5 } }, code: 400 },
  { name: "an unknown dry run", body: { ...eviction, deleteOptions: { dryRun: ["Some"] } }, code: 400 },
  { name: "another's uid", body: { ...eviction, deleteOptions: { preconditions: { uid: "u" } } }, code: 409 },
  {
    name: "an older version",
    body: { ...eviction, deleteOptions: { preconditions: { resourceVersion: "1" } } },
    code: 409,
  },
])("eviction: $name is refused with $code", async ({ body, at = "web-1", code }) => {
  expect((await evict(body, { name: at })).code).toBe(code);
  expect(server.live.evictions).toEqual([]);
});

test.each(["GET", "PUT", "PATCH", "DELETE"])("eviction: %s is not allowed", async (method) => {
  const body = method === "GET" ? {} : { body: eviction };
  expect((await server.call(method, `${instances}/web-1/eviction`, body)).code).toBe(405);
});

test.each([
  { token: "edit-token", code: 201 },
  { token: "view-token", code: 403 },
])("eviction: $token gets $code", async ({ token, code }) => {
  expect((await evict(eviction, { token })).code).toBe(code);
});

test("eviction: discovery has it, as pods have theirs", async () => {
  const { body } = await server.call("GET", "/apis/live.wherry.dev/v1alpha1");
  expect((body as { resources: readonly object[] }).resources).toContainEqual(
    expect.objectContaining({
      name: "wasminstances/eviction",
      group: "policy",
      version: "v1",
      kind: "Eviction",
      verbs: ["create"],
    }),
  );
});
