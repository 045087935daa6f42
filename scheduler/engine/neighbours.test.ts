/** Instances that wait for others, through the whole engine: each wakes by the event that helps it, and by nothing else. */
import { expect, test } from "vitest";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, startEngine } from "../testing/test-engine.ts";

const hostKey = "kubernetes.io/hostname";

function anApp(
  name: string,
  replicas: number,
  spec: Record<string, unknown>,
  labels?: Record<string, string>,
) {
  const made = deployment(replicas, spec);
  const template = { ...made.spec.template, metadata: { labels: { app: name, ...labels } } };
  return { ...made, metadata: { ...made.metadata, name }, spec: { ...made.spec, template } };
}

const term = (app: string, extra: Record<string, unknown> = {}) => ({
  topologyKey: hostKey,
  labelSelector: { matchLabels: { app } },
  ...extra,
});
const required = (...terms: readonly unknown[]) => ({
  requiredDuringSchedulingIgnoredDuringExecution: terms,
});

type Started = Awaited<ReturnType<typeof startEngine>>;

const byApp = ({ instances }: Started, app: string) =>
  instances().filter(({ labels }) => labels["app"] === app);
const nodesOf = (started: Started, app: string) =>
  byApp(started, app).map(({ state }) => (state.kind === "pending" ? "" : state.nodeName));

test("affinity: waits until the other one is somewhere, then goes there", async () => {
  const started = await startEngine();
  started.node("n1");
  started.node("n2");
  const near = { affinity: { instanceAffinity: required(term("store")) } };
  started.backend.put("wasmdeployments", anApp("web", 1, near));
  await started.pass(200);
  expect(byApp(started, "web")).toMatchObject([
    { state: { kind: "pending", message: expect.stringContaining("didn't match instance affinity rules") } },
  ]);
  started.backend.put("wasmdeployments", anApp("store", 1, {}));
  await started.pass(1_000);
  expect(nodesOf(started, "web")).toEqual(nodesOf(started, "store"));
});

test("anti-affinity: waits until the other one is gone, whichever of them asked", async () => {
  const started = await startEngine();
  const node = started.node("n1");
  const apart = { affinity: { instanceAntiAffinity: required(term("web")) } };
  const declared = started.backend.put("wasmdeployments", anApp("lonely", 1, apart));
  await started.pass(200);
  started.backend.put("wasmdeployments", anApp("web", 1, {}));
  await started.pass(1_000);
  expect(nodesOf(started, "lonely")).toEqual(["n1"]);
  expect(byApp(started, "web")).toMatchObject([
    {
      state: { kind: "pending", message: expect.stringContaining("existing instances' anti-affinity rules") },
    },
  ]);
  const [lonely] = byApp(started, "lonely");
  started.backend.remove("wasmdeployments", declared);
  await started.pass(200);
  node.report(lonely?.uid ?? "", { phase: "Failed", ready: false, reason: "Stopped" });
  await started.pass(1_000);
  expect(nodesOf(started, "web")).toEqual(["n1"]);
});

test("anti-affinity with itself: one per host, and a new host takes the next", async () => {
  const started = await startEngine();
  started.node("n1");
  started.node("n2");
  const apart = { affinity: { instanceAntiAffinity: required(term("web")) } };
  started.backend.put("wasmdeployments", anApp("web", 3, apart));
  await started.pass(500);
  expect(nodesOf(started, "web").toSorted()).toEqual(["", "n1", "n2"]);
  started.node("n3");
  await started.pass(1_000);
  expect(nodesOf(started, "web").toSorted()).toEqual(["n1", "n2", "n3"]);
});

test("affinity to a namespace by its labels: a label lets it through", async () => {
  const started = await startEngine();
  started.node("n1");
  const near = {
    affinity: {
      instanceAffinity: required(term("store", { namespaceSelector: { matchLabels: { tier: "data" } } })),
    },
  };
  const namespace = (labels: Record<string, string>) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "default", labels },
  });
  started.backend.put("namespaces", namespace({}));
  started.backend.put("wasmdeployments", anApp("store", 1, {}));
  started.backend.put("wasmdeployments", anApp("web", 1, near));
  await started.pass(500);
  expect(nodesOf(started, "web")).toEqual([""]);
  started.backend.put("namespaces", namespace({ tier: "data" }));
  await started.pass(1_000);
  expect(nodesOf(started, "web")).toEqual(["n1"]);
});

test("a new scheduler knows from the nodes what those that run ask of their neighbours", async () => {
  const first = await startEngine();
  const node = first.node("n1");
  const apart = { affinity: { instanceAntiAffinity: required(term("web")) } };
  first.backend.put("wasmdeployments", anApp("lonely", 1, apart));
  await first.pass(500);
  node.runAll();
  const held = [...node.held.values()];
  await first.engine.close();

  const second = await startEngine(first.backend, 8);
  new FakeNode("n1", second.engine.nodes, held).connect();
  second.backend.put("wasmdeployments", anApp("web", 1, {}));
  await second.pass(1_000);
  expect(nodesOf(second, "lonely")).toEqual(["n1"]);
  expect(nodesOf(second, "web")).toEqual([""]);
});
