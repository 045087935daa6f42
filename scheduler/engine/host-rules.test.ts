import { expect, test } from "vitest";
import { deployment, startEngine } from "../testing/test-engine.ts";

const listening = (port: number, priorityClassName?: string) => ({
  listeners: [{ name: "http", address: "127.0.0.1", port }],
  ...(priorityClassName === undefined ? {} : { priorityClassName }),
});

function named(name: string, replicas: number, template: Record<string, unknown>) {
  return { ...deployment(replicas, template), metadata: { name, namespace: "default" } };
}

async function startWithNode() {
  const started = await startEngine();
  const first = started.node("a");
  await started.pass(300);
  const places = (name: string) =>
    started
      .instances()
      .filter(({ owner }) => owner.name === name)
      .map(({ state }) => (state.kind === "pending" ? "pending" : `${state.kind} on ${state.nodeName}`))
      .toSorted();
  const messageOf = (name: string) =>
    started
      .instances()
      .filter(({ owner }) => owner.name === name)
      .flatMap(({ state }) => (state.kind === "pending" ? [state.message] : []))
      .join("\n");
  return { ...started, first, places, messageOf };
}

test("Engine: a port waits until its holder has stopped, not only until it was told to", async () => {
  const { backend, first, pass, places, messageOf } = await startWithNode();
  const holder = backend.put("wasmdeployments", named("holder", 1, listening(80)));
  await pass(300);
  first.runAll();
  backend.put("wasmdeployments", named("next", 1, listening(80)));
  await pass(300);
  expect(messageOf("next")).toContain("a: another instance holds port 127.0.0.1:80 [host-ports]");
  backend.remove("wasmdeployments", holder);
  await pass(15_000);
  expect(places("holder")).toEqual(["stopping on a"]);
  expect(places("next")).toEqual(["pending"]);
  first.endStopped();
  await pass(500);
  expect(places("next")).toEqual(["bound on a"]);
});

test("Engine: who holds the port gives way to a higher priority, and nobody else does", async () => {
  const { backend, first, pass, places } = await startWithNode();
  backend.put("priorityclasses", {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: "high" },
    value: 1_000,
    globalDefault: false,
  });
  backend.put("wasmdeployments", named("holder", 1, listening(80)));
  backend.put("wasmdeployments", named("other", 3, listening(0)));
  await pass(300);
  first.runAll();
  backend.put("wasmdeployments", named("next", 1, listening(80, "high")));
  await pass(300);
  expect(places("holder")).toContain("stopping on a");
  expect(places("other")).toEqual(["bound on a", "bound on a", "bound on a"]);
  first.endStopped();
  await pass(500);
  expect(places("next")).toEqual(["bound on a"]);
  expect(places("holder")).toEqual(["pending"]);
});

test("Engine: a node that comes back with other grants and devices lets in what waited for them", async () => {
  const { backend, engine, node, pass, places, messageOf } = await startWithNode();
  const noGrants = { hostPaths: [], listen: [] };
  node("a").disconnect();
  const again = (more: object) => node("a").connect({ grants: noGrants, ...more });
  again({});
  const template = {
    module: { image: "https://example.com/m.wasm" },
    volumes: [{ name: "data", hostPath: { path: "/srv/data" } }],
    resources: { limits: { "example.com/camera": 1 } },
  };
  backend.put("wasmdeployments", named("app", 1, template));
  await pass(500);
  expect(messageOf("app")).toContain("hostPath /srv/data is in no folder that it offers");
  expect(messageOf("app")).toContain("it has no example.com/camera");
  const capacity = { cpuMillis: 1_000, memoryBytes: 2 ** 30, instances: 10, processes: 1 };
  again({
    grants: { ...noGrants, hostPaths: [{ path: "/srv" }] },
    allocatable: { ...capacity, extended: new Map([["example.com/camera", 1]]) },
  });
  await pass(15_000);
  expect(places("app")).toEqual(["bound on a"]);
  await engine.close();
});
