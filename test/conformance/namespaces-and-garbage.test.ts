/** What Kubernetes' suite asks of namespaces and of the garbage collector. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { until } from "../../scheduler/apiserver/testing/until.ts";
import { define, definitionOf, expectCode, inNamespace, newNamespace } from "../support/api-session.ts";

const namespaces = "/api/v1/namespaces";
const group = "garbage.example.com";
const maps = inNamespace("default", "configmaps");
const crumbs = inNamespace("default", "crumbs", `/apis/${group}/v1`);

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  await define(
    server,
    definitionOf("crumbs", group, { type: "object", "x-kubernetes-preserve-unknown-fields": true }),
  );
});
afterAll(() => server[Symbol.asyncDispose]());

const codeOf = async (path: string) => (await server.call("GET", path)).code;
const gone = (path: string) => until(async () => (await codeOf(path)) === 404);

test("a namespace goes with all that is in it, and comes back empty", async () => {
  await newNamespace(server, "doomed");
  const inside = inNamespace("doomed", "configmaps");
  expectCode(201, await server.call("POST", inside, { body: { metadata: { name: "inside" } } }));
  const held = { metadata: { name: "held", finalizers: ["example.com/hold"] } };
  expectCode(201, await server.call("POST", inside, { body: held }));
  const { body } = expectCode(200, await server.call("DELETE", `${namespaces}/doomed`));
  expect(body).toMatchObject({ kind: "Namespace", status: { phase: "Terminating" } });
  expect(body.metadata.deletionTimestamp).toMatch(/^\d{4}-/);
  const late = await server.call("POST", inside, { body: { metadata: { name: "late" } } });
  expect(late).toMatchObject({
    code: 403,
    body: { reason: "Forbidden", details: { causes: [{ reason: "NamespaceTerminating" }] } },
  });
  await gone(`${inside}/inside`);
  expect(await codeOf(`${namespaces}/doomed`)).toBe(200);
  await until(async () => {
    const { status } = (await server.call("GET", `${namespaces}/doomed`)).body;
    return (status.conditions ?? []).some(
      (one: { type: string; status: string }) =>
        one.type === "NamespaceFinalizersRemaining" && one.status === "True",
    );
  });
  await server.call("PATCH", `${inside}/held`, { body: { metadata: { finalizers: null } } });
  await gone(`${namespaces}/doomed`);
  await newNamespace(server, "doomed");
  expect((await server.call("GET", inside)).body.items).toEqual([]);
});

test("thirty namespaces go fast", async () => {
  const names = Array.from({ length: 30 }, (_, n) => `nslifetest-${n}`);
  await Promise.all(names.map((name) => newNamespace(server, name)));
  await Promise.all(names.map((name) => server.call("DELETE", `${namespaces}/${name}`)));
  await until(async () => {
    const { items } = (await server.call("GET", namespaces)).body;
    return !items.some(({ metadata }: { metadata: { name: string } }) =>
      metadata.name.startsWith("nslifetest"),
    );
  });
});

test("a namespace is patched, replaced, and has its status and finalizers written by themselves", async () => {
  await newNamespace(server, "written");
  const path = `${namespaces}/written`;
  const strategic = { type: "application/strategic-merge-patch+json" };
  const patched = await server.call("PATCH", path, {
    body: { metadata: { labels: { testLabel: "testValue" } } },
    ...strategic,
  });
  expect(expectCode(200, patched).body.metadata.labels).toMatchObject({
    testLabel: "testValue",
    "kubernetes.io/metadata.name": "written",
  });
  const conditions = [{ type: "StatusPatched", status: "True", reason: "E2E", message: "patched" }];
  const status = await server.call("PATCH", `${path}/status`, {
    body: { status: { conditions } },
    type: "application/merge-patch+json",
  });
  expect(expectCode(200, status).body.status.conditions).toMatchObject(conditions);
  const now = (await server.call("GET", path)).body;
  const updated = {
    ...now,
    status: {
      ...now.status,
      conditions: [...now.status.conditions, { ...conditions[0], type: "StatusUpdate" }],
    },
  };
  const replaced = expectCode(200, await server.call("PUT", `${path}/status`, { body: updated })).body;
  expect(replaced.status.conditions).toHaveLength(2);
  const finalized = await server.call("PUT", `${path}/finalize`, {
    body: {
      ...replaced,
      spec: { finalizers: [...replaced.spec.finalizers, "e2e.example.com/fakeFinalizer"] },
    },
  });
  expect(expectCode(200, finalized).body.spec.finalizers).toEqual([
    "kubernetes",
    "e2e.example.com/fakeFinalizer",
  ]);
  const cleared = { ...finalized.body, spec: { finalizers: ["kubernetes"] } };
  expectCode(200, await server.call("PUT", `${path}/finalize`, { body: cleared }));
  await server.call("DELETE", path);
  await gone(path);
});

test("every new namespace gets its default ServiceAccount, again when that is deleted", async () => {
  await newNamespace(server, "accounts");
  const account = `${inNamespace("accounts", "serviceaccounts")}/default`;
  await until(async () => (await codeOf(account)) === 200);
  const before = (await server.call("GET", account)).body.metadata.uid;
  await server.call("DELETE", account);
  await until(async () => {
    const { code, body } = await server.call("GET", account);
    return code === 200 && body.metadata.uid !== before;
  });
});

interface Owner {
  readonly uid: string;
  readonly name: string;
  readonly kind: string;
  readonly apiVersion: string;
}

async function create(path: string, name: string, ownerReferences: readonly object[] = []): Promise<Owner> {
  const type =
    path === maps ? { apiVersion: "v1", kind: "ConfigMap" } : { apiVersion: `${group}/v1`, kind: "Crumb" };
  const { body } = expectCode(
    201,
    await server.call("POST", path, { body: { ...type, metadata: { name, ownerReferences } } }),
  );
  return { ...type, name, uid: String(body.metadata.uid) };
}

test.each([
  { kind: "config maps", path: maps },
  { kind: "custom resources", path: crumbs },
])("$kind: dependents go in the background, and stay when they are orphaned", async ({ path }) => {
  for (const policy of ["Background", "Orphan"]) {
    const owner = await create(path, "owner");
    await create(path, "dependent", [owner]);
    await server.call("DELETE", `${path}/owner`, { body: { propagationPolicy: policy } });
    await gone(`${path}/owner`);
    if (policy === "Background") {
      await gone(`${path}/dependent`);
      continue;
    }
    const { body } = expectCode(200, await server.call("GET", `${path}/dependent`));
    expect(body.metadata.ownerReferences).toBeUndefined();
    await server.call("DELETE", `${path}/dependent`);
  }
});

test("foreground: the owner stays until dependents that block it are gone", async () => {
  const owner = await create(maps, "waiting");
  await create(maps, "blocking", [{ ...owner, blockOwnerDeletion: true }]);
  await server.call("PATCH", `${maps}/blocking`, {
    body: { metadata: { finalizers: ["example.com/hold"] } },
  });
  const { body } = expectCode(
    200,
    await server.call("DELETE", `${maps}/waiting`, { body: { propagationPolicy: "Foreground" } }),
  );
  expect(body.metadata.finalizers).toContain("foregroundDeletion");
  await until(
    async () => (await server.call("GET", `${maps}/blocking`)).body.metadata.deletionTimestamp !== undefined,
  );
  expect(await codeOf(`${maps}/waiting`)).toBe(200);
  await server.call("PATCH", `${maps}/blocking`, { body: { metadata: { finalizers: null } } });
  await gone(`${maps}/waiting`);
});

test("a circle of owners does not keep its members", async () => {
  const [a, b, c] = await Promise.all(["circle-a", "circle-b", "circle-c"].map((name) => create(maps, name)));
  const owned = (name: string, owner: Owner | undefined) =>
    server.call("PATCH", `${maps}/${name}`, {
      body: { metadata: { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] } },
    });
  await Promise.all([owned("circle-a", c), owned("circle-b", a), owned("circle-c", b)]);
  await server.call("DELETE", `${maps}/circle-a`, { body: { propagationPolicy: "Foreground" } });
  await Promise.all(["circle-a", "circle-b", "circle-c"].map((name) => gone(`${maps}/${name}`)));
});

test("a dependent with another owner that stays is kept, without the owner that goes", async () => {
  const going = await create(maps, "going");
  const staying = await create(maps, "staying");
  await create(maps, "shared", [going, staying]);
  await server.call("DELETE", `${maps}/going`, { body: { propagationPolicy: "Foreground" } });
  await gone(`${maps}/going`);
  await until(async () => {
    const { body } = expectCode(200, await server.call("GET", `${maps}/shared`));
    return body.metadata.ownerReferences.length === 1 && body.metadata.ownerReferences[0].name === "staying";
  });
});

test("delete: preconditions, dry runs, what is gone already", async () => {
  const { uid } = await create(maps, "guarded");
  const wrong = await server.call("DELETE", `${maps}/guarded`, { body: { preconditions: { uid: "other" } } });
  expect(wrong).toMatchObject({ code: 409, body: { reason: "Conflict" } });
  const stale = await server.call("DELETE", `${maps}/guarded`, {
    body: { preconditions: { resourceVersion: "1" } },
  });
  expect(stale.code).toBe(409);
  expectCode(200, await server.call("DELETE", `${maps}/guarded?dryRun=All`));
  expect(await codeOf(`${maps}/guarded`)).toBe(200);
  const { body } = expectCode(
    200,
    await server.call("DELETE", `${maps}/guarded`, { body: { preconditions: { uid } } }),
  );
  expect(body).toMatchObject({
    kind: "Status",
    status: "Success",
    details: { name: "guarded", kind: "configmaps", uid },
  });
  expect((await server.call("DELETE", `${maps}/guarded`)).body).toMatchObject({
    reason: "NotFound",
    code: 404,
  });
});
