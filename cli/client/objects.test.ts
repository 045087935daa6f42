import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Resource } from "../resources/resource.ts";
import { ApiClient } from "./api-client.ts";
import { listObjects } from "./objects.ts";
import { ApiStatusError } from "./status-error.ts";

interface Answer {
  readonly code?: number;
  readonly body: object;
}

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

/** Answers each `continue` of a list of ConfigMaps as it is told. */
async function clientOf(answers: Readonly<Record<string, Answer>>): Promise<ApiClient> {
  const server = createServer((request, response) => {
    const token = new URL(request.url ?? "", "http://localhost").searchParams.get("continue") ?? "";
    const { code = 200, body } = answers[token] ?? { code: 500, body: {} };
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new ApiClient({
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    certificateAuthority: undefined,
    insecure: false,
    tlsServerName: undefined,
    token: undefined,
    clientCertificate: undefined,
    clientKey: undefined,
    namespace: "default",
    files: [],
  });
  open.push(client, server);
  return client;
}

const page = (names: readonly string[], next?: string): Answer => ({
  body: { metadata: { resourceVersion: `at-${names[0]}`, continue: next }, items: names.map(named) },
});
const named = (name: string) => ({ metadata: { name } });
const expired = (next?: string): Answer => ({
  code: 410,
  body: { kind: "Status", reason: "Expired", message: "too old", metadata: { continue: next } },
});

const configMaps: Resource = {
  group: "",
  version: "v1",
  plural: "configmaps",
  singular: "configmap",
  kind: "ConfigMap",
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ["list"],
};

test.each([
  { name: "one page", answers: { "": page(["a"]) }, names: ["a"] },
  { name: "several", answers: { "": page(["a", "b"], "t1"), t1: page(["c"]) }, names: ["a", "b", "c"] },
  {
    name: "the second is too old, and goes on at a later moment",
    answers: { "": page(["a"], "t1"), t1: expired("t2"), t2: page(["b"], "t3"), t3: page(["c"]) },
    names: ["a", "b", "c"],
  },
])("listObjects: $name", async ({ answers, names }) => {
  const { items, resourceVersion } = await listObjects(await clientOf(answers), configMaps, "default");
  expect(items.map(({ metadata }) => metadata.name)).toEqual(names);
  // Whoever watches from there misses nothing.
  expect(resourceVersion).toBe("at-a");
});

test.each([
  { name: "nothing is offered instead", answers: { "": page(["a"], "t1"), t1: expired() } },
  { name: "the same is offered again", answers: { "": page(["a"], "t1"), t1: expired("t1") } },
  {
    name: "what is offered is too old as well",
    answers: { "": page(["a"], "t1"), t1: expired("t2"), t2: expired("t3") },
  },
  { name: "the first page is refused", answers: { "": expired("t1"), t1: page(["a"]) } },
])("listObjects: fails as the server says when $name", async ({ answers }) => {
  await expect(listObjects(await clientOf(answers), configMaps, "default")).rejects.toThrow(ApiStatusError);
});
