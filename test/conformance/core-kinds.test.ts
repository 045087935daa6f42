/** The lives of ConfigMaps, Secrets, Leases, Events, quotas and priority classes, as Kubernetes' suite goes through them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { expectCode, inNamespace, newNamespace } from "../support/api-session.ts";

const strategic = { type: "application/strategic-merge-patch+json" };

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  await Promise.all(["one", "two"].map((name) => newNamespace(server, name)));
});
afterAll(() => server[Symbol.asyncDispose]());

interface Life {
  readonly kind: string;
  readonly plural: string;
  readonly root: string;
  readonly namespaced: boolean;
  readonly body: object;
  readonly patch: object;
  /** What the patch makes of it. */
  readonly patched: object;
}

const lives: readonly Life[] = [
  {
    kind: "ConfigMap",
    plural: "configmaps",
    root: "/api/v1",
    namespaced: true,
    body: { data: { valueName: "value" } },
    patch: { data: { valueName: "value1" } },
    patched: { data: { valueName: "value1" } },
  },
  {
    kind: "Secret",
    plural: "secrets",
    root: "/api/v1",
    namespaced: true,
    body: { data: { key: "dmFsdWU=" }, type: "Opaque" },
    patch: { data: { key: "dmFsdWUx" } },
    patched: { data: { key: "dmFsdWUx" } },
  },
  {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    root: "/api/v1",
    namespaced: true,
    body: {},
    patch: { automountServiceAccountToken: false },
    patched: { automountServiceAccountToken: false },
  },
  {
    kind: "ResourceQuota",
    plural: "resourcequotas",
    root: "/api/v1",
    namespaced: true,
    body: { spec: { hard: { "count/configmaps": "10" } } },
    patch: { spec: { hard: { "count/configmaps": "20" } } },
    patched: { spec: { hard: { "count/configmaps": "20" } } },
  },
  {
    kind: "Event",
    plural: "events",
    root: "/api/v1",
    namespaced: true,
    body: {
      message: "This is a test event",
      reason: "Test",
      type: "Normal",
      involvedObject: { namespace: "one" },
    },
    patch: { message: "This is a test event - patched" },
    patched: { message: "This is a test event - patched" },
  },
  {
    kind: "Lease",
    plural: "leases",
    root: "/apis/coordination.k8s.io/v1",
    namespaced: true,
    body: {
      spec: {
        holderIdentity: "holder",
        leaseDurationSeconds: 30,
        renewTime: "2026-01-01T00:00:00.000000Z",
        leaseTransitions: 0,
      },
    },
    patch: { spec: { leaseDurationSeconds: 60 } },
    patched: {
      spec: { leaseDurationSeconds: 60, holderIdentity: "holder", renewTime: "2026-01-01T00:00:00.000000Z" },
    },
  },
  {
    kind: "Role",
    plural: "roles",
    root: "/apis/rbac.authorization.k8s.io/v1",
    namespaced: true,
    body: { rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }] },
    patch: { rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list"] }] },
    patched: { rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list"] }] },
  },
  {
    kind: "PriorityClass",
    plural: "priorityclasses",
    root: "/apis/scheduling.k8s.io/v1",
    namespaced: false,
    body: { value: 100, description: "first" },
    patch: { description: "second" },
    patched: { value: 100, description: "second" },
  },
];

test.each(lives)(
  "$kind: created, read, watched, patched, replaced, listed everywhere, deleted as a collection",
  async (life) => {
    const { kind, plural, root, namespaced, body, patch, patched } = life;
    const apiVersion = root.replace(/^\/apis?\//, "");
    const collection = namespaced ? inNamespace("one", plural, root) : `${root}/${plural}`;
    const labels = { life: kind.toLowerCase() };
    const selector = `labelSelector=${encodeURIComponent(`life=${labels.life}`)}`;
    using watch = server.watch(`${collection}?watch=true&${selector}`);
    const created = expectCode(
      201,
      await server.call("POST", collection, { body: { metadata: { name: "life", labels }, ...body } }),
    ).body;
    expect(created).toMatchObject({
      apiVersion,
      kind,
      metadata: { name: "life", labels, uid: expect.any(String) },
      ...body,
    });
    const path = `${collection}/life`;
    expect(expectCode(200, await server.call("GET", path)).body).toEqual(created);
    const changed = expectCode(
      200,
      await server.call("PATCH", path, {
        body: { metadata: { labels: { static: "true" } }, ...patch },
        ...strategic,
      }),
    ).body;
    expect(changed).toMatchObject({ metadata: { labels: { ...labels, static: "true" } }, ...patched });
    const next = { ...changed, metadata: { ...changed.metadata, annotations: { updated: "yes" } } };
    const replaced = expectCode(200, await server.call("PUT", path, { body: next })).body;
    expect(replaced.metadata.annotations).toEqual({ updated: "yes" });
    expect((await server.call("PUT", path, { body: created })).body).toMatchObject({
      code: 409,
      reason: "Conflict",
    });
    const listed = expectCode(200, await server.call("GET", `${root}/${plural}?${selector}`)).body;
    expect(listed).toMatchObject({
      kind: `${kind}List`,
      apiVersion,
      items: [{ metadata: { name: "life" } }],
    });
    if (namespaced) {
      const elsewhere = inNamespace("two", plural, root);
      expect((await server.call("GET", `${elsewhere}?${selector}`)).body.items).toEqual([]);
    }
    expectCode(200, await server.call("DELETE", `${collection}?${selector}`));
    expect((await server.call("GET", path)).body).toMatchObject({
      code: 404,
      reason: "NotFound",
      details: { name: "life", kind: plural },
    });
    expect((await watch.take(4)).map(({ type }) => type)).toEqual([
      "ADDED",
      "MODIFIED",
      "MODIFIED",
      "DELETED",
    ]);
  },
);

test.each([
  { plural: "configmaps", data: { "": "value-1" } },
  { plural: "secrets", data: { "": "dmFsdWUtMQ==" } },
])("$plural: an empty key is refused", async ({ plural, data }) => {
  const answer = await server.call("POST", inNamespace("one", plural), {
    body: { metadata: { name: "empty-key" }, data },
  });
  expect(answer).toMatchObject({
    code: 422,
    body: { reason: "Invalid", details: { causes: [{ field: "data[]", reason: "FieldValueInvalid" }] } },
  });
});

test.each(["configmaps", "secrets"])(
  "%s: immutable ones keep their data, and stay immutable",
  async (plural) => {
    const collection = inNamespace("one", plural);
    const data = plural === "secrets" ? { a: "YQ==" } : { a: "a" };
    expectCode(201, await server.call("POST", collection, { body: { metadata: { name: "fixed" }, data } }));
    const path = `${collection}/fixed`;
    expectCode(200, await server.call("PATCH", path, { body: { data: { b: "Yg==" } } }));
    expectCode(200, await server.call("PATCH", path, { body: { immutable: true } }));
    for (const body of [{ data: { a: "Yg==" } }, { immutable: false }, { immutable: null }])
      expect((await server.call("PATCH", path, { body })).code).toBe(422);
    expectCode(
      200,
      await server.call("PATCH", path, { body: { metadata: { labels: { still: "labelled" } } } }),
    );
    expectCode(200, await server.call("DELETE", path));
  },
);

test("quota: what it counts is refused beyond it, also for others that create it", async () => {
  const quota = { metadata: { name: "few" }, spec: { hard: { configmaps: "1", "count/secrets": "1" } } };
  expectCode(201, await server.call("POST", inNamespace("two", "resourcequotas"), { body: quota }));
  const create = (plural: string, name: string) =>
    server.call("POST", inNamespace("two", plural), { body: { metadata: { name } } });
  const answers = await Promise.all(["a", "b", "c"].map((name) => create("configmaps", name)));
  expect(answers.filter(({ code }) => code === 201)).toHaveLength(1);
  expect(answers.find(({ code }) => code === 403)?.body.message).toMatch(
    /^configmaps "\w" is forbidden: exceeded quota: few, requested: configmaps=1, used: configmaps=1, limited: configmaps=1$/,
  );
  const status = { status: { hard: { configmaps: "1" }, used: { configmaps: "1" } } };
  const path = `${inNamespace("two", "resourcequotas")}/few/status`;
  expect(expectCode(200, await server.call("PATCH", path, { body: status })).body).toMatchObject(status);
});

test("events: what is written in one group is read, patched and deleted in the other", async () => {
  const events = inNamespace("one", "events", "/apis/events.k8s.io/v1");
  const core = inNamespace("one", "events");
  const body = {
    metadata: { name: "both", labels: { both: "yes" } },
    eventTime: "2026-01-01T00:00:00.123456Z",
    note: "note",
    action: "Do",
    reason: "Test",
    type: "Normal",
    reportingController: "test-controller",
    reportingInstance: "test-node",
    regarding: { namespace: "one" },
  };
  const created = expectCode(201, await server.call("POST", events, { body })).body;
  expect(created).toMatchObject({ apiVersion: "events.k8s.io/v1", note: "note", eventTime: body.eventTime });
  expect((await server.call("GET", `${core}/both`)).body).toMatchObject({
    apiVersion: "v1",
    message: "note",
  });
  const series = { series: { count: 2, lastObservedTime: "2026-01-01T00:00:05.000000Z" } };
  const patched = expectCode(
    200,
    await server.call("PATCH", `${events}/both`, { body: series, ...strategic }),
  ).body;
  expect(patched).toMatchObject(series);
  const selected = await server.call("GET", `${events}?fieldSelector=reportingController%3Dtest-controller`);
  expect(selected.body.items).toHaveLength(1);
  expectCode(200, await server.call("DELETE", `${core}?labelSelector=both%3Dyes`));
  expect((await server.call("GET", `${events}/both`)).code).toBe(404);
});

test("generateName: names are made, and told in the answer", async () => {
  const { body } = expectCode(
    201,
    await server.call("POST", inNamespace("one", "configmaps"), {
      body: { metadata: { generateName: "made-" } },
    }),
  );
  expect(body.metadata.name).toMatch(/^made-[a-z0-9]{5}$/);
  expect(body.metadata.generateName).toBe("made-");
});
