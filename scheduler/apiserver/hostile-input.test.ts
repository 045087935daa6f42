import * as fc from "fast-check";
import { expect, test } from "vitest";
import { configMap, configMapsPath, deploymentsPath } from "./testing/manifests.ts";
import { TestServer } from "./testing/test-server.ts";

const types = [
  "application/json",
  "application/yaml",
  "application/merge-patch+json",
  "application/json-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "application/vnd.kubernetes.protobuf",
];

const bodies = fc.oneof(
  fc.json({ maxDepth: 5 }),
  fc.string({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from("k8s\0"), bytes])),
  fc
    .jsonValue({ maxDepth: 4 })
    .map((value) => JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: value, data: value })),
  fc
    .jsonValue({ maxDepth: 4 })
    .map((value) => JSON.stringify({ metadata: { name: "kept", labels: value }, spec: value, data: value })),
  fc
    .array(
      fc.record({
        op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "x"),
        path: fc.constantFrom("", "/", "/data", "/metadata/name", "/data/a", "x"),
        from: fc.constantFrom("", "/data", "/q"),
        value: fc.jsonValue(),
      }),
    )
    .map((value) => JSON.stringify(value)),
);

test(
  "the server: whatever is sent, it answers with a Status below 500 or an object",
  { timeout: 60_000 },
  async () => {
    await using server = await TestServer.start();
    await server.call("POST", configMapsPath, { body: configMap("kept", { a: "1" }) });
    const requests = fc.record({
      method: fc.constantFrom("POST", "PUT", "PATCH", "DELETE"),
      path: fc.constantFrom(
        configMapsPath,
        `${configMapsPath}/kept`,
        `${deploymentsPath}/none`,
        `${deploymentsPath}/none/scale`,
        `${configMapsPath}/%00`,
      ),
      query: fc.oneof(
        fc.constant(""),
        fc.webQueryParameters({ size: "small" }),
        fc.constantFrom("dryRun=All", "fieldValidation=Strict", "labelSelector=a%3Db,("),
      ),
      type: fc.constantFrom(...types),
      body: bodies,
    });
    await fc.assert(
      fc.asyncProperty(requests, async ({ method, path, query, type, body }) => {
        const answer = await server.call(method, `${path}?${query}`, { body, type });
        expect(answer.code, `${method} ${path}: ${answer.text}`).toBeLessThan(500);
        expect(answer.body.kind).toBeTypeOf("string");
      }),
      { numRuns: 600, seed: 3 },
    );
  },
);

test("the server: more headers than it takes are refused, not dropped", async () => {
  await using server = await TestServer.start();
  const headers = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, "1"]));
  const answer = await server.call("GET", "/version", { headers });
  expect([answer.code, answer.body.message]).toEqual([400, "a request may have 100 headers"]);
});
