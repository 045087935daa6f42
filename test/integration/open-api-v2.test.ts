/** Swagger 2.0 in protobuf, by the one reader that matters: kubectl, when the server has no OpenAPI v3. */
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crd, version } from "../../scheduler/apiserver/testing/crds.ts";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { type CommandResult, runKubectl } from "../support/kubectl.ts";

let server: TestServer;
let folder: string;
let config: string;
/** What kubectl has asked of OpenAPI. */
const asked: string[] = [];

const boats = crd({
  versions: [
    version({
      schema: {
        openAPIV3Schema: {
          type: "object",
          description: "Boat is a boat.",
          properties: {
            spec: {
              type: "object",
              required: ["name"],
              description: "What it is.",
              properties: {
                name: { type: "string", description: "What it is called.", minLength: 1 },
                port: {
                  "x-kubernetes-int-or-string": true,
                  anyOf: [{ type: "integer" }, { type: "string" }],
                },
                owner: { type: "object", nullable: true, properties: { name: { type: "string" } } },
                crew: {
                  type: "array",
                  items: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["name"],
                },
                cargo: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                weights: {
                  type: "object",
                  additionalProperties: { type: "number", minimum: 0, maximum: 1.5 },
                },
              },
            },
          },
        },
      },
      subresources: { status: {} },
    }),
  ],
});

/** Everything but OpenAPI v3. */
const proxy = createServer((incoming, outgoing) => {
  const path = incoming.url ?? "/";
  if (path.startsWith("/openapi/")) asked.push(path);
  if (path.startsWith("/openapi/v3")) {
    outgoing.writeHead(404).end();
    return;
  }
  const sent = request(server.url + path, {
    method: incoming.method ?? "GET",
    ca: server.ca,
    headers: { ...incoming.headers, authorization: "Bearer secret-token" },
  });
  sent.on("response", (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  sent.on("error", () => outgoing.destroy());
  incoming.pipe(sent);
});

beforeAll(async () => {
  server = await TestServer.start();
  folder = mkdtempSync(join(tmpdir(), "wherry-openapi-"));
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  // It listens on a port.
  const { port } = proxy.address() as AddressInfo;
  config = join(folder, "kubeconfig");
  const cluster = { server: `http://127.0.0.1:${port}` };
  writeFileSync(
    config,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "w", cluster }],
      contexts: [{ name: "w", context: { cluster: "w", user: "" } }],
      "current-context": "w",
    }),
  );
  const made = await server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    body: boats,
  });
  expect(made.code, made.text).toBe(201);
  await kubectl("wait", "--for=condition=Established", "crd/boats.example.com", "--timeout=20s");
});
afterAll(async () => {
  proxy.close();
  proxy.closeAllConnections();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(config, args);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function apply(object: object, ...args: readonly string[]): Promise<CommandResult> {
  return runKubectl(config, ["apply", "-f", "-", ...args], JSON.stringify(object));
}

function boat(spec: object): object {
  return { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "anna" }, spec };
}

const spec = { name: "Anna", port: "http", owner: null, crew: [{ name: "bo" }], cargo: { a: { b: 1 } } };

test("kubectl apply: created, configured, unchanged, with nothing but Swagger", async () => {
  expect(await apply(boat(spec))).toMatchObject({ stdout: "boat.example.com/anna created\n", stderr: "" });
  const changed = boat({ ...spec, port: 80, weights: { a: 0.5 } });
  expect(await apply(changed)).toMatchObject({ stdout: "boat.example.com/anna configured\n", stderr: "" });
  expect(await apply(changed)).toMatchObject({ stdout: "boat.example.com/anna unchanged\n", stderr: "" });
  expect(await apply(changed, "--server-side", "--force-conflicts")).toMatchObject({ code: 0 });
  expect(asked).toContain("/openapi/v2?timeout=32s");
});

test("kubectl apply: core kinds", async () => {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot" } };
  expect(await apply({ ...account, secrets: [{ name: "a" }] })).toMatchObject({ code: 0, stderr: "" });
  expect(await apply({ ...account, secrets: [{ name: "b" }] })).toMatchObject({ code: 0, stderr: "" });
  const path = "jsonpath={.secrets[*].name}";
  expect(await kubectl("get", "sa", "robot", "-o", path)).toBe("b");
});

test.each([
  {
    name: "an unknown field",
    object: boat({ ...spec, colour: "red" }),
    message: 'unknown field "spec.colour"',
  },
  {
    name: "a wrong type",
    object: boat({ ...spec, crew: "bo" }),
    message: "crew in body must be of type array",
  },
])("kubectl create --validate: $name is refused", async ({ object, message }) => {
  const { code, stderr } = await runKubectl(
    config,
    ["create", "--dry-run=server", "--validate=strict", "-f", "-"],
    JSON.stringify(object),
  );
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

test.each([
  {
    path: "boat",
    shows: [/^KIND: +Boat$/m, /^VERSION: +example.com\/v1$/m, /Boat is a boat\./, /spec\t<Object>/],
  },
  { path: "boat.spec", shows: [/name\t<string> -required-\n +What it is called\./, /crew\t<\[\]Object>/] },
  { path: "boat.spec.crew.name", shows: [/name <string>/] },
  { path: "lease.spec", shows: [/RESOURCE: spec <Object>/, /renewTime\t<string>/] },
  {
    path: "clusterrole.aggregationRule.clusterRoleSelectors.matchExpressions",
    shows: [/operator\t<string>/],
  },
  { path: "resourcequota.spec.hard", shows: [/<map\[string\](?:Quantity|string)>/] },
  {
    path: "wd.spec.template.spec.resources.limits",
    shows: [/memory: what the guest/, /A Kubernetes quantity/],
  },
  { path: "wi", shows: [/KIND: +WasmInstance/] },
])("kubectl explain $path: from Swagger", async ({ path, shows }) => {
  const text = await kubectl("explain", path);
  for (const one of shows) expect(text).toMatch(one);
});
