/** The calls subresource of workloads over HTTP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ticketAudience, ticketClaim, ticketType } from "../../api/call-ticket.ts";
import { verifyJwt } from "../../kit/jwt.ts";
import { newServiceAccountKey } from "./testing/service-accounts.ts";
import { TestServer } from "./testing/test-server.ts";

const deployments = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments";
const endpoints = [{ node: "a", address: "10.0.0.7:7000" }];
const key = newServiceAccountKey();

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    callEndpoints: endpoints,
    serviceAccountKeys: [key],
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
  for (const [name, spec] of [
    ["price", { functions: {} }],
    ["plain", {}],
  ] as const) {
    const made = await server.call("POST", deployments, {
      body: {
        apiVersion: "wherry.dev/v1alpha1",
        kind: "WasmDeployment",
        metadata: { name },
        spec: {
          selector: { matchLabels: { app: name } },
          template: {
            metadata: { labels: { app: name } },
            spec: { module: { image: "file:///price.wasm" }, ...spec },
          },
        },
      },
    });
    expect(made.code, JSON.stringify(made.body)).toBe(201);
  }
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = (name = "price", body: unknown = {}, token?: string) =>
  server.call("POST", `${deployments}/${name}/calls`, { body, ...(token !== undefined && { token }) });

test("calls: answers a ticket for this workload alone, gateways, and how to know them", async () => {
  const { code, body } = await ask();
  expect([code, body]).toMatchObject([201, { kind: "CallTicket", status: { endpoints } }]);
  const { status } = body as { status: { token: string; caBundle: string; expirationTimestamp: string } };
  expect(status.caBundle).toContain("BEGIN CERTIFICATE");
  const outcome = verifyJwt([key], status.token, ticketType);
  const uid = ((await server.call("GET", `${deployments}/price`)).body as { metadata: { uid: string } })
    .metadata.uid;
  expect(outcome).toMatchObject({
    kind: "valid",
    claims: {
      aud: ticketAudience,
      sub: "admin",
      [ticketClaim]: { namespace: "default", kind: "WasmDeployment", name: "price", uid },
    },
  });
  const leftMs = Date.parse(status.expirationTimestamp) - Date.now();
  expect(leftMs).toBeGreaterThan(500_000);
  expect(leftMs).toBeLessThanOrEqual(600_000);
});

test("calls: a ticket is no token for the API server, and a token for its audience is no ticket", async () => {
  const { body } = await ask();
  const { token } = (body as { status: { token: string } }).status;
  expect((await server.call("GET", `${deployments}/price`, { token })).code).toBe(401);
  const issued = await server.call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { audiences: [ticketAudience] },
    },
  });
  const other = (issued.body as { status: { token: string } }).status.token;
  expect(verifyJwt([key], other, ticketType)).toMatchObject({ kind: "forged" });
});

test.each([
  { name: "who may only look", ask: () => ask("price", {}, "view-token"), code: 403 },
  { name: "a workload without functions", ask: () => ask("plain"), code: 400 },
  { name: "a workload that is not there", ask: () => ask("none"), code: 404 },
  {
    name: "a time that is too long",
    ask: () => ask("price", { spec: { expirationSeconds: 1e6 } }),
    code: 400,
  },
  { name: "another kind", ask: () => ask("price", { kind: "Eviction" }), code: 400 },
])("calls: refuses $name", async ({ ask: refused, code }) => {
  expect((await refused()).code).toBe(code);
});

test("calls: who may edit may call", async () => {
  expect((await ask("price", {}, "edit-token")).code).toBe(201);
});

test("calls: is there for workloads that can be called, and is only created", async () => {
  expect((await server.call("GET", `${deployments}/price/calls`)).code).toBe(405);
  const jobs = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmjobs/x/calls";
  expect((await server.call("POST", jobs, { body: {} })).code).toBe(404);
});
