import { afterAll, beforeAll, expect, test } from "vitest";
import { configMap, configMapsPath } from "./testing/manifests.ts";
import { TestServer } from "./testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  await Promise.all(
    Array.from({ length: 9 }, (_, at) =>
      server.call("POST", configMapsPath, {
        body: configMap(`c${at}`, {}, { labels: { odd: String(at % 2) } }),
      }),
    ),
  );
});
afterAll(() => server[Symbol.asyncDispose]());

interface List {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

async function list(query: string): Promise<List> {
  const answer = await server.call("GET", `${configMapsPath}?${query}`);
  expect(answer.code, answer.text).toBe(200);
  return answer.body as List;
}

function names({ items }: List): readonly string[] {
  return items.map(({ metadata }) => metadata.name);
}

test("limit and continue: pages of one revision, whatever happens in between", async () => {
  const first = await list("limit=4");
  expect(names(first)).toEqual(["c0", "c1", "c2", "c3"]);
  expect(first.metadata.remainingItemCount).toBe(5);
  await server.call("DELETE", `${configMapsPath}/c5`);
  await server.call("POST", configMapsPath, { body: configMap("c55") });
  await server.call("PATCH", `${configMapsPath}/c6`, { body: { data: { later: "yes" } } });
  const second = await list(`limit=4&continue=${first.metadata.continue}`);
  expect(names(second)).toEqual(["c4", "c5", "c6", "c7"]);
  expect(second.items[2]).toMatchObject({ data: {} });
  expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  const last = await list(`limit=4&continue=${second.metadata.continue}`);
  expect(names(last)).toEqual(["c8"]);
  expect(last.metadata.continue).toBeUndefined();
  await server.call("POST", configMapsPath, { body: configMap("c5") });
  await server.call("DELETE", `${configMapsPath}/c55`);
});

test("limit with a selector: only what is selected counts, and how much is left is not told", async () => {
  const first = await list("limit=2&labelSelector=odd%3D1");
  expect(names(first)).toEqual(["c1", "c3"]);
  expect(first.metadata.remainingItemCount).toBeUndefined();
  const rest = await list(`labelSelector=odd%3D1&continue=${first.metadata.continue}`);
  expect(names(rest)).toEqual(["c7"]);
});

test("resourceVersionMatch=Exact: the list as it was", async () => {
  const before = await list("");
  await server.call("PATCH", `${configMapsPath}/c0`, { body: { data: { x: "1" } } });
  const revision = before.metadata.resourceVersion;
  expect(await list(`resourceVersion=${revision}&resourceVersionMatch=Exact`)).toEqual(before);
  const newer = await list(`resourceVersion=${revision}&resourceVersionMatch=NotOlderThan`);
  expect(Number(newer.metadata.resourceVersion)).toBeGreaterThan(Number(revision));
});

test("a continue token that is too old: 410 with one that goes on from where it was", async () => {
  await using first = await TestServer.start();
  for (const name of ["a", "b", "c"]) await first.call("POST", configMapsPath, { body: configMap(name) });
  const page = await first.call("GET", `${configMapsPath}?limit=2`);
  await first.call("POST", configMapsPath, { body: configMap("d") });
  await first.store.forgetHistory();
  await first.api.close();
  await first.store.close();
  await using second = await TestServer.start({ folder: first.folder });
  const old = await second.call("GET", `${configMapsPath}?continue=${page.body.metadata.continue}`);
  expect(old.body).toMatchObject({ code: 410, reason: "Expired" });
  expect(old.body.message).toContain("The provided continue parameter is too old");
  const rest = await second.call("GET", `${configMapsPath}?continue=${old.body.metadata.continue}`);
  expect(names(rest.body as List)).toEqual(["c", "d"]);
});

test.each([
  { query: "resourceVersionMatch=Exact", code: 422, text: "is forbidden unless resourceVersion is provided" },
  { query: "resourceVersion=0&resourceVersionMatch=Exact", code: 422, text: '"exact" is forbidden' },
  { query: "resourceVersion=1&resourceVersionMatch=Never", code: 422, text: "Unsupported value" },
  { query: "resourceVersion=99999999", code: 504, text: "Too large resource version: 99999999" },
  { query: "sendInitialEvents=true", code: 422, text: "sendInitialEvents is forbidden for list" },
  { query: "resourceVersion=abc", code: 400, text: "must be a whole number" },
  { query: "limit=-1", code: 400, text: "must be a whole number" },
  { query: "continue=e30", code: 400, text: "continue key is not valid" },
])("list with $query: $code", async ({ query, code, text }) => {
  const answer = await server.call("GET", `${configMapsPath}?${query}`);
  expect(answer.body).toMatchObject({ kind: "Status", code });
  expect(answer.body.message).toContain(text);
});

test("long answers come whole: as JSON, as YAML, and compressed for those who say so", async () => {
  const text = "x".repeat(20_000);
  for (let at = 0; at < 20; at++)
    await server.call("POST", configMapsPath, { body: configMap(`long-${at}`, { text }) });
  const plain = await server.call("GET", configMapsPath);
  expect(plain.body.items.length).toBe(29);
  const yaml = await server.call("GET", configMapsPath, { accept: "application/yaml" });
  expect(yaml.headers["content-type"]).toBe("application/yaml");
  expect(yaml.text.match(/^ {4}name: /gm)?.length).toBe(29);
  const small = await server.call("GET", configMapsPath, { headers: { "accept-encoding": "gzip" } });
  expect(small.headers["content-encoding"]).toBe("gzip");
  expect(small.text.length).toBeLessThan(plain.text.length / 10);
});
