import { expect, test } from "vitest";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, startEngine } from "../testing/test-engine.ts";

test("Engine: an instance shows its class of service, what it asked for and got, and what it uses", async () => {
  const { backend, node, pass, engine } = await startEngine();
  const a = node("a");
  const limits = { cpu: "100m", memory: "16Mi" };
  backend.put("wasmdeployments", deployment(1, { resources: { limits } }));
  await pass(300);
  const [uid = ""] = a.held.keys();
  const [shown] = engine.live.list(undefined);
  expect(shown).toMatchObject({
    spec: { isolation: "process", priority: 0 },
    status: { qosClass: "Guaranteed" },
  });
  expect(shown?.["status"]).not.toHaveProperty("isolation");
  a.report(uid, { isolation: "process" });
  engine.nodes.usages(a, [
    { uid, cpuUs: 5, memoryBytes: 1_024, fuel: 2 ** 40, throttledUs: 1_500_000, ageMs: 0 },
  ]);
  await pass(100);
  expect(engine.live.list(undefined)[0]?.["status"]).toMatchObject({
    isolation: "process",
    usage: { cpu: "0m", memory: "1Ki", fuel: 2 ** 40, throttledSeconds: 1.5 },
  });
});

test("Engine: as many instances have a process of their own as the node allows, also for a new leader", async () => {
  const first = await startEngine();
  const a = first.node("a");
  first.backend.put("wasmdeployments", deployment(12, { isolation: "process" }));
  await first.pass(500);
  expect(a.held.size).toBe(10);
  await first.engine.close();

  const second = await startEngine(first.backend, 8);
  const again = new FakeNode("a", second.engine.nodes, [...a.held.values()]).connect();
  await second.pass(1_000);
  expect(again.held.size).toBe(10);
  expect(second.states().filter((kind) => kind === "pending")).toHaveLength(2);
});

test("Engine: once a node has found that a module needs a process, instances of it are placed for one", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", deployment(1));
  await pass(300);
  for (const uid of a.held.keys()) a.report(uid, { isolation: "process" });
  backend.put("wasmdeployments", deployment(13));
  await pass(300);
  expect(instances().map(({ isolation }) => isolation)).toEqual(["shared", ...Array(12).fill("process")]);
  // The first one has one of the ten, too.
  expect(a.held.size).toBe(10);
  backend.put("wasmdeployments", deployment(13, { args: ["another", "template"] }));
  await pass(300);
  const [newest] = instances().slice(-1);
  expect(newest?.isolation).toBe("shared");
});
