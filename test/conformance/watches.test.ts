/** What Kubernetes' suite asks of watches. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer, type WatchedEvent } from "../../scheduler/apiserver/testing/test-server.ts";
import { expectCode, inNamespace } from "../support/api-session.ts";

const maps = inNamespace("default", "configmaps");

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

async function create(name: string, labels: object = {}) {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data: { mutation: "0" } };
  return expectCode(201, await server.call("POST", maps, { body })).body;
}

async function mutate(name: string, mutation: number, labels?: object) {
  const body = { data: { mutation: String(mutation) }, ...(labels && { metadata: { labels } }) };
  return expectCode(200, await server.call("PATCH", `${maps}/${name}`, { body })).body;
}

const remove = (name: string) => server.call("DELETE", `${maps}/${name}`);

const said = (events: readonly WatchedEvent[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name} ${object.data.mutation}`);

test("events of adding, changing and deleting reach every watch whose selector matches, and no other", async () => {
  const selecting = (selector: string) =>
    server.watch(`${maps}?watch=true&labelSelector=${encodeURIComponent(selector)}`);
  using a = selecting("w=a");
  using b = selecting("w=b");
  using both = selecting("w in (a,b)");
  await create("wa", { w: "a" });
  await mutate("wa", 1);
  await mutate("wa", 2);
  await remove("wa");
  await create("wb", { w: "b" });
  await remove("wb");
  const ofA = ["ADDED wa 0", "MODIFIED wa 1", "MODIFIED wa 2", "DELETED wa 2"];
  const ofB = ["ADDED wb 0", "DELETED wb 0"];
  expect(said(await a.take(4))).toEqual(ofA);
  expect(said(await b.take(2))).toEqual(ofB);
  expect(said(await both.take(6))).toEqual([...ofA, ...ofB]);
});

test("a watch starts at a revision: it tells of what came after, and of nothing before", async () => {
  await create("from");
  const first = await mutate("from", 1);
  await mutate("from", 2);
  await remove("from");
  using watch = server.watch(
    `${maps}?watch=true&resourceVersion=${first.metadata.resourceVersion}&fieldSelector=metadata.name%3Dfrom`,
  );
  expect(said(await watch.take(2))).toEqual(["MODIFIED from 2", "DELETED from 2"]);
});

test("a watch goes on from the last revision that another has seen", async () => {
  using first = server.watch(`${maps}?watch=true&labelSelector=again%3Dyes`);
  await create("again", { again: "yes" });
  await mutate("again", 1);
  const seen = await first.take(2);
  await mutate("again", 2);
  await remove("again");
  const { resourceVersion } = seen.at(-1)?.object.metadata ?? {};
  using second = server.watch(
    `${maps}?watch=true&labelSelector=again%3Dyes&resourceVersion=${resourceVersion}`,
  );
  expect(said(await second.take(2))).toEqual(["MODIFIED again 2", "DELETED again 2"]);
});

test("an object that no longer matches is deleted for the watch, and added when it matches again", async () => {
  using watch = server.watch(`${maps}?watch=true&labelSelector=match%3Dyes`);
  await create("moving", { match: "yes" });
  await mutate("moving", 1, { match: "no" });
  await mutate("moving", 2);
  await mutate("moving", 3, { match: "yes" });
  await remove("moving");
  expect(said(await watch.take(4))).toEqual([
    "ADDED moving 0",
    "DELETED moving 0",
    "ADDED moving 3",
    "DELETED moving 3",
  ]);
});

test("concurrent watches get everything in the same order, wherever they began", async () => {
  const revisions = [String((await create("start", { order: "yes" })).metadata.resourceVersion)];
  for (let n = 0; n < 10; n++) {
    const { metadata } = await create(`ordered-${n}`, { order: "yes" });
    revisions.push(String(metadata.resourceVersion));
  }
  const watches = revisions
    .slice(0, 6)
    .map((revision) =>
      server.watch(`${maps}?watch=true&labelSelector=order%3Dyes&resourceVersion=${revision}`),
    );
  await Promise.all(Array.from({ length: 10 }, (_, n) => mutate(`ordered-${n}`, n)));
  await create("last", { order: "yes" });
  const tails = await Promise.all(
    watches.map(async (watch) => {
      const seen: string[] = [];
      for (let event = await watch.next(); event; event = await watch.next()) {
        seen.push(`${event.object.metadata.resourceVersion}`);
        if (event.object.metadata.name === "last") break;
      }
      watch[Symbol.dispose]();
      return seen.slice(-11);
    }),
  );
  for (const tail of tails) expect(tail).toEqual(tails[0]);
  expect(tails[0]).toEqual(tails[0]?.toSorted((one, other) => Number(one) - Number(other)));
});

test("initial events: all there is, then a bookmark that says so", async () => {
  await create("initial", { initial: "yes" });
  using watch = server.watch(
    `${maps}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=initial%3Dyes`,
  );
  const [added, bookmark] = await watch.take(2);
  expect(added).toMatchObject({ type: "ADDED", object: { metadata: { name: "initial" } } });
  expect(bookmark).toMatchObject({
    type: "BOOKMARK",
    object: {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { annotations: { "k8s.io/initial-events-end": "true" } },
    },
  });
  await mutate("initial", 1);
  expect(await watch.next()).toMatchObject({ type: "MODIFIED" });
});

test.each([
  {
    query: "sendInitialEvents=true",
    message: "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
  },
  {
    query: "resourceVersionMatch=Exact&resourceVersion=1",
    message: "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
  },
])("watch?$query: is refused", async ({ query, message }) => {
  const { code, body } = await server.call("GET", `${maps}?watch=true&${query}`);
  expect(code).toBe(422);
  expect(body).toMatchObject({ kind: "Status", reason: "Invalid" });
  expect(body.message).toContain(message);
});

test("a watch with a time limit ends in time", async () => {
  using limited = server.watch(`${maps}?watch=true&timeoutSeconds=1`);
  for (let event = await limited.next(); event; event = await limited.next());
});
