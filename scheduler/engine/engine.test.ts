import { expect, test } from "vitest";
import type { ApiObject } from "../../api/object-meta.ts";
import { noAffinity } from "../core/model.ts";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, eventsIn, job, lostAfterMs, startEngine, statusOf } from "../testing/test-engine.ts";

test("Engine: a deployment's instances are spread, run, and are counted in its status", async () => {
  const { backend, node, pass, states } = await startEngine();
  const [a, b] = [node("a"), node("b")];
  backend.put("wasmdeployments", deployment(4));
  await pass(200);
  expect([a.held.size, b.held.size]).toEqual([2, 2]);
  a.runAll();
  b.runAll();
  await pass(300);
  expect(states()).toEqual(["bound", "bound", "bound", "bound"]);
  expect(statusOf(backend, "wasmdeployments", "app")).toMatchObject({ ready: "4/4", readyReplicas: 4 });
});

test("Engine: without a node, instances say why they wait, and start when one comes", async () => {
  const { backend, node, pass, instances } = await startEngine();
  backend.put("wasmdeployments", deployment(1));
  await pass(200);
  expect(instances()[0]?.state).toMatchObject({ kind: "pending", reason: "Unschedulable" });
  const late = node("late");
  await pass(1_000);
  expect(late.held.size).toBe(1);
});

test("Engine: a missing ConfigMap holds instances back until it exists", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  backend.put(
    "wasmdeployments",
    deployment(2, { envFrom: [{ configMapRef: { name: "late", optional: false } }] }),
  );
  await pass(200);
  expect(instances()[0]?.state).toMatchObject({ kind: "pending", reason: "ConfigMapNotFound" });
  backend.put("configmaps", {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "late", namespace: "default" },
    data: { A: "1" },
  });
  await pass(200);
  expect(a.held.size).toBe(2);
  const spec = JSON.parse(Buffer.from([...a.templates.values()][0]!.specJson).toString()) as { env: unknown };
  expect(spec.env).toEqual([{ name: "A", value: "1" }]);
});

test("Engine: a Secret that cannot be read holds instances back, and what runs goes on", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  const keys = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "keys", namespace: "default" },
    data: { A: "MQ==" },
  };
  const secret = backend.put("secrets", keys);
  const template = { envFrom: [{ secretRef: { name: "keys", optional: true } }] };
  backend.put("wasmdeployments", deployment(1, template));
  await pass(200);
  expect(a.held.size).toBe(1);
  backend.unreadables.set("secrets/default/keys", "its key is lost");
  backend.remove("secrets", secret);
  backend.put("wasmdeployments", deployment(2, template));
  await pass(200);
  expect(a.held.size).toBe(1);
  const pending = instances().filter(({ state }) => state.kind === "pending");
  expect(pending.map(({ state }) => state)).toMatchObject([
    { reason: "SecretUnreadable", message: "its key is lost" },
  ]);
  backend.unreadables.clear();
  backend.put("secrets", keys);
  await pass(200);
  expect(a.held.size).toBe(2);
});

test("Engine: a lost node's instances move, and what is too many is stopped when it comes back", async () => {
  const { backend, node, pass, engine } = await startEngine();
  const [a, b] = [node("a"), node("b")];
  backend.put("wasmdeployments", deployment(4));
  await pass(200);
  a.runAll();
  b.runAll();
  await pass(200);
  a.disconnect();
  await pass(lostAfterMs - 1_000);
  expect(b.held.size).toBe(2);
  await pass(2_000);
  expect(b.held.size).toBe(4);
  b.runAll();
  const back = new FakeNode("a", engine.nodes, [...a.held.values()]).connect();
  await pass(200);
  // Which copies go is the controller's rule: the younger ones on the fuller node.
  expect(back.stopped.length + b.stopped.length).toBe(2);
});

test("Engine: a new leader adopts what nodes hold and makes nothing twice", async () => {
  const first = await startEngine();
  const a = first.node("a");
  first.backend.put("wasmdeployments", deployment(3));
  await first.pass(200);
  a.runAll();
  await first.pass(500);
  await first.engine.close();

  const second = await startEngine(first.backend);
  await second.pass(5_000);
  expect(second.instances()).toEqual([]);
  const again = new FakeNode("a", second.engine.nodes, [...a.held.values()]).connect();
  await second.pass(500);
  expect(second.states()).toEqual(["bound", "bound", "bound"]);
  expect(again.held.size).toBe(3);
  expect(again.stopped).toEqual([]);
});

test("Engine: what a node says of an instance's template counts only where nobody has declared it", async () => {
  const { backend, node, pass, engine } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", deployment(1));
  await pass(200);
  a.runAll();
  const [held] = a.held.values();
  if (!held) throw new Error("nothing was assigned");
  const everybody = { topologyKey: "kubernetes.io/hostname", namespaces: ["default"], labelSelector: {} };
  const claims = { ...held.instance.claims, affinity: { ...noAffinity, apart: [everybody] } };
  const lies = {
    claims,
    namespace: "other",
    labels: { app: "bank" },
    limits: { cpuMillis: 9, memoryBytes: 9 },
  };
  a.disconnect();
  const { uid } = held.instance;
  const stranger = {
    ...held.instance,
    ...lies,
    uid: "stranger",
    owner: { ...held.instance.owner, uid: "gone" },
  };
  const liar = { ...held.instance, ...lies, uid: `${uid}-2`, name: "twin" };
  const told = [liar, stranger].map((instance) => ({ ...held, instance }));
  new FakeNode("a", engine.nodes, [held, ...told]).connect();
  const seen = new Map([...engine.instances(undefined)].map((instance) => [instance.uid, instance]));
  const { namespace, labels, limits } = held.instance;
  expect(seen.get(liar.uid)).toMatchObject({ claims: held.instance.claims, namespace, labels, limits });
  expect(seen.get("stranger")).toMatchObject({ claims, namespace: "other" });
});

test("Engine: a workload declared after the start does not wait for silent nodes", async () => {
  const first = await startEngine();
  first.node("a");
  await first.pass(300);
  await first.engine.close();

  const second = await startEngine(first.backend);
  const b = second.node("b");
  second.backend.put("wasmdeployments", deployment(1));
  await second.pass(300);
  expect(b.held.size).toBe(1);
});

test("Engine: a deleted workload's instances are stopped, acknowledged and gone", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  const object = backend.put("wasmdeployments", deployment(2));
  await pass(200);
  a.runAll();
  const uids = [...a.held.keys()];
  backend.remove("wasmdeployments", object);
  await pass(200);
  expect(new Set(a.stopped)).toEqual(new Set(uids));
  for (const uid of uids) a.report(uid, { phase: "Failed", ready: false, reason: "Stopped" });
  await pass(200);
  expect(new Set(a.acknowledged)).toEqual(new Set(uids));
  expect(instances()).toEqual([]);
});

test("Engine: the answer to a write of a status does not undo what the watch has brought meanwhile", async () => {
  const { backend, instances, node, pass } = await startEngine();
  const n1 = node("n1");
  backend.put("wasmdeployments", deployment(2));
  backend.holdAnswers = true;
  await pass(100);
  backend.put("wasmdeployments", deployment(5));
  await pass(100);
  expect(instances()).toHaveLength(5);
  backend.releaseWrites();
  n1.runAll();
  await pass(1_000);
  expect(instances()).toHaveLength(5);
  expect(n1.stopped).toEqual([]);
});

test("Engine: a job's result is counted only when its status is stored, and acknowledged when the job is deleted", async () => {
  const { backend, node, pass, states } = await startEngine();
  const a = node("a");
  const object = backend.put("wasmjobs", job());
  await pass(300);
  a.runAll();
  await pass(300);
  const [uid = ""] = a.held.keys();
  backend.holdWrites = true;
  a.report(uid, { phase: "Succeeded", ready: false, exitCode: 0, finishedMs: 2 });
  await pass(1_000);
  expect(a.acknowledged).toEqual([]);
  // The session is a new one, and the node names its result again.
  a.disconnect();
  a.connect();
  await pass(1_000);
  expect(a.acknowledged).toEqual([]);
  backend.releaseWrites();
  await pass(1_000);
  expect(states()).toEqual(["ended"]);
  expect(statusOf(backend, "wasmjobs", "work")).toMatchObject({ succeeded: 1, phase: "Complete" });
  backend.remove("wasmjobs", object);
  await pass(500);
  expect(a.acknowledged).toEqual([uid]);
  expect(states()).toEqual([]);
});

test("Engine: of jobs' ended instances the newest are kept to be looked at, the rest is acknowledged", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  backend.put("wasmjobs", job({ completions: 1_200, parallelism: 1_200 }));
  await pass(500);
  // The fake node holds 1,000 at once.
  for (let round = 0; round < 3; round++) {
    for (const [uid, { status }] of a.held) {
      if (status.phase === "Pending")
        a.report(uid, { phase: "Succeeded", ready: false, exitCode: 0, finishedMs: 2 });
    }
    await pass(500);
  }
  expect(statusOf(backend, "wasmjobs", "work")).toMatchObject({ succeeded: 1_200, phase: "Complete" });
  expect(instances()).toHaveLength(1_000);
  expect(a.acknowledged).toHaveLength(200);
});

test("Engine: a failed attempt is made again, and counted once however often it is reported", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("wasmjobs", job({ backoffLimit: 2 }));
  await pass(300);
  const [uid = ""] = a.held.keys();
  a.report(uid, { phase: "Failed", ready: false, exitCode: 1, finishedMs: 2 });
  a.report(uid, { phase: "Failed", ready: false, exitCode: 1, finishedMs: 2 });
  await pass(500);
  expect(statusOf(backend, "wasmjobs", "work")).toMatchObject({ failed: 1 });
  await pass(2_000);
  expect([...a.held.values()].map(({ status }) => status.phase)).toEqual(["Failed", "Pending"]);
});

test("Engine: what goes wrong with instances is an event of their workload, counted", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", deployment(2));
  await pass(200);
  for (const uid of a.held.keys()) {
    a.report(uid, { ready: false, reason: "CrashLoopBackOff", message: "trapped: unreachable", restarts: 1 });
    a.report(uid, { ready: false, reason: "CrashLoopBackOff", message: "trapped: unreachable", restarts: 2 });
  }
  await pass(2_000);
  const crash = eventsIn(backend).find((event) => event["reason"] === "CrashLoopBackOff");
  expect(crash).toMatchObject({
    type: "Warning",
    count: 4,
    involvedObject: { kind: "WasmDeployment", name: "app" },
  });
});

test.each([
  { reason: "Unhealthy", events: ["InstancesCreated", "Unhealthy"] },
  { reason: "NotReady", events: ["InstancesCreated"] },
  { reason: "Stopping", events: ["InstancesCreated"] },
])("Engine: of an instance that is not ready, $reason is told as $events", async ({ reason, events }) => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", deployment(1));
  await pass(200);
  for (const uid of a.held.keys()) a.report(uid, { ready: false, reason });
  await pass(2_000);
  const told = eventsIn(backend).filter(({ metadata }) => metadata.name.startsWith("app."));
  expect(told.map((event) => event["reason"])).toEqual(events);
  expect(statusOf(backend, "wasmdeployments", "app")).toMatchObject({ availableReplicas: 0, ready: "0/1" });
});

test("Engine: machines that a leader has given up hold up no later one, however many they are", async () => {
  const { backend, node, pass, engine } = await startEngine();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => node(name));
  backend.put("wasmdeployments", deployment(1));
  await pass(500);
  b?.disconnect();
  c?.disconnect();
  await pass(lostAfterMs + 1_000);
  const declared = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", "d");
  d?.disconnect();
  if (declared) backend.remove("wasmnodes", declared);
  await pass(1_000);
  await engine.close();

  const next = await startEngine(backend, 8);
  new FakeNode("a", next.engine.nodes, [...(a?.held.values() ?? [])]).connect();
  backend.put("wasmdeployments", deployment(3));
  await next.pass(1_000);
  expect(next.states()).toEqual(["bound", "bound", "bound"]);
});

test("Engine: watchers of instances see each change, and a resourceVersion that grows", async () => {
  const { backend, node, pass, engine } = await startEngine();
  const events: { kind: string; object: ApiObject }[] = [];
  engine.live.subscribe((event) => events.push(event));
  const a = node("a");
  backend.put("wasmdeployments", deployment(1));
  await pass(200);
  a.runAll();
  await pass(200);
  const phases = events.map(({ object }) => (object["status"] as { phase: string }).phase);
  expect(phases.at(-1)).toBe("Running");
  const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
  expect(versions).toEqual(versions.toSorted((x, y) => x - y));
});

test("Engine: a node object tells capacity and readiness, and is written on change only", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  await pass(500);
  const read = () => backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", "a");
  expect(read()?.["status"]).toMatchObject({
    phase: "Ready",
    allocatable: { cpu: "4", memory: "4Gi", instances: "1000" },
  });
  const version = read()?.metadata.resourceVersion;
  await pass(60_000);
  expect(read()?.metadata.resourceVersion).toBe(version);
  a.disconnect();
  await pass(500);
  expect(read()?.["status"]).toMatchObject({ phase: "NotReady" });
});
