/** Two daemons that call themselves one node: a machine that was cloned, or one that started again unnoticed. */
import { expect, test } from "vitest";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, startEngine } from "../testing/test-engine.ts";

test("NodeBook: a second daemon of one name is refused while the first has a session, and told why", async () => {
  const { backend, engine, node, pass, instances } = await startEngine();
  const first = node("n1");
  backend.put("wasmdeployments", deployment(2));
  await pass(200);
  const second = new FakeNode("n1", engine.nodes).connect({ bootId: "another" });
  expect(second.refused).toMatch(/open session as node n1/);
  await pass(200);
  expect(first.closed).toBeUndefined();
  expect(first.held.size).toBe(2);
  expect(instances().map(({ state }) => state.kind)).toEqual(["bound", "bound"]);
});

test("NodeBook: what a first daemon was given is given to nobody else under its uid when a second one comes", async () => {
  const { backend, engine, node, pass, instances } = await startEngine();
  const first = node("n1");
  backend.put("wasmdeployments", deployment(1));
  await pass(200);
  const [uid] = first.held.keys();
  first.disconnect();
  const second = new FakeNode("n1", engine.nodes).connect({ bootId: "another" });
  expect(second.refused).toBeUndefined();
  await pass(1_000);
  expect(instances()).toHaveLength(1);
  expect([...second.held.keys()]).not.toContain(uid);
});

test("NodeBook: the same daemon may come again at once, and gets again what was lost on the way", async () => {
  const { backend, engine, node, pass } = await startEngine();
  const first = node("n1");
  backend.put("wasmdeployments", deployment(1));
  await pass(200);
  const again = new FakeNode("n1", engine.nodes).connect();
  expect(first.closed).toMatch(/newer session/);
  await pass(1_000);
  expect([...again.held.keys()]).toEqual([...first.held.keys()]);
});
