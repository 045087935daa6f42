/** What Kubernetes' suite asks of tables, partial metadata and lists in chunks. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { expectCode, inNamespace, newNamespace } from "../support/api-session.ts";

const table = (version: string) => `application/json;as=Table;v=${version};g=meta.k8s.io`;
const partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
const maps = inNamespace("chunks", "configmaps");
const names = Array.from({ length: 23 }, (_, n) => `template-${String(n).padStart(4, "0")}`);

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  await newNamespace(server, "chunks");
  await Promise.all(
    names.map((name) =>
      server.call("POST", maps, { body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name } } }),
    ),
  );
});
afterAll(() => server[Symbol.asyncDispose]());

interface Row {
  readonly cells: readonly unknown[];
}

test.each(["v1", "v1beta1"])("table %s: one object, with a cell for each column", async (version) => {
  const { body, headers } = expectCode(
    200,
    await server.call("GET", `${maps}/template-0000`, { accept: table(version) }),
  );
  expect(headers["content-type"]).toBe("application/json");
  expect(body).toMatchObject({ kind: "Table", apiVersion: `meta.k8s.io/${version}` });
  expect(body.columnDefinitions[0]).toMatchObject({ name: "Name", type: "string", format: "name" });
  expect(body.rows).toHaveLength(1);
  expect(body.rows[0].cells).toHaveLength(body.columnDefinitions.length);
  expect(body.rows[0].cells[0]).toBe("template-0000");
  expect(body.rows[0].object).toMatchObject({
    kind: "PartialObjectMetadata",
    metadata: { name: "template-0000" },
  });
});

test("table: chunks of rows, until there are no more", async () => {
  const first = expectCode(
    200,
    await server.call("GET", `${maps}?limit=2`, { accept: table("v1beta1") }),
  ).body;
  expect(first.rows.map(({ cells }: Row) => cells[0])).toEqual(names.slice(0, 2));
  expect(first.metadata).toMatchObject({
    remainingItemCount: 21,
    resourceVersion: expect.stringMatching(/^\d+$/),
  });
  const next = expectCode(
    200,
    await server.call("GET", `${maps}?continue=${first.metadata.continue}`, { accept: table("v1beta1") }),
  ).body;
  expect(next.rows.map(({ cells }: Row) => cells[0])).toEqual(names.slice(2));
  expect(next.metadata.continue).toBeUndefined();
});

test("table: across namespaces, of cluster-scoped kinds, and with whole objects", async () => {
  const all = expectCode(200, await server.call("GET", "/api/v1/namespaces", { accept: table("v1") })).body;
  expect(all.rows.length).toBeGreaterThan(1);
  expect(all.metadata.resourceVersion).not.toBe("");
  const whole = await server.call("GET", `${maps}?limit=1&includeObject=Object`, { accept: table("v1") });
  expect(whole.body.rows[0].object).toMatchObject({ kind: "ConfigMap" });
  const none = await server.call("GET", `${maps}?limit=1&includeObject=None`, { accept: table("v1") });
  expect(none.body.rows[0].object ?? null).toBeNull();
});

test.each([
  {
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: { spec: { nonResourceAttributes: { path: "/", verb: "get" } } },
  },
  { path: "/apis/authentication.k8s.io/v1/selfsubjectreviews", body: {} },
])("table: 406 for what has no metadata, $path", async ({ path, body }) => {
  const answer = await server.call("POST", path, { body, accept: table("v1") });
  expect(answer).toMatchObject({ code: 406, body: { kind: "Status", reason: "NotAcceptable" } });
});

test("chunks: consistent while others write, with what remains", async () => {
  const seen: string[] = [];
  let token = "";
  let remaining = names.length;
  const revisions = new Set<string>();
  do {
    const { body } = expectCode(
      200,
      await server.call("GET", `${maps}?limit=5${token && `&continue=${token}`}`),
    );
    seen.push(...body.items.map((item: { metadata: { name: string } }) => item.metadata.name));
    remaining -= body.items.length;
    if (remaining > 0) expect(body.metadata.remainingItemCount).toBe(remaining);
    revisions.add(body.metadata.resourceVersion);
    token = body.metadata.continue ?? "";
    await server.call("DELETE", `${maps}/template-0022`);
  } while (token !== "");
  expect(seen).toEqual(names);
  expect(revisions.size).toBe(1);
  await server.call("POST", maps, {
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "template-0022" } },
  });
});

test("chunks: with a selector what remains is not counted", async () => {
  const { body } = await server.call("GET", `${maps}?limit=2&fieldSelector=metadata.name!%3Dtemplate-0000`);
  expect(body.items).toHaveLength(2);
  expect(body.metadata.continue).not.toBe("");
  expect(body.metadata.remainingItemCount).toBeUndefined();
});

test("partial metadata: lists, objects and watches without specs", async () => {
  const list = expectCode(200, await server.call("GET", `${maps}?limit=1`, { accept: partial })).body;
  expect(list).toMatchObject({ kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" });
  expect(Object.keys(list.items[0]).toSorted()).toEqual(["apiVersion", "kind", "metadata"]);
  const accept = partial.replace("List", "");
  const one = expectCode(200, await server.call("GET", `${maps}/template-0001`, { accept })).body;
  expect(one).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "template-0001" } });
  using watch = server.watch(
    `${maps}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dtemplate-0001`,
    accept,
  );
  expect(await watch.next()).toMatchObject({ type: "ADDED", object: { kind: "PartialObjectMetadata" } });
});

test("table watches: each event is a table, the first with columns", async () => {
  using watch = server.watch(`${maps}?watch=true&resourceVersion=0`, table("v1"));
  const [first, second] = await watch.take(2);
  expect(first).toMatchObject({ type: "ADDED", object: { kind: "Table" } });
  expect(first?.object.columnDefinitions.length).toBeGreaterThan(1);
  expect(second?.object.rows[0].cells[0]).toBe("template-0001");
});
