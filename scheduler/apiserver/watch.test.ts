import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { configMap, configMapsPath, deployment, deploymentsPath } from "./testing/manifests.ts";
import { TestServer } from "./testing/test-server.ts";

function summary(
  event: { readonly type: string; readonly object: { metadata: { name?: string } } } | undefined,
): string {
  return `${event?.type} ${event?.object.metadata.name ?? ""}`;
}

test("watch: from unset, everything that exists and then every change", async () => {
  await using server = await TestServer.start();
  await server.call("POST", configMapsPath, { body: configMap("a") });
  using watch = server.watch(`${configMapsPath}?watch=true`);
  expect(summary(await watch.next())).toBe("ADDED a");
  await server.call("PATCH", `${configMapsPath}/a`, { body: { data: { x: "1" } } });
  expect(summary(await watch.next())).toBe("MODIFIED a");
  await server.call("DELETE", `${configMapsPath}/a`);
  const gone = await watch.next();
  expect(summary(gone)).toBe("DELETED a");
  expect(gone?.object.data).toEqual({ x: "1" });
});

test("watch: from a revision, only what came after it", async () => {
  await using server = await TestServer.start();
  const first = await server.call("POST", configMapsPath, { body: configMap("a") });
  await server.call("POST", configMapsPath, { body: configMap("b") });
  using watch = server.watch(
    `${configMapsPath}?watch=true&resourceVersion=${first.body.metadata.resourceVersion}`,
  );
  await server.call("POST", configMapsPath, { body: configMap("c") });
  expect((await watch.take(2)).map(summary)).toEqual(["ADDED b", "ADDED c"]);
});

test("watch: objects come and go as they begin and cease to be selected", async () => {
  await using server = await TestServer.start();
  using watch = server.watch(`${configMapsPath}?watch=true&labelSelector=on%3Dyes`);
  await server.call("POST", configMapsPath, { body: configMap("a") });
  await server.call("PATCH", `${configMapsPath}/a`, { body: { metadata: { labels: { on: "yes" } } } });
  await server.call("PATCH", `${configMapsPath}/a`, { body: { data: { x: "1" } } });
  const last = await server.call("PATCH", `${configMapsPath}/a`, { body: { metadata: { labels: null } } });
  const events = await watch.take(3);
  expect(events.map(summary)).toEqual(["ADDED a", "MODIFIED a", "DELETED a"]);
  expect(events[2]?.object.metadata).toMatchObject({
    labels: { on: "yes" },
    resourceVersion: last.body.metadata.resourceVersion,
  });
});

test("watch: sendInitialEvents ends the initial state with a marked bookmark", async () => {
  await using server = await TestServer.start();
  await server.call("POST", configMapsPath, { body: configMap("a") });
  using watch = server.watch(
    `${configMapsPath}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  );
  const [added, bookmark] = await watch.take(2);
  expect(summary(added)).toBe("ADDED a");
  expect(bookmark).toMatchObject({
    type: "BOOKMARK",
    object: { kind: "ConfigMap", metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
  });
});

test("watch: bookmarks come by the clock, and the watch ends at its timeout", async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start({ clock });
  using watch = server.watch(`${configMapsPath}?watch=true&allowWatchBookmarks=true&timeoutSeconds=90`);
  await server.call("POST", configMapsPath, { body: configMap("a") });
  expect(summary(await watch.next())).toBe("ADDED a");
  const { body } = await server.call("POST", "/api/v1/namespaces", {
    body: { metadata: { name: "elsewhere" } },
  });
  clock.advance(60_000);
  const bookmark = await watch.next();
  expect(bookmark?.type).toBe("BOOKMARK");
  // It tells of other kinds' revisions, too.
  expect(Number(bookmark?.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(
    Number(body.metadata.resourceVersion),
  );
  clock.advance(30_000);
  expect((await watch.next())?.type).toBe("BOOKMARK");
  expect(await watch.next()).toBeUndefined();
});

test("watch and list: go on from before a restart, as far as the store remembers", async () => {
  await using first = await TestServer.start();
  const a = await first.call("POST", configMapsPath, { body: configMap("a") });
  const revision = String(a.body.metadata.resourceVersion);
  await first.call("PATCH", `${configMapsPath}/a`, { body: { data: { x: "1" } } });
  await first.call("POST", configMapsPath, { body: configMap("b") });
  await first.call("DELETE", `${configMapsPath}/b`);
  await first.api.close();
  await first.store.close();
  await using server = await TestServer.start({ folder: first.folder });
  using watch = server.watch(`${configMapsPath}?watch=true&resourceVersion=${revision}`);
  expect((await watch.take(3)).map(summary)).toEqual(["MODIFIED a", "ADDED b", "DELETED b"]);
  const then = await server.call(
    "GET",
    `${configMapsPath}?resourceVersion=${revision}&resourceVersionMatch=Exact`,
  );
  expect(then.body).toMatchObject({ metadata: { resourceVersion: revision }, items: [{ data: {} }] });
});

test.each([
  { name: "from before what the store remembers", revision: "1" },
  { name: "of another store", revision: "999999999" },
])("watch: 410 as an ERROR event when the revision is $name", async ({ revision }) => {
  await using first = await TestServer.start();
  await first.call("POST", configMapsPath, { body: configMap("a") });
  await first.api.close();
  await first.store.forgetHistory();
  await first.store.close();
  await using server = await TestServer.start({ folder: first.folder });
  using watch = server.watch(`${configMapsPath}?watch=true&resourceVersion=${revision}`);
  expect(await watch.next()).toMatchObject({
    type: "ERROR",
    object: { kind: "Status", code: 410, reason: "Expired" },
  });
  expect(await watch.next()).toBeUndefined();
});

test("watch: as Table, columns come once", async () => {
  await using server = await TestServer.start();
  using watch = server.watch(`${deploymentsPath}?watch=true`, "application/json;as=Table;v=v1;g=meta.k8s.io");
  await server.call("POST", deploymentsPath, { body: deployment("a") });
  await server.call("POST", deploymentsPath, { body: deployment("b") });
  const [first, second] = await watch.take(2);
  expect(first?.object).toMatchObject({
    kind: "Table",
    rows: [{ cells: ["a", null, null, null, expect.any(String), expect.any(String), null] }],
  });
  expect(first?.object.columnDefinitions.length).toBeGreaterThan(0);
  expect(second?.object.columnDefinitions).toEqual([]);
});

test("watch: drain ends it properly", async () => {
  await using server = await TestServer.start();
  await server.call("POST", configMapsPath, { body: configMap("a") });
  using watch = server.watch(`${configMapsPath}?watch=true`);
  await watch.next();
  await server.api.drain();
  expect(await watch.next()).toBeUndefined();
  expect((await server.call("GET", configMapsPath)).code).toBe(503);
  expect((await server.call("GET", "/readyz")).code).toBe(500);
});

test("drain: does not wait for a log that is followed", async () => {
  // Its time does not move: what waits for a limit waits for ever.
  await using server = await TestServer.start({ clock: new FakeClock() });
  server.live.put("default", "a");
  server.live.logs.set("a", ["line"]);
  server.live.endless.add("a");
  const path = "/apis/live.wherry.dev/v1alpha1/namespaces/default/wasminstances/a/log?follow=true";
  const options = { ca: server.ca, agent: false, headers: { authorization: "Bearer secret-token" } };
  const call = request(server.url + path, options);
  call.on("error", () => {});
  call.end();
  const [response] = (await once(call, "response")) as [IncomingMessage];
  response.on("error", () => {});
  await once(response, "data");
  await server.api.drain();
  expect(response.complete).toBe(false);
});

test("a restarted server has what was written, and a watch from the last revision goes on", async () => {
  await using first = await TestServer.start();
  const { body } = await first.call("POST", deploymentsPath, { body: deployment("a") });
  await first.api.close();
  await first.store.close();
  await using server = await TestServer.start({ folder: first.folder });
  expect((await server.call("GET", `${deploymentsPath}/a`)).body).toEqual(body);
  using watch = server.watch(
    `${deploymentsPath}?watch=true&resourceVersion=${body.metadata.resourceVersion}`,
  );
  await server.call("POST", deploymentsPath, { body: deployment("b") });
  expect(summary(await watch.next())).toBe("ADDED b");
});

test("Event: goes after an hour without a change", async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start({ clock });
  const path = "/api/v1/namespaces/default/events";
  const event = (name: string) => ({
    metadata: { name },
    involvedObject: { kind: "WasmNode", name: "n", namespace: "default" },
    reason: "Ready",
    message: "m",
    type: "Normal",
  });
  await server.call("POST", path, { body: event("old") });
  clock.advance(1_800_000);
  const { body } = await server.call("POST", path, { body: event("new") });
  using watch = server.watch(`${path}?watch=true&resourceVersion=${body.metadata.resourceVersion}`);
  clock.advance(1_800_000);
  expect(summary(await watch.next())).toBe("DELETED old");
  expect(
    (await server.call("GET", `${path}?fieldSelector=involvedObject.name%3Dn,reason%3DReady`)).body.items,
  ).toHaveLength(1);
});

const instances = "/apis/live.wherry.dev/v1alpha1/namespaces/default/wasminstances";

test("live kinds: list, get, watch, delete, and no writing", async () => {
  await using server = await TestServer.start();
  server.live.put("default", "a");
  server.live.put("other", "b");
  const list = await server.call("GET", instances);
  expect(list.body).toMatchObject({ kind: "WasmInstanceList", items: [{ metadata: { name: "a" } }] });
  using watch = server.watch(`${instances}?watch=true&resourceVersion=${list.body.metadata.resourceVersion}`);
  server.live.put("default", "a");
  server.live.put("default", "c");
  expect((await server.call("DELETE", `${instances}/a`)).code).toBe(200);
  expect((await watch.take(3)).map(summary)).toEqual(["MODIFIED a", "ADDED c", "DELETED a"]);
  expect((await server.call("GET", `${instances}/a`)).code).toBe(404);
  expect((await server.call("POST", instances, { body: {} })).code).toBe(405);
  using old = server.watch(`${instances}?watch=true&resourceVersion=5`);
  expect(await old.next()).toMatchObject({ type: "ERROR", object: { code: 410 } });
});

test("log: streams the lines with the options that were asked for, and says why there is none", async () => {
  await using server = await TestServer.start();
  server.live.put("default", "a");
  server.live.put("default", "silent");
  server.live.logs.set("a", ["one", "two"]);
  const log = await server.call(
    "GET",
    `${instances}/a/log?tailLines=5&sinceSeconds=60&timestamps=true&follow=true`,
  );
  expect(log.text).toBe("one\ntwo\n");
  expect(log.headers["content-type"]).toContain("text/plain");
  expect(server.live.openedLogs).toEqual([{ follow: true, tailLines: 5, sinceMs: 60_000, timestamps: true }]);
  expect((await server.call("GET", `${instances}/silent/log`)).body).toMatchObject({
    code: 503,
    message: expect.stringContaining("silent"),
  });
  expect((await server.call("GET", `${instances}/none/log`)).code).toBe(404);
  expect((await server.call("GET", `${instances}/a/log?tailLines=-1`)).code).toBe(400);
});
