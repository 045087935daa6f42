import { expect, test } from "vitest";
import { aCapacity } from "../core/testing/builders.ts";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, startEngine, statusOf } from "../testing/test-engine.ts";
import { stepsPerTurn } from "./step-backlog.ts";

const large = stepsPerTurn * 2 + 500;
const roomy = aCapacity({ instances: 100_000 });

async function aCluster() {
  const started = await startEngine();
  const node = new FakeNode("a", started.engine.nodes).connect({ capacity: roomy, allocatable: roomy });
  return { ...started, node };
}

/** Lets turns pass until `reached`: the first instances are made once their template is kept. */
async function turnsUntil(reached: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10 && !reached(); turn++)
    await new Promise<void>((resolve) => setImmediate(resolve));
}

test("Engine: many instances are made over several turns, each once", async () => {
  const { backend, instances, pass, node } = await aCluster();
  backend.put("wasmdeployments", deployment(large));
  await turnsUntil(() => instances().length > 0);
  expect(instances().length).toBeGreaterThan(0);
  expect(instances().length).toBeLessThanOrEqual(stepsPerTurn);
  await pass(300);
  expect(node.held.size).toBe(large);
  node.runAll();
  await pass(300);
  expect(instances()).toHaveLength(large);
  expect(statusOf(backend, "wasmdeployments", "app")).toMatchObject({ readyReplicas: large });
});

test("Engine: a change ends the making of what was wanted before", async () => {
  const { backend, instances, pass } = await aCluster();
  backend.put("wasmdeployments", deployment(large));
  await turnsUntil(() => instances().length > 0);
  backend.put("wasmdeployments", deployment(10));
  await pass(1_000);
  const left = instances().filter(({ state }) => state.kind === "bound" || state.kind === "pending");
  expect(left).toHaveLength(10);
});

test("Engine: a small workload does not wait for the making of a large one", async () => {
  const { backend, instances } = await aCluster();
  const larger = stepsPerTurn * 10;
  backend.put("wasmdeployments", deployment(larger));
  await turnsUntil(() => instances().length > 0);
  backend.put("wasmdeployments", { ...deployment(3), metadata: { name: "small", namespace: "default" } });
  const owners = () => instances().map(({ owner }) => owner.name);
  await turnsUntil(() => owners().includes("small"));
  expect(owners().filter((name) => name === "small")).toHaveLength(3);
  expect(owners().length).toBeLessThan(larger);
});

test("Engine: all instances of a deployment that is gone are stopped, and let go of once they have ended", async () => {
  const { backend, instances, pass, node } = await aCluster();
  const declared = backend.put("wasmdeployments", deployment(large));
  await pass(300);
  node.runAll();
  await pass(300);
  backend.remove("wasmdeployments", declared);
  await pass(300);
  expect(new Set(node.stopped).size).toBe(large);
  for (const uid of new Set(node.stopped))
    node.report(uid, { phase: "Failed", ready: false, reason: "Stopped", finishedMs: 2 });
  await pass(300);
  expect(instances()).toEqual([]);
  expect(node.held.size).toBe(0);
});

/** Of so many with five random characters each, some fourteen pairs would. */
test("Engine: instances of one workload never share a name", async () => {
  const { backend, instances, pass } = await aCluster();
  backend.put("wasmdeployments", deployment(20_000));
  await pass(500);
  expect(new Set(instances().map(({ name }) => name)).size).toBe(20_000);
});
