import { expect, test } from "vitest";
import { FakeNode } from "../testing/fake-node.ts";
import { startCompetition } from "../testing/competing-workloads.ts";
import { daemonSet, lostAfterMs, startEngine, statusOf } from "../testing/test-engine.ts";
import type { FakeBackend } from "../testing/fake-backend.ts";

const anything = { tolerations: [{ operator: "Exists" }] };
const whole = { resources: { requests: { cpu: "4" } } };

function declared(backend: FakeBackend, name: string) {
  const found = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", name);
  if (!found) throw new Error(`there is no node ${name}`);
  return found;
}

function editNode(backend: FakeBackend, name: string, spec: object, labels?: Record<string, string>): void {
  const node = declared(backend, name);
  const before = node["spec"] as Record<string, unknown>;
  backend.put("wasmnodes", {
    ...node,
    metadata: { ...node.metadata, ...(labels ? { labels } : {}) },
    spec: { ...before, ...spec },
  });
}

/** By node, how many instances it holds. */
function counts(nodes: readonly FakeNode[]): Readonly<Record<string, number>> {
  return Object.fromEntries(nodes.map(({ nodeName, held }) => [nodeName, held.size]));
}

const status = (backend: FakeBackend) => statusOf(backend, "wasmdaemonsets", "agent");

test("Engine: a daemon set has one instance on each node, also on those that come later or are cordoned", async () => {
  const { backend, node, pass } = await startEngine();
  const nodes = [node("a"), node("b")];
  await pass(200);
  editNode(backend, "b", { unschedulable: true });
  backend.put("wasmdaemonsets", daemonSet());
  await pass(200);
  nodes.push(node("c"));
  await pass(200);
  expect(counts(nodes)).toEqual({ a: 1, b: 1, c: 1 });
  for (const one of nodes) one.runAll();
  await pass(200);
  expect(status(backend)).toMatchObject({
    desiredNumberScheduled: 3,
    currentNumberScheduled: 3,
    numberAvailable: 3,
    conditions: [{ type: "Ready", status: "True" }],
  });
});

test("Engine: labels and taints of nodes decide, when they change, too", async () => {
  const { backend, node, pass } = await startEngine();
  const nodes = ["a", "b"].map(node);
  backend.put("wasmdaemonsets", daemonSet({ nodeSelector: { disk: "ssd" } }));
  await pass(200);
  expect(counts(nodes)).toEqual({ a: 0, b: 0 });
  editNode(backend, "a", {}, { disk: "ssd" });
  await pass(200);
  expect(counts(nodes)).toEqual({ a: 1, b: 0 });
  nodes[0]?.runAll();
  editNode(backend, "a", { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] });
  await pass(200);
  expect(nodes[0]?.stopped).toEqual([]);
  expect(status(backend)).toMatchObject({ desiredNumberScheduled: 0, numberMisscheduled: 1 });
  editNode(backend, "a", { taints: [] }, { disk: "hdd" });
  await pass(200);
  nodes[0]?.endStopped();
  await pass(200);
  expect(counts(nodes)).toEqual({ a: 0, b: 0 });
});

test("Engine: a lost node's instance is kept when it comes back, and there is exactly one", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const [a] = ["a", "b", "c"].map(node);
  backend.put("wasmdaemonsets", daemonSet());
  await pass(200);
  const uid = instances().find(({ targetNode }) => targetNode === "a")?.uid;
  a?.runAll();
  a?.disconnect();
  await pass(1_000);
  expect(instances().length).toBe(3);
  await pass(2 * lostAfterMs);
  expect(instances().length).toBe(2);
  expect(status(backend)).toMatchObject({ desiredNumberScheduled: 3, currentNumberScheduled: 2 });
  a?.connect();
  await pass(500);
  expect(instances().length).toBe(3);
  expect(instances().some((one) => one.uid === uid)).toBe(true);
  expect(a?.held.size).toBe(1);
});

test("Engine: a deleted node's daemon that still runs comes back with its instance", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const a = node("a");
  backend.put("wasmdaemonsets", daemonSet());
  await pass(200);
  a.runAll();
  const [before] = instances();
  backend.remove("wasmnodes", declared(backend, "a"));
  expect(a.closed).toBe("the WasmNode object was deleted");
  a.disconnect();
  await pass(200);
  expect(instances()).toEqual([]);
  a.connect();
  await pass(500);
  expect(instances().map(({ uid }) => uid)).toEqual([before?.uid]);
  expect(a.held.size).toBe(1);
});

test("Engine: a new leader takes what nodes hold, and makes nothing beside it", async () => {
  const first = await startEngine();
  const nodes = ["a", "b"].map(first.node);
  first.backend.put("wasmdaemonsets", daemonSet());
  await first.pass(200);
  for (const one of nodes) one.runAll();
  await first.pass(200);
  await first.engine.close();

  const second = await startEngine(first.backend, 8);
  const again = nodes.map(({ nodeName, held }) =>
    new FakeNode(nodeName, second.engine.nodes, [...held.values()]).connect(),
  );
  await second.pass(1_000);
  expect(second.states()).toEqual(["bound", "bound"]);
  expect(counts(again)).toEqual({ a: 1, b: 1 });
});

test("Engine: what a node lost of what a leader of before gave it may have no other node", async () => {
  const first = await startEngine();
  const a = first.node("a");
  first.backend.put("wasmdaemonsets", daemonSet());
  await first.pass(200);
  a.runAll();
  await first.engine.close();

  const second = await startEngine(first.backend, 8);
  const again = new FakeNode("a", second.engine.nodes, [...a.held.values()]).connect();
  await second.pass(200);
  const b = second.node("b");
  await second.pass(200);
  again.held.clear();
  again.disconnect();
  again.connect();
  await second.pass(500);
  expect(counts([again, b])).toEqual({ a: 1, b: 1 });
  expect(second.instances().length).toBe(2);
});

test("Engine: an update goes from node to node, with one of them unavailable at most", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const nodes = ["a", "b", "c"].map(node);
  backend.put("wasmdaemonsets", daemonSet());
  await pass(200);
  for (const one of nodes) one.runAll();
  await pass(200);
  const old = instances()[0]?.templateHash;
  backend.put("wasmdaemonsets", daemonSet({ args: ["new"] }));
  let least = 3;
  for (let round = 0; round < 12; round++) {
    await pass(100);
    const serving = instances().filter(({ state }) => state.kind === "bound" && state.observed?.ready);
    least = Math.min(least, serving.length);
    for (const one of nodes) {
      one.endStopped();
      one.runAll();
    }
  }
  expect(least).toBe(2);
  expect(instances().length).toBe(3);
  expect(instances().every(({ templateHash }) => templateHash !== old)).toBe(true);
  expect(status(backend)).toMatchObject({ updatedNumberScheduled: 3, numberAvailable: 3, revision: 2 });
});

test("Engine: one without room on its node waits for that node, says so, and gets its place when there is room", async () => {
  const { backend, node, pass, deploy, places, messages, remove } = await startCompetition();
  const nodes = [node("a", 4), node("b", 4)];
  deploy("low", 1, "low", 2);
  await pass(200);
  const taken = nodes.find(({ held }) => held.size > 0)?.nodeName ?? "";
  backend.put("wasmdaemonsets", daemonSet(whole));
  await pass(200);
  const other = taken === "a" ? "b" : "a";
  expect(places()["agent"]).toEqual([other, "pending"]);
  expect(messages("agent")[0]).toMatch(new RegExp(`^Unschedulable: node ${taken}: .*\\[resources-fit\\]$`));
  // More room elsewhere is none for it.
  node("c", 4);
  await pass(2_000);
  expect(places()["agent"]).toEqual([other, "c", "pending"].toSorted());
  remove("wasmdeployments", "low");
  await pass(200);
  for (const one of nodes) one.endStopped();
  await pass(12_000);
  expect(places()["agent"]).toEqual(["a", "b", "c"]);
});

test("Engine: one of a higher priority makes room on its own node, and on no other", async () => {
  const { backend, node, pass, deploy, places } = await startCompetition();
  const nodes = [node("a", 2), node("b", 2)];
  deploy("low", 4);
  await pass(300);
  for (const one of nodes) one.runAll();
  editNode(backend, "a", {}, { disk: "ssd" });
  const wants = { resources: { requests: { cpu: "1" } }, nodeSelector: { disk: "ssd" } };
  backend.put("wasmdaemonsets", daemonSet({ ...wants, priorityClassName: "high" }));
  await pass(300);
  expect(places()["agent"]).toEqual(["nominated for a"]);
  expect(places()["low"]).toEqual(["a", "b", "b", "pending", "stopping on a"]);
  for (const one of nodes) one.endStopped();
  await pass(300);
  expect(places()["agent"]).toEqual(["a"]);
});

test("Engine: one that gave way to a higher priority waits for its node", async () => {
  const { backend, node, pass, deploy, places } = await startCompetition();
  const a = node("a", 1);
  const resources = { requests: { cpu: "1" } };
  backend.put("wasmdaemonsets", daemonSet({ resources, priorityClassName: "low" }));
  await pass(300);
  a.runAll();
  deploy("high", 1, "high");
  await pass(300);
  a.endStopped();
  await pass(500);
  expect(places()).toEqual({ agent: ["pending"], high: ["a"] });
});

test("Engine: rules about other instances hold for it, too, and what happens on other nodes may end them", async () => {
  const { backend, node, pass, instances, engine } = await startEngine();
  const nodes = ["a", "b"].map(node);
  const near = {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: "kubernetes.io/os", labelSelector: { matchLabels: { app: "db" } } },
    ],
  };
  for (const name of ["a", "b"]) editNode(backend, name, {}, { "kubernetes.io/os": "linux" });
  backend.put("wasmdaemonsets", daemonSet({ affinity: { instanceAffinity: near } }));
  await pass(200);
  expect(counts(nodes)).toEqual({ a: 0, b: 0 });
  const [waiting] = instances();
  expect(waiting?.state.kind === "pending" && waiting.state.message).toMatch(
    /^node .: .*\[instance-affinity\]$/,
  );
  expect(waiting && engine.explain(waiting, 10).status?.nodes).toMatchObject({ total: 1, feasible: 0 });
  const db = daemonSet({ nodeSelector: { "kubernetes.io/hostname": "b" } });
  const template = { ...db.spec.template, metadata: { labels: { app: "db" } } };
  backend.put("wasmdaemonsets", {
    ...db,
    metadata: { ...db.metadata, name: "db" },
    spec: { ...db.spec, template },
  });
  await pass(12_000);
  expect(counts(nodes)).toEqual({ a: 1, b: 2 });
});

test("Engine: explain knows the only node that will do", async () => {
  const { backend, node, pass, instances, engine } = await startEngine();
  const [a] = ["a", "b", "c"].map(node);
  backend.put("wasmdaemonsets", daemonSet({ ...anything }));
  await pass(200);
  a?.runAll();
  const [first] = instances();
  if (!first) throw new Error("there is none");
  const { status: explained } = engine.explain(first, 10);
  expect(explained?.nodes).toMatchObject({ total: 1, feasible: 1 });
  expect(explained?.decision).toMatchObject({ feasibleNodes: 1, nodes: 1 });
  expect(explained?.message).toBe(`it is on ${first.targetNode}, the best place for it now`);
});
