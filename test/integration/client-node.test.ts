/** @kubernetes/client-node against the server: objects of any kind, informers over restarts, leases, reviews, events. */
import {
  ApiException,
  ApiextensionsV1Api,
  AuthenticationV1Api,
  AuthorizationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  EventsV1Api,
  type Informer,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  RbacAuthorizationV1Api,
  type V1ConfigMap,
  V1MicroTime,
} from "@kubernetes/client-node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { newServiceAccountKey } from "../../scheduler/apiserver/testing/service-accounts.ts";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { openSqliteStore } from "../../scheduler/store/sqlite/sqlite-store.ts";
import { eventually } from "../support/cluster.ts";
import { deployment } from "../support/kubectl-session.ts";

let server: TestServer;
let config: KubeConfig;
beforeAll(async () => {
  server = await TestServer.start();
  config = load(server);
});
afterAll(() => server[Symbol.asyncDispose]());

function load(of: TestServer): KubeConfig {
  const loaded = new KubeConfig();
  loaded.loadFromFile(of.kubeconfig());
  return loaded;
}

const namespace = "default";

/** The HTTP code of a call that fails. */
async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof ApiException) return thrown.code;
    throw thrown;
  }
  return 200;
}

interface WithSpec {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

test("KubernetesObjectApi: create, read, list, replace, every patch, delete", async () => {
  const client = KubernetesObjectApi.makeApiClient(config);
  const { apiVersion, kind } = deployment("any");
  const header = { apiVersion, kind, metadata: { name: "any", namespace } };
  await client.create<WithSpec>(deployment("any"));
  expect(await codeOf(client.create(deployment("any")))).toBe(409);
  const read = await client.read<WithSpec>(header);
  expect(read).toMatchObject({ metadata: { namespace: "default", generation: 1 }, spec: { replicas: 2 } });
  const list = await client.list<WithSpec>(
    apiVersion,
    kind,
    namespace,
    undefined,
    undefined,
    undefined,
    "metadata.name=any",
  );
  expect(list.items.map(({ metadata }) => metadata.name)).toEqual(["any"]);
  const replaced = await client.replace<WithSpec>({ ...read, spec: { ...read.spec, replicas: 3 } });
  expect(replaced.spec).toMatchObject({ replicas: 3 });
  expect(await codeOf(client.replace(read))).toBe(409);
  const patch = (spec: object, strategy: PatchStrategy, manager?: string, force?: boolean) =>
    client.patch<WithSpec>({ ...header, spec } as WithSpec, undefined, undefined, manager, force, strategy);
  expect((await patch({ replicas: 4 }, PatchStrategy.MergePatch)).spec).toMatchObject({ replicas: 4 });
  expect(await codeOf(patch({ replicas: 5 }, PatchStrategy.StrategicMergePatch))).toBe(415);
  const { spec } = deployment("any");
  expect(await codeOf(patch({ ...spec, replicas: 6 }, PatchStrategy.ServerSideApply, "tester"))).toBe(409);
  const applied = await patch({ ...spec, replicas: 6 }, PatchStrategy.ServerSideApply, "tester", true);
  expect(applied.spec).toMatchObject({ replicas: 6 });
  const place = {
    group: "wherry.dev",
    version: "v1alpha1",
    namespace,
    plural: "wasmdeployments",
    name: "any",
  };
  const operations = [{ op: "replace", path: "/spec/replicas", value: 7 }];
  const patched = (await config
    .makeApiClient(CustomObjectsApi)
    .patchNamespacedCustomObject({ ...place, body: operations })) as WithSpec;
  expect(patched.spec).toMatchObject({ replicas: 7 });
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "any", namespace } };
  await client.create<V1ConfigMap>({ ...map, data: { a: "1" } });
  const merged = await client.patch<V1ConfigMap>({ ...map, data: { b: "2" } });
  expect(merged.data).toEqual({ a: "1", b: "2" });
  expect(await client.delete(header)).toMatchObject({ status: "Success" });
  expect(await codeOf(client.read(header))).toBe(404);
});

test("CoreV1: typed objects with dates, bytes, pages and collections", async () => {
  const core = config.makeApiClient(CoreV1Api);
  const labels = { collection: "typed" };
  await Promise.all(
    [1, 2, 3, 4, 5].map((n) =>
      core.createNamespacedSecret({
        namespace,
        body: { metadata: { name: `typed-${n}`, labels }, stringData: { n: String(n) } },
      }),
    ),
  );
  const secret = await core.readNamespacedSecret({ namespace, name: "typed-1" });
  expect(secret).toMatchObject({ kind: "Secret", type: "Opaque", data: { n: "MQ==" } });
  expect(secret.metadata?.creationTimestamp).toBeInstanceOf(Date);
  const query = { namespace, labelSelector: "collection=typed" };
  const first = await core.listNamespacedSecret({ ...query, limit: 3 });
  const rest = await core.listNamespacedSecret({
    ...query,
    limit: 3,
    _continue: first.metadata?._continue ?? "",
  });
  expect([...first.items, ...rest.items].map(({ metadata }) => metadata?.name)).toEqual(
    [1, 2, 3, 4, 5].map((n) => `typed-${n}`),
  );
  expect(rest.metadata?._continue).toBeUndefined();
  await core.deleteCollectionNamespacedSecret(query);
  expect((await core.listNamespacedSecret(query)).items).toEqual([]);
});

interface Seen {
  readonly informer: Informer<V1ConfigMap>;
  readonly added: Set<string>;
  readonly deleted: Set<string>;
  errors: number;
  connects: number;
}

/** An informer as client-node's documentation has it: it starts again when there is an error. */
function informed(client: CoreV1Api, of: KubeConfig): Seen {
  const informer = makeInformer<V1ConfigMap>(of, "/api/v1/namespaces/default/configmaps", () =>
    client.listNamespacedConfigMap({ namespace }),
  );
  const seen: Seen = { informer, added: new Set(), deleted: new Set(), errors: 0, connects: 0 };
  informer.on("add", ({ metadata }) => void seen.added.add(metadata?.name ?? ""));
  informer.on("delete", ({ metadata }) => void seen.deleted.add(metadata?.name ?? ""));
  informer.on("connect", () => void seen.connects++);
  informer.on("error", () => {
    seen.errors++;
    setTimeout(() => void informer.start(), 50);
  });
  return seen;
}

test("informer: goes on after a restart of the server, and lists again when the history is gone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-informer-"));
  const first = await TestServer.start({ folder });
  const { authority } = first;
  const same = {
    folder,
    authority,
    port: Number(new URL(first.url).port),
    serviceAccountKeys: [newServiceAccountKey()],
  };
  const own = load(first);
  const core = own.makeApiClient(CoreV1Api);
  const create = (name: string) =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
  await create("a");
  const seen = informed(core, own);
  await seen.informer.start();
  await create("b");
  await eventually(async () => expect([...seen.added]).toEqual(["a", "b"]));
  await first[Symbol.asyncDispose]();

  const second = await TestServer.start(same);
  await create("c");
  await eventually(async () => expect([...seen.added]).toEqual(["a", "b", "c"]));
  expect(seen.deleted.size).toBe(0);
  await second[Symbol.asyncDispose]();

  // Without a history, the informer's revision is gone: the server says 410, and the informer has to list.
  const store = await openSqliteStore({ file: join(folder, "store.db"), clock: systemClock, log: silentLog });
  await store.forgetHistory();
  await store.close();
  const third = await TestServer.start(same);
  await core.deleteNamespacedConfigMap({ namespace, name: "a" });
  await create("d");
  await eventually(async () => expect([...seen.added]).toEqual(["a", "b", "c", "d"]));
  await eventually(async () => expect([...seen.deleted]).toEqual(["a"]));
  await seen.informer.stop();
  await third[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}, 60_000);

test("leases: of two candidates one becomes the leader, and the other follows when it stops renewing", async () => {
  const leases = config.makeApiClient(CoordinationV1Api);
  const name = "leader";
  /** One round of an election: holds, or takes, the lease if it may. */
  const round = async (holderIdentity: string, nowMs: number): Promise<boolean> => {
    const renewTime = new V1MicroTime(nowMs);
    const spec = { holderIdentity, leaseDurationSeconds: 10, renewTime, acquireTime: renewTime };
    try {
      const lease = await leases.readNamespacedLease({ namespace, name });
      // What is read is a text, whatever the type says.
      const expiresMs = Date.parse(String(lease.spec?.renewTime)) + 10_000;
      if (lease.spec?.holderIdentity !== holderIdentity && expiresMs > nowMs) return false;
      await leases.replaceNamespacedLease({ namespace, name, body: Object.assign(lease, { spec }) });
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ApiException)) throw thrown;
      if (thrown.code === 409) return false;
      if (thrown.code !== 404) throw thrown;
    }
    const created = leases.createNamespacedLease({ namespace, body: { metadata: { name }, spec } });
    return (await codeOf(created)) === 200;
  };
  const nowMs = Date.UTC(2026, 0, 1);
  const race = await Promise.all([round("one", nowMs), round("two", nowMs)]);
  expect(race.filter(Boolean)).toHaveLength(1);
  const [leader, follower] = race[0] ? ["one", "two"] : ["two", "one"];
  expect(await round(leader, nowMs + 5_000)).toBe(true);
  expect(await round(follower, nowMs + 12_000)).toBe(false);
  const takeovers = await Promise.all([round(follower, nowMs + 20_000), round("three", nowMs + 20_000)]);
  expect(takeovers.filter(Boolean)).toHaveLength(1);
});

test("EventsV1: what is written there is read as a core event, too", async () => {
  const events = config.makeApiClient(EventsV1Api);
  const body = {
    metadata: { name: "happened" },
    eventTime: new V1MicroTime(Date.UTC(2026, 0, 1)),
    action: "Doing",
    reason: "Done",
    type: "Normal",
    note: "it is done",
    reportingController: "example.com/tester",
    reportingInstance: "tester-1",
    regarding: { apiVersion: "v1", kind: "ConfigMap", name: "x", namespace },
  };
  const created = await events.createNamespacedEvent({ namespace, body });
  expect(created).toMatchObject({ apiVersion: "events.k8s.io/v1", note: "it is done" });
  const core = await config.makeApiClient(CoreV1Api).readNamespacedEvent({ namespace, name: "happened" });
  expect(core).toMatchObject({ message: "it is done", involvedObject: { name: "x" } });
  const listed = await events.listNamespacedEvent({ namespace, fieldSelector: "regarding.name=x" });
  expect(listed.items.map(({ reason }) => reason)).toEqual(["Done"]);
});

test("reviews: SelfSubjectAccessReview, SubjectAccessReview, SelfSubjectRulesReview, SelfSubjectReview, TokenReview", async () => {
  const authorization = config.makeApiClient(AuthorizationV1Api);
  const authentication = config.makeApiClient(AuthenticationV1Api);
  const core = config.makeApiClient(CoreV1Api);
  const resourceAttributes = { verb: "delete", resource: "configmaps", namespace };
  expect(
    await authorization.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } }),
  ).toMatchObject({
    status: { allowed: true },
  });
  expect(
    await authorization.createSubjectAccessReview({ body: { spec: { user: "nobody", resourceAttributes } } }),
  ).toMatchObject({ status: { allowed: false } });
  const { status } = await authorization.createSelfSubjectRulesReview({ body: { spec: { namespace } } });
  expect(status?.resourceRules).toEqual(
    expect.arrayContaining([expect.objectContaining({ verbs: ["*"], resources: ["*"] })]),
  );
  const self = await authentication.createSelfSubjectReview({ body: {} });
  expect(self.status?.userInfo?.username).toBe("admin");
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: "reviewed" } } });
  const issued = await core.createNamespacedServiceAccountToken({
    namespace,
    name: "reviewed",
    body: { spec: { audiences: [], expirationSeconds: 600 } },
  });
  const token = issued.status?.token ?? "";
  const review = await authentication.createTokenReview({ body: { spec: { token } } });
  expect(review.status).toMatchObject({
    authenticated: true,
    user: { username: "system:serviceaccount:default:reviewed" },
  });
  const forged = await authentication.createTokenReview({ body: { spec: { token: `${token}x` } } });
  expect(forged.status?.authenticated ?? false).toBe(false);
});

test("ApiextensionsV1 and RbacAuthorizationV1: a kind of one's own, and a role for it", async () => {
  const extensions = config.makeApiClient(ApiextensionsV1Api);
  const group = "node.example.com";
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: { type: "object" } } } };
  const created = await extensions.createCustomResourceDefinition({
    body: {
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "things", singular: "thing", kind: "Thing" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    },
  });
  expect(created.spec.names.listKind).toBe("ThingList");
  const client = KubernetesObjectApi.makeApiClient(config);
  const thing = { apiVersion: `${group}/v1`, kind: "Thing", metadata: { name: "t", namespace } };
  await eventually(async () => expect(await codeOf(client.create(thing))).toBe(200));
  const roles = config.makeApiClient(RbacAuthorizationV1Api);
  const rules = [{ apiGroups: [group], resources: ["things"], verbs: ["get"] }];
  expect(
    await roles.createNamespacedRole({ namespace, body: { metadata: { name: "things" }, rules } }),
  ).toMatchObject({
    rules,
  });
  await extensions.deleteCustomResourceDefinition({ name: `things.${group}` });
  await eventually(async () =>
    expect(await codeOf(extensions.readCustomResourceDefinition({ name: `things.${group}` }))).toBe(404),
  );
  expect(await codeOf(client.read(thing))).not.toBe(200);
});
