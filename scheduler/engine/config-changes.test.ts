/** ConfigMaps and Secrets that change under instances that run, through the whole engine. */
import { expect, test } from "vitest";
import type { ApiObject } from "../../api/object-meta.ts";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, eventsIn, startEngine } from "../testing/test-engine.ts";

const aConfigMap = (data: Readonly<Record<string, string>>, name = "app") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
});

const mounting = (optional = false, more: Record<string, unknown> = {}) => ({
  volumes: [{ name: "v", configMap: { name: "app", optional } }],
  mounts: [{ volume: "v", path: "/v", readOnly: true }],
  ...more,
});

/** What instances of the node see by now. */
const filesOn = (node: FakeNode) => node.updates.at(-1)?.files;

test("ConfigMap: running instances see the change, and stay the same", async () => {
  const { backend, node, pass } = await startEngine();
  const [a, b] = [node("a"), node("b")];
  backend.put("configmaps", aConfigMap({ key: "1" }));
  backend.put("wasmdeployments", deployment(4, mounting()));
  await pass(200);
  const before = [...a.held.keys(), ...b.held.keys()];
  backend.put("configmaps", aConfigMap({ key: "2", more: "x" }));
  await pass(300);
  expect([a, b].map(filesOn)).toEqual([
    { key: "2", more: "x" },
    { key: "2", more: "x" },
  ]);
  expect(a.updates).toHaveLength(1);
  expect([...a.held.keys(), ...b.held.keys()]).toEqual(before);
});

test("ConfigMap: instances made before and after a change are of one template, with one set of files", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("configmaps", aConfigMap({ key: "1" }));
  backend.put("wasmdeployments", deployment(1, mounting()));
  await pass(200);
  backend.put("configmaps", aConfigMap({ key: "2" }));
  backend.put("wasmdeployments", deployment(2, mounting()));
  await pass(300);
  expect(a.held.size).toBe(2);
  expect(a.templates.size).toBe(1);
  const [template] = a.templates.values();
  expect(Buffer.from(template?.contents[0]?.files[0]?.data ?? []).toString()).toBe("2");
});

test("ConfigMap: variables of running instances stay, and their files change all the same", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("configmaps", aConfigMap({ key: "1" }));
  const env = [{ name: "KEY", valueFrom: { configMapKeyRef: { name: "app", key: "key", optional: false } } }];
  const declared = backend.put("wasmdeployments", deployment(1, mounting(false, { env })));
  await pass(200);
  backend.put("configmaps", aConfigMap({ key: "2" }));
  await pass(300);
  backend.put("wasmdeployments", { ...declared, spec: { ...(declared["spec"] as object), replicas: 2 } });
  await pass(300);
  expect(a.templates.size).toBe(2);
  backend.put("configmaps", aConfigMap({ key: "3" }));
  await pass(300);
  const last = new Map(a.updates.map(({ templateId, files }) => [templateId, files]));
  expect([...last.values()]).toEqual([{ key: "3" }, { key: "3" }]);
  // A variable that can not be filled in keeps new instances from starting, not the files of others from changing.
  backend.put("configmaps", aConfigMap({ other: "4" }));
  await pass(300);
  expect(filesOn(a)).toEqual({ other: "4" });
});

test.each([
  {
    name: "a ConfigMap that is deleted",
    optional: false,
    change: "delete",
    told: /ConfigMap app does not exist/,
  },
  { name: "a required key that is gone", optional: false, change: "drop", told: /has no key key/ },
])("$name leaves the files, and the workload is told", async ({ optional, change, told }) => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  const stored = backend.put("configmaps", aConfigMap({ key: "1" }));
  const template = mounting(optional);
  const items = [{ key: "key", path: "key" }];
  const volumes = [{ name: "v", configMap: { name: "app", optional, items } }];
  backend.put("wasmdeployments", deployment(1, { ...template, volumes }));
  await pass(200);
  if (change === "delete") backend.remove("configmaps", stored);
  else backend.put("configmaps", aConfigMap({ other: "1" }));
  await pass(2_000);
  expect(a.updates).toEqual([]);
  const events = eventsIn(backend).filter(({ reason }) => reason === "FailedMount");
  expect(events).toMatchObject([
    { type: "Warning", message: expect.stringMatching(told), involvedObject: { kind: "WasmDeployment" } },
  ]);
  backend.put("configmaps", aConfigMap({ key: "2" }));
  await pass(300);
  expect(filesOn(a)).toEqual({ key: "2" });
});

test("of two volumes, the one that is there changes while the other is missing, and both when it is back", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  const volumes = ["app", "keys"].map((name) => ({ name, configMap: { name, optional: false } }));
  const mounts = ["app", "keys"].map((volume) => ({ volume, path: `/${volume}`, readOnly: true }));
  backend.put("configmaps", aConfigMap({ a: "1" }));
  const keys = backend.put("configmaps", aConfigMap({ k: "1" }, "keys"));
  backend.put("wasmdeployments", deployment(1, { volumes, mounts }));
  await pass(200);
  backend.remove("configmaps", keys);
  backend.put("configmaps", aConfigMap({ a: "2" }));
  await pass(2_000);
  expect(a.updates.map(({ files }) => files)).toEqual([{ a: "2" }]);
  const events = eventsIn(backend).filter(({ reason }) => reason === "FailedMount");
  expect(events).toMatchObject([{ message: expect.stringContaining("ConfigMap keys does not exist") }]);
  backend.put("configmaps", aConfigMap({ k: "1" }, "keys"));
  await pass(300);
  expect(filesOn(a)).toEqual({ a: "2", k: "1" });
});

test("an optional ConfigMap: appears, goes and comes back in the mount", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", deployment(1, mounting(true)));
  await pass(200);
  expect(a.held.size).toBe(1);
  const stored = backend.put("configmaps", aConfigMap({ key: "1" }));
  await pass(300);
  backend.remove("configmaps", stored);
  await pass(300);
  backend.put("configmaps", aConfigMap({ key: "2" }));
  await pass(300);
  expect(a.updates.map(({ files }) => files)).toEqual([{ key: "1" }, {}, { key: "2" }]);
});

test("two workloads with the same spec, of two namespaces, share no files", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  for (const namespace of ["default", "other"]) {
    const made = deployment(1, mounting());
    backend.put("configmaps", { ...aConfigMap({ key: "same" }), metadata: { name: "app", namespace } });
    backend.put("wasmdeployments", { ...made, metadata: { ...made.metadata, namespace } });
  }
  await pass(300);
  expect(a.held.size).toBe(2);
  expect(a.templates.size).toBe(2);
  backend.put("configmaps", {
    ...aConfigMap({ key: "theirs" }),
    metadata: { name: "app", namespace: "other" },
  });
  await pass(300);
  expect(a.updates).toHaveLength(1);
});

test("a node that was away gets what has changed when it comes back", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("configmaps", aConfigMap({ key: "1" }));
  backend.put("wasmdeployments", deployment(1, mounting()));
  await pass(200);
  a.runAll();
  a.disconnect();
  await pass(200);
  backend.put("configmaps", aConfigMap({ key: "2" }));
  await pass(300);
  expect(a.updates).toEqual([]);
  a.connect();
  await pass(300);
  expect(filesOn(a)).toEqual({ key: "2" });
});

test("a ConfigMap that changes a hundred times in a second costs some ten messages", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("configmaps", aConfigMap({ key: "0" }));
  backend.put("wasmdeployments", deployment(1, mounting()));
  await pass(200);
  for (let at = 1; at <= 100; at++) {
    backend.put("configmaps", aConfigMap({ key: String(at) }));
    await pass(10);
  }
  await pass(300);
  expect(filesOn(a)).toEqual({ key: "100" });
  expect(a.updates.length).toBeLessThanOrEqual(12);
});

test("an instance of a template that is not kept sees changes once the template is current again", async () => {
  const first = await startEngine();
  const before = first.node("a");
  first.backend.put("configmaps", aConfigMap({ key: "1" }));
  first.backend.put("wasmdeployments", deployment(1, mounting()));
  await first.pass(200);
  before.runAll();
  await first.pass(500);
  await first.engine.close();
  const { backend } = first;
  const stop = new AbortController();
  const revisions: ApiObject[] = [];
  const resource = { group: "apps", plural: "controllerrevisions" };
  backend.watch(resource, (event) => event.kind === "put" && revisions.push(event.object), stop.signal);
  stop.abort();
  for (const revision of revisions) backend.remove("controllerrevisions", revision);
  const other = deployment(1);
  backend.put("wasmdeployments", { ...other, spec: { ...other.spec, paused: true } });
  backend.put("configmaps", aConfigMap({ key: "2" }));

  const next = await startEngine(backend, 8);
  const a = new FakeNode("a", next.engine.nodes);
  for (const [uid, entry] of before.held) a.held.set(uid, entry);
  const [template] = before.templates.values();
  for (const { instance } of before.held.values()) {
    const user = { ownerUid: instance.owner.uid, templateHash: instance.templateHash };
    if (template) a.contents.assigned(instance.uid, user, template);
  }
  a.connect();
  await next.pass(500);
  expect(a.updates).toEqual([]);
  backend.put("wasmdeployments", deployment(1, mounting()));
  await next.pass(500);
  expect(filesOn(a)).toEqual({ key: "2" });
});
