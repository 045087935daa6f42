import { expect, test } from "vitest";
import type { InstanceExplanation, InstanceExplanationStatus } from "../../api/gen/kinds.gen.ts";
import { aResourceQuota } from "../core/testing/builders.ts";
import type { Instance } from "../core/model.ts";
import { startCompetition } from "../testing/competing-workloads.ts";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, startEngine } from "../testing/test-engine.ts";
import type { Engine } from "./engine.ts";

function statusOf({ status }: InstanceExplanation): InstanceExplanationStatus {
  if (!status) throw new Error("the explanation has no status");
  return status;
}

function explain(engine: Engine, instance: Instance | undefined): InstanceExplanationStatus {
  if (!instance) throw new Error("there is no such instance");
  return statusOf(engine.explain(instance, 10));
}

const half = { requests: { cpu: "2", memory: "1Gi" } };

test("explain: a placed instance has the decision as it was, whatever has changed since", async () => {
  const { backend, engine, node, pass, instances } = await startEngine();
  node("a");
  node("b");
  backend.put("wasmdeployments", deployment(1, { resources: half }));
  await pass(200);
  const [first] = instances();
  const other = deployment(3, { resources: half });
  backend.put("wasmdeployments", { ...other, metadata: { ...other.metadata, name: "other" } });
  await pass(200);
  const { decision, nodeName, phase } = explain(engine, first);
  expect(phase).toBe("Placed");
  expect(decision).toMatchObject({ profile: "default", nodeName, feasibleNodes: 2, nodes: 2 });
  expect(decision?.runnerUp?.nodeName).toBe(nodeName === "a" ? "b" : "a");
  const points = decision?.scores.reduce((sum, { score, weight }) => sum + score * weight, 0);
  expect(points).toBeCloseTo(decision?.score ?? 0);
  expect(decision?.scores.find(({ plugin }) => plugin === "owner-spread")?.score).toBe(100);
});

test("explain: the nodes of now are judged as if the instance were not there", async () => {
  const { backend, engine, node, pass, instances } = await startEngine();
  node("a");
  const labels = { app: "web" };
  const apart = {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: labels } },
    ],
  };
  const object = deployment(2, {
    resources: { requests: { cpu: "4" } },
    affinity: { instanceAntiAffinity: apart },
  });
  const template = { metadata: { labels }, ...object.spec.template };
  backend.put("wasmdeployments", { ...object, spec: { ...object.spec, template } });
  await pass(200);
  const placed = instances().find(({ state }) => state.kind === "bound");
  const waiting = instances().find(({ state }) => state.kind === "pending");
  expect(explain(engine, placed).nodes).toMatchObject({ feasible: 1, best: [{ nodeName: "a", rank: 1 }] });
  expect(explain(engine, waiting).nodes).toMatchObject({
    feasible: 0,
    refused: [
      {
        rules: ["insufficient cpu", "node(s) didn't satisfy existing instances' anti-affinity rules"],
        nodes: [{ nodeName: "a" }],
      },
    ],
  });
});

test("explain: a pending instance says since when, for what, and with how many it waits", async () => {
  const { backend, engine, node, pass, instances } = await startEngine();
  node("a");
  backend.put("wasmdeployments", deployment(3, { resources: { requests: { cpu: "8" } } }));
  await pass(1_000);
  const { message, waiting, nodes, obstacles } = explain(engine, instances()[0]);
  expect(message).toBe("0/1 nodes are available: 1 insufficient cpu.");
  expect(waiting).toMatchObject({
    state: "Unschedulable",
    attempts: 1,
    alike: 3,
    waitsFor: ["the end of an instance on a node", "a change of a node", "a new node"],
  });
  expect(obstacles).toEqual([]);
  expect(nodes.refused[0]?.nodes[0]?.reasons[0]?.remedy).toBe(
    "never fits as it is: the node has 4000m in all; would fit with requests.cpu of at most 4000m",
  );
});

test.each([
  {
    name: "a quota that is used up",
    hard: { "requests.cpu": "1" },
    message: "exceeded quota: q, requested: requests.cpu=2, used: requests.cpu=0, limited: requests.cpu=1",
    remedy:
      "frees up when instances of the namespace end; or lower what the template asks for, or raise the quota",
  },
  {
    name: "a quota of what the template leaves open",
    hard: { "limits.cpu": "1" },
    message: "failed quota: q: must specify limits.cpu for: app",
    remedy: "say limits.cpu in the template's resources",
  },
])("explain: $name is the obstacle, with its remedy", async ({ hard, message, remedy }) => {
  const { backend, engine, node, pass, instances } = await startEngine();
  node("a");
  backend.put("resourcequotas", aResourceQuota("q", hard));
  backend.put("wasmdeployments", deployment(1, { resources: half }));
  await pass(200);
  const status = explain(engine, instances()[0]);
  expect(status.obstacles).toEqual([{ rule: "resource-quota", message, remedy }]);
  expect(status.message).toBe(message);
  expect(status.nodes.feasible).toBe(1);
  expect(status.waiting?.waitsFor).toEqual([
    "the end of an instance of the namespace",
    "a change of its quotas",
  ]);
});

test("explain: a missing ConfigMap is the obstacle, and what it waits for", async () => {
  const { backend, engine, node, pass, instances } = await startEngine();
  node("a");
  const env = [{ name: "LEVEL", valueFrom: { configMapKeyRef: { name: "settings", key: "level" } } }];
  backend.put("wasmdeployments", deployment(1, { env }));
  await pass(200);
  const { waiting, obstacles } = explain(engine, instances()[0]);
  expect(waiting).toMatchObject({ state: "Parked", waitsFor: ["a change of what its template refers to"] });
  expect(obstacles[0]?.message).toContain("settings");
});

test("explain: a nominated instance says which node makes room for it, and for whom it waits", async () => {
  const { node, engine, deploy, pass } = await startCompetition();
  const a = node("a", 2);
  deploy("low", 2);
  await pass(300);
  a.runAll();
  deploy("high", 1, "high");
  await pass(300);
  const high = [...engine.instances(undefined)].find(({ owner }) => owner.name === "high");
  const status = explain(engine, high);
  expect(status).toMatchObject({
    phase: "Pending",
    nominatedNodeName: "a",
    message: "preempting 1 instance of WasmDeployment default/low (priority 10), on node a",
    waiting: { state: "Nominated", waitsFor: ["the room that is reserved on a", "another node"] },
    obstacles: [],
  });
});

test("explain: an instance that a node brought along has no decision, and of another node's decision nothing is told", async () => {
  const { backend, engine, node, pass, instances } = await startEngine();
  const a = node("a");
  backend.put("wasmdeployments", deployment(1));
  await pass(200);
  const [known] = instances();
  const next = await startEngine(backend, 8);
  new FakeNode("a", next.engine.nodes, [...a.held.values()]).connect();
  await next.pass(200);
  const adopted = next.instances().find(({ uid }) => uid === known?.uid);
  expect(explain(next.engine, adopted)).toMatchObject({ phase: "Placed", nodeName: "a" });
  expect(explain(next.engine, adopted).decision).toBeUndefined();
  await engine.close();
});
