import { expect, test } from "vitest";
import type { FakeBackend } from "../testing/fake-backend.ts";
import { deployment, eventsIn, job, lostAfterMs, startEngine, statusOf } from "../testing/test-engine.ts";

const nodeObject = (backend: FakeBackend, name: string) =>
  backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", name);

test("Engine: a node's conditions stand beside Ready, and are Unknown while it is away", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  a.say({ MemoryPressure: true, Confinement: false });
  await pass(500);
  expect(nodeObject(backend, "a")?.["status"]).toMatchObject({
    allocatable: { processes: "10" },
    conditions: [
      { type: "Ready", status: "True" },
      {
        type: "MemoryPressure",
        status: "True",
        reason: "MemoryPressureBegun",
        lastTransitionTime: "1970-01-01T00:00:01Z",
      },
      { type: "Confinement", status: "False", reason: "ConfinementOver" },
    ],
  });
  a.disconnect();
  await pass(500);
  const away = [
    { type: "Ready", status: "Unknown" },
    { type: "MemoryPressure", status: "Unknown", reason: "NodeStatusUnknown" },
    { type: "Confinement", status: "Unknown", reason: "NodeStatusUnknown" },
  ];
  expect(nodeObject(backend, "a")?.["status"]).toMatchObject({ conditions: away });
  const version = nodeObject(backend, "a")?.metadata.resourceVersion;
  await pass(1_000);
  expect(nodeObject(backend, "a")?.metadata.resourceVersion).toBe(version);
});

test("Engine: a node that comes, goes or runs short is told as its events, other conditions are not", async () => {
  const first = await startEngine();
  const { backend, pass } = first;
  const a = first.node("a");
  await pass(500);
  a.say({ MemoryPressure: false, DiskPressure: true, Confinement: true });
  await pass(500);
  a.say({ MemoryPressure: true, DiskPressure: false });
  await pass(500);
  a.disconnect();
  await pass(2_000);
  const seen = () =>
    eventsIn(backend).map(({ metadata, involvedObject, type, reason, count }) => {
      expect({ namespace: metadata.namespace, involvedObject }).toEqual({
        namespace: "default",
        involvedObject: about,
      });
      return `${String(type)} ${String(reason)} ${String(count)}`;
    });
  const { uid } = nodeObject(backend, "a")!.metadata;
  const about = { apiVersion: "wherry.dev/v1alpha1", kind: "WasmNode", name: "a", uid };
  const told = [
    "Normal NodeReady 1",
    "Warning DiskPressureBegun 1",
    "Warning MemoryPressureBegun 1",
    "Normal DiskPressureOver 1",
    "Warning NodeNotReady 1",
  ];
  expect(seen()).toEqual(told);
  await first.engine.close();

  const second = await startEngine(backend);
  await second.pass(2_000);
  expect(seen()).toEqual(told);
  await second.pass(lostAfterMs);
  expect(seen()).toEqual([...told, "Warning NodeLost 1"]);
});

test("Engine: memory pressure keeps BestEffort instances away until it is over, and lets others in", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  a.say({ MemoryPressure: true });
  backend.put("wasmdeployments", deployment(1));
  const burstable = deployment(1, { resources: { requests: { cpu: "1m" } } });
  backend.put("wasmdeployments", { ...burstable, metadata: { name: "rich", namespace: "default" } });
  await pass(300);
  expect([...a.held.values()].map(({ instance }) => instance.owner.name)).toEqual(["rich"]);
  expect(instances().find(({ state }) => state.kind === "pending")?.state).toMatchObject({
    message: expect.stringContaining("a: memory pressure: MemoryPressure is true [node-pressure]"),
  });
  a.say({ MemoryPressure: false });
  await pass(1_000);
  expect(a.held.size).toBe(2);
});

test("Engine: what a node evicted is replaced elsewhere, or waits until the pressure is over", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", deployment(1, { resources: { requests: { cpu: "1m" } } }));
  await pass(300);
  a.runAll();
  await pass(10_000);
  a.say({ MemoryPressure: true });
  const [uid = ""] = a.held.keys();
  a.report(uid, { phase: "Failed", ready: false, reason: "Evicted", message: "the node is short of memory" });
  await pass(6_000);
  expect(a.acknowledged).toEqual([uid]);
  expect(a.held.size).toBe(0);
  expect(eventsIn(backend).find(({ reason }) => reason === "Evicted")).toMatchObject({
    type: "Warning",
    involvedObject: { kind: "WasmDeployment", name: "app" },
  });
  a.say({ MemoryPressure: false });
  await pass(1_000);
  expect(a.held.size).toBe(1);
});

test("Engine: an eviction is no failure of a job", async () => {
  const { backend, node, pass } = await startEngine();
  const a = node("a");
  backend.put("wasmjobs", job({ backoffLimit: 0 }));
  await pass(300);
  const [uid = ""] = a.held.keys();
  a.report(uid, { phase: "Failed", ready: false, reason: "Evicted", finishedMs: 2 });
  await pass(3_000);
  expect(statusOf(backend, "wasmjobs", "work")).toMatchObject({ failed: 0, phase: "Running" });
  expect([...a.held.values()].map(({ instance }) => instance.slot)).toContainEqual({ index: 0, attempt: 1 });
});
