import { expect, test } from "vitest";
import type { JsonObject } from "./resource.ts";
import { crd, version } from "./testing/crds.ts";
import { configMap, configMapsPath } from "./testing/manifests.ts";
import { TestServer } from "./testing/test-server.ts";
import { until } from "./testing/until.ts";

async function create(server: TestServer, name: string, owners: readonly JsonObject[] = []) {
  const answer = await server.call("POST", configMapsPath, {
    body: configMap(name, {}, owners.length > 0 ? { ownerReferences: owners } : {}),
  });
  expect(answer.code, answer.text).toBe(201);
  return answer.body as { readonly metadata: { readonly name: string; readonly uid: string } };
}

function ownedBy(
  { metadata }: { readonly metadata: { readonly name: string; readonly uid: string } },
  more: JsonObject = {},
): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", name: metadata.name, uid: metadata.uid, ...more };
}

async function names(server: TestServer): Promise<readonly string[]> {
  const { body } = await server.call("GET", configMapsPath);
  return (body.items as readonly { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
}

async function gone(server: TestServer, ...expected: readonly string[]): Promise<void> {
  await until(async () => !(await names(server)).some((name) => expected.includes(name)));
}

test("delete in the background: dependents go, and theirs; whoever has another owner stays", async () => {
  await using server = await TestServer.start();
  const a = await create(server, "a");
  const other = await create(server, "other");
  const child = await create(server, "child", [ownedBy(a)]);
  await create(server, "grandchild", [ownedBy(child)]);
  await create(server, "shared", [ownedBy(a), ownedBy(other)]);
  expect((await server.call("DELETE", `${configMapsPath}/a`)).body.status).toBe("Success");
  await gone(server, "a", "child", "grandchild");
  await until(async () => {
    const { body } = await server.call("GET", `${configMapsPath}/shared`);
    return body.metadata.ownerReferences.length === 1;
  });
  expect(await names(server)).toEqual(["other", "shared"]);
});

test("delete and orphan: dependents stay and lose the reference", async () => {
  await using server = await TestServer.start();
  const a = await create(server, "a");
  await create(server, "child", [ownedBy(a)]);
  const answer = await server.call("DELETE", `${configMapsPath}/a`, {
    body: { propagationPolicy: "Orphan" },
  });
  expect(answer.body.metadata.finalizers).toEqual(["orphan"]);
  await gone(server, "a");
  const { body } = await server.call("GET", `${configMapsPath}/child`);
  expect(body.metadata.ownerReferences).toBeUndefined();
});

test("delete in the foreground: the owner stays until those that block it are gone", async () => {
  await using server = await TestServer.start();
  const a = await create(server, "a");
  await server.call("POST", configMapsPath, {
    body: configMap(
      "held",
      {},
      {
        ownerReferences: [ownedBy(a, { blockOwnerDeletion: true })],
        finalizers: ["example.com/hold"],
      },
    ),
  });
  await create(server, "quick", [ownedBy(a, { blockOwnerDeletion: true })]);
  const answer = await server.call("DELETE", `${configMapsPath}/a?propagationPolicy=Foreground`);
  expect(answer.body.metadata.finalizers).toEqual(["foregroundDeletion"]);
  await gone(server, "quick");
  expect(await names(server)).toEqual(["a", "held"]);
  await server.call("PATCH", `${configMapsPath}/held`, { body: { metadata: { finalizers: null } } });
  await gone(server, "a", "held");
});

test("an owner that does not exist takes its dependents along at once, one of an unknown kind does not", async () => {
  await using server = await TestServer.start();
  const ghost = { metadata: { name: "ghost", uid: "11111111-2222-3333-4444-555555555555" } };
  await create(server, "lost", [ownedBy(ghost)]);
  await create(server, "foreign", [ownedBy(ghost, { kind: "Pod" })]);
  await gone(server, "lost");
  expect(await names(server)).toEqual(["foreign"]);
});

test("an owner of the same name with another uid is another", async () => {
  await using server = await TestServer.start();
  const first = await create(server, "a");
  await server.call("DELETE", `${configMapsPath}/a`);
  await create(server, "a");
  await create(server, "child", [ownedBy(first)]);
  await gone(server, "child");
  expect(await names(server)).toEqual(["a"]);
});

test("owners that point at each other: deleting one in the foreground takes both", async () => {
  await using server = await TestServer.start();
  const a = await create(server, "a");
  const b = await create(server, "b", [ownedBy(a, { blockOwnerDeletion: true })]);
  await server.call("PATCH", `${configMapsPath}/a`, {
    body: { metadata: { ownerReferences: [ownedBy(b, { blockOwnerDeletion: true })] } },
  });
  await server.call("DELETE", `${configMapsPath}/a?propagationPolicy=Foreground`);
  await gone(server, "a", "b");
});

test("a restarted server finishes what was begun", async () => {
  await using first = await TestServer.start();
  const a = await create(first, "a");
  await create(first, "child", [ownedBy(a)]);
  await first.api.close();
  // As if the process had died between the two deletions.
  await first.store.commit([
    { kind: "delete", key: "/registry/core/configmaps/default/a", expectedRevision: undefined },
  ]);
  await first.store.close();
  await using second = await TestServer.start({ folder: first.folder });
  await gone(second, "child");
});

test("what is in no namespace stays, whatever in a namespace it names as its owner", async () => {
  await using server = await TestServer.start();
  const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  const ghost = { metadata: { name: "ghost", uid: "11111111-2222-3333-4444-555555555555" } };
  const metadata = { name: "wide", ownerReferences: [ownedBy(ghost)] };
  const made = await server.call("POST", roles, {
    body: { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata, rules: [] },
  });
  expect(made.code, made.text).toBe(201);
  // Looked at after it.
  await create(server, "lost", [ownedBy(ghost)]);
  await gone(server, "lost");
  expect((await server.call("GET", `${roles}/wide`)).code).toBe(200);
});

test("delete in the foreground: the owner waits for the last of its live dependents", async () => {
  await using server = await TestServer.start();
  const { metadata } = await create(server, "a");
  const ownerReferences = [ownedBy({ metadata })];
  for (const name of ["one", "two"]) {
    const { metadata: own } = server.live.put("default", name);
    server.live.put("default", name, { metadata: { ...own, ownerReferences } });
  }
  await server.call("DELETE", `${configMapsPath}/a?propagationPolicy=Foreground`);
  server.live.delete("default", "one");
  await create(server, "later", [ownedBy({ metadata: { name: "ghost", uid: "1" } })]);
  await gone(server, "later");
  expect(await names(server)).toEqual(["a"]);
  server.live.delete("default", "two");
  await gone(server, "a");
});

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

function boats(...versions: readonly JsonObject[]): JsonObject {
  return crd({ versions });
}

test("an object that was stored in a version that is no longer served is collected all the same", async () => {
  await using server = await TestServer.start();
  await server.call("POST", crds, { body: boats(version({ name: "v1" })) });
  const path = (name: string) => `/apis/example.com/${name}/namespaces/default/boats`;
  await until(async () => (await server.call("GET", path("v1"))).code === 200);
  const a = await create(server, "a");
  const boat = { apiVersion: "example.com/v1", kind: "Boat" };
  const ownerReferences = [ownedBy(a)];
  await server.call("POST", path("v1"), { body: { ...boat, metadata: { name: "b", ownerReferences } } });
  const { body: before } = await server.call("GET", `${crds}/boats.example.com`);
  const versions = [version({ name: "v1", served: false, storage: false }), version({ name: "v2" })];
  const answer = await server.call("PUT", `${crds}/boats.example.com`, {
    body: { ...before, spec: { ...before.spec, versions } },
  });
  expect(answer.code, answer.text).toBe(200);
  await until(async () => (await server.call("GET", `${path("v2")}/b`)).code === 200);
  await server.call("DELETE", `${configMapsPath}/a`);
  await until(async () => (await server.call("GET", `${path("v2")}/b`)).code === 404);
});

test("delete in the foreground: a stranger in another namespace holds nothing up", async () => {
  await using server = await TestServer.start();
  await server.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "elsewhere" } } });
  const a = await create(server, "a");
  const metadata = {
    finalizers: ["example.com/never"],
    ownerReferences: [ownedBy(a, { blockOwnerDeletion: true })],
  };
  const stranger = "/api/v1/namespaces/elsewhere/configmaps";
  expect((await server.call("POST", stranger, { body: configMap("stranger", {}, metadata) })).code).toBe(201);
  await server.call("DELETE", `${configMapsPath}/a`, { body: { propagationPolicy: "Foreground" } });
  await gone(server, "a");
});

test("deleting a definition takes what depends on its objects along, however much that is", async () => {
  await using server = await TestServer.start();
  await server.call("POST", crds, { body: boats(version()) });
  const path = "/apis/example.com/v1/namespaces/default/boats";
  await until(async () => (await server.call("GET", path)).code === 200);
  const boat = { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "b" } };
  const { body: owner } = await server.call("POST", path, { body: boat });
  const reference = ownedBy(owner, { apiVersion: "example.com/v1", kind: "Boat" });
  // More than the collector works on at the same time.
  const made = Array.from({ length: 300 }, (_, i) => create(server, `child-${i}`, [reference]));
  await Promise.all(made);
  await server.call("DELETE", `${crds}/boats.example.com`);
  await until(async () => (await names(server)).length === 0);
});
