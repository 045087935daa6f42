import { expect, test } from "vitest";
import type { WasmDisruptionBudgetSpec } from "../../../api/gen/kinds.gen.ts";
import { FakeBackend } from "../../testing/fake-backend.ts";
import { FakeNode } from "../../testing/fake-node.ts";
import { deployment, eventsIn, job, startEngine, statusOf } from "../../testing/test-engine.ts";

function budget(spec: Partial<WasmDisruptionBudgetSpec>, name = "b") {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDisruptionBudget",
    metadata: { name, namespace: "default" },
    spec: { selector: {}, unhealthyInstanceEvictionPolicy: "IfHealthyBudget", ...spec },
  };
}

function cordoned(name: string, unschedulable = true) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmNode",
    metadata: { name, labels: { "kubernetes.io/hostname": name } },
    spec: { unschedulable, taints: [] },
  };
}

/** A deployment that may have one more than it wants (or none), running on nodes a and b. */
async function startRunning(replicas: number, maxSurge: number, backend = new FakeBackend()) {
  const started = await startEngine(backend);
  const { node, pass, instances, engine } = started;
  const nodes = [node("a"), node("b")];
  await pass(300);
  const object = deployment(replicas);
  const rollingUpdate = { maxSurge, maxUnavailable: maxSurge === 0 ? 1 : 0 };
  backend.put("wasmdeployments", {
    ...object,
    spec: { ...object.spec, strategy: { type: "RollingUpdate", rollingUpdate } },
  });
  await pass(300);
  for (const one of nodes) one.runAll();
  await pass(300);
  const evict = (uid: string, dryRun = false) => {
    const instance = instances().find((one) => one.uid === uid);
    if (!instance) throw new Error(`no instance ${uid}`);
    return engine.requestEviction(instance, { graceMs: undefined, dryRun });
  };
  const allowed = () => statusOf(backend, "wasmdisruptionbudgets", "b")["disruptionsAllowed"];
  return { ...started, nodes, evict, allowed };
}

function stoppedOn(nodes: readonly FakeNode[]): readonly string[] {
  return nodes.flatMap(({ stopped }) => stopped);
}

test("BudgetKeeper: the status says what may be stopped, and why", async () => {
  const { backend, pass, nodes, instances } = await startRunning(3, 0);
  backend.put("wasmdisruptionbudgets", budget({ minAvailable: 2 }));
  await pass(500);
  const status = () => statusOf(backend, "wasmdisruptionbudgets", "b");
  expect(status()).toMatchObject({
    observedGeneration: 1,
    disruptionsAllowed: 1,
    currentHealthy: 3,
    desiredHealthy: 2,
    expectedInstances: 3,
    conditions: [{ type: "DisruptionAllowed", status: "True", reason: "SufficientInstances" }],
  });
  const uid = instances()[0]?.uid ?? "";
  for (const one of nodes) if (one.held.has(uid)) one.report(uid, { ready: false });
  await pass(500);
  expect(status()).toMatchObject({
    disruptionsAllowed: 0,
    currentHealthy: 2,
    conditions: [{ status: "False", reason: "InsufficientInstances" }],
  });
  backend.put("wasmdisruptionbudgets", budget({ minAvailable: 3 }));
  await pass(500);
  expect(status()).toMatchObject({
    observedGeneration: 2,
    conditions: [{ status: "False", reason: "NeverAllowed", message: expect.stringContaining("drains") }],
  });
});

test("Evictions: without room for one more it is stopped if the budgets allow it, else refused with the budget's numbers", async () => {
  const { backend, pass, nodes, instances, evict } = await startRunning(3, 0);
  backend.put("wasmdisruptionbudgets", budget({ minAvailable: 2 }));
  await pass(300);
  const [first = "", second = ""] = instances().map(({ uid }) => uid);
  expect(evict(first, true)).toEqual({ kind: "evicted" });
  expect(stoppedOn(nodes)).toEqual([]);
  expect(evict(first)).toEqual({ kind: "evicted" });
  // In the same turn: what is told to stop counts no more.
  const message =
    "disruption budget default/b (minAvailable 2) needs 2 healthy instances, and there are 2 now";
  expect(evict(second)).toEqual({ kind: "refused", budgets: [{ name: "b", message }] });
  expect(evict(first)).toEqual({ kind: "evicted" });
  expect(stoppedOn(nodes)).toEqual([first]);
  const reasons = nodes.map(({ stopReasons }) => stopReasons.get(first)?.reason);
  expect(reasons).toContain("Eviction");
  await pass(1_500);
  expect(eventsIn(backend).map(({ reason }) => reason)).toContain("Eviction");
});

test("Evictions: with room for one more it is only to go, and asking again changes nothing", async () => {
  const { pass, nodes, instances, evict } = await startRunning(2, 1);
  const [uid = ""] = instances().map((one) => one.uid);
  expect(evict(uid, true)).toMatchObject({ kind: "leaving" });
  expect(instances().find((one) => one.uid === uid)?.leaving).toBeUndefined();
  for (let asked = 0; asked < 2; asked++) expect(evict(uid)).toMatchObject({ kind: "leaving" });
  expect(instances().find((one) => one.uid === uid)?.leaving).toMatch(/evicted from node/);
  expect(stoppedOn(nodes)).toEqual([]);
  await pass(100);
});

test("Evictions: what should go may stay when its node takes instances again", async () => {
  const { backend, pass, instances, evict } = await startRunning(2, 1);
  const leaving = () => instances().filter((one) => one.leaving !== undefined).length;
  const [first] = instances();
  if (first?.state.kind !== "bound") throw new Error("it is not running");
  const { nodeName } = first.state;
  evict(first.uid);
  expect(leaving()).toBe(1);
  backend.put("wasmnodes", cordoned(nodeName, false));
  await pass(100);
  // It was not cordoned: nothing of this node has changed.
  expect(leaving()).toBe(1);
  backend.put("wasmnodes", cordoned(nodeName));
  evict(first.uid);
  backend.put("wasmnodes", cordoned(nodeName, false));
  expect(leaving()).toBe(0);
});

test("Evictions: a job's instance is stopped, and the attempt counts no failure", async () => {
  const { backend, node, pass, instances, engine } = await startEngine();
  const only = node("a");
  await pass(300);
  backend.put("wasmjobs", job({ backoffLimit: 0 }));
  await pass(300);
  only.runAll();
  await pass(300);
  const [instance] = instances();
  if (!instance) throw new Error("it has no instance");
  expect(engine.requestEviction(instance, { graceMs: 0, dryRun: false })).toEqual({ kind: "evicted" });
  only.endStopped();
  await pass(1_000);
  expect(statusOf(backend, "wasmjobs", "work")["failed"] ?? 0).toBe(0);
  expect(instances().map(({ slot, state }) => [slot?.attempt, state.kind])).toContainEqual([1, "bound"]);
});

test("Evictions: after a new leader nothing is allowed until all nodes have reported", async () => {
  const backend = new FakeBackend();
  const { engine: before, nodes, pass: passBefore } = await startRunning(2, 0, backend);
  backend.put("wasmdisruptionbudgets", budget({ minAvailable: 1 }));
  await passBefore(1_000);
  await before.close();
  const { engine, instances, pass } = await startEngine(backend, 8);
  const status = () => statusOf(backend, "wasmdisruptionbudgets", "b");
  await pass(500);
  expect(status()).toMatchObject({
    disruptionsAllowed: 0,
    currentHealthy: 2,
    conditions: [{ reason: "NodesUnreported" }],
  });
  const [a, b] = nodes;
  if (!a || !b) throw new Error("there are two");
  new FakeNode("a", engine.nodes, [...a.held.values()]).connect();
  await pass(500);
  const [first] = instances();
  if (first) expect(engine.requestEviction(first, { graceMs: 0, dryRun: true }).kind).toBe("refused");
  new FakeNode("b", engine.nodes, [...b.held.values()]).connect();
  await pass(500);
  expect(status()).toMatchObject({ disruptionsAllowed: 1, currentHealthy: 2 });
});
