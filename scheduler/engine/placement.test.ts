import { expect, test } from "vitest";
import { parsePlacementConfig } from "../placement-config/parse.ts";
import { FakeBackend } from "../testing/fake-backend.ts";
import { deployment, startEngine } from "../testing/test-engine.ts";

const gibibyte = 2 ** 30;

function configuration(text: string) {
  return parsePlacementConfig(
    `apiVersion: config.wherry.dev/v1alpha1\nkind: PlacementConfiguration\n${text}`,
  );
}

function startWith(text: string, backend = new FakeBackend(), seed = 7) {
  return startEngine(backend, seed, configuration(text));
}

const requesting = (cpu: string, memory = "1Mi") => ({ resources: { requests: { cpu, memory } } });

test("Engine: an instance without its profile waits and says so, until a scheduler has the profile", async () => {
  const first = await startWith("profiles: [{name: web}, {name: batch}]");
  first.backend.put("wasmdeployments", deployment(1, { placementProfile: "night" }));
  first.node("a");
  await first.pass(1_000);
  const state = first.instances()[0]?.state;
  expect(state).toMatchObject({ kind: "pending", reason: "UnknownPlacementProfile" });
  expect(state?.kind === "pending" && state.message).toMatch(
    /^spec\.placementProfile "night": this scheduler has no such profile, it has web, batch; correct/,
  );
  await first.engine.close();

  const second = await startWith("profiles: [{name: web}, {name: night}]", first.backend, 8);
  second.node("a");
  await second.pass(1_000);
  expect(second.states()).toEqual(["bound"]);
});

test("Engine: a template's profile decides, the first one for templates that name none", async () => {
  const { backend, node, pass, instances } = await startWith(
    "profiles: [{name: apart, strategy: spread}, {name: together, strategy: pack}]",
  );
  const nodes = ["a", "b", "c"].map(node);
  backend.put("wasmdeployments", deployment(3, requesting("100m")));
  await pass(1_000);
  expect(nodes.map(({ held }) => held.size)).toEqual([1, 1, 1]);
  const packed = deployment(6, { ...requesting("100m"), placementProfile: "together" });
  backend.put("wasmdeployments", { ...packed, metadata: { ...packed.metadata, name: "packed" } });
  await pass(1_000);
  expect(instances().length).toBe(9);
  expect(nodes.map(({ held }) => held.size).toSorted((one, other) => one - other)).toEqual([1, 1, 7]);
});

test("Engine: overcommit promises more than there is, the node's own ratio wins, and the API shows both", async () => {
  const { backend, node, pass, states } = await startWith("overcommit: {cpu: 1.5, memory: 2}");
  node("a");
  // 4 cores: six of them promised.
  backend.put("wasmdeployments", deployment(8, requesting("1")));
  await pass(1_000);
  const bound = () => states().filter((kind) => kind === "bound").length;
  expect(bound()).toBe(6);
  const stored = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", "a")!;
  expect(stored["status"]).toMatchObject({
    allocatable: { cpu: "4", memory: "4Gi" },
    promisable: { cpu: "6", memory: "8Gi" },
  });
  backend.put("wasmnodes", {
    ...stored,
    spec: { unschedulable: false, overcommit: { cpu: "1.75", memory: "1" } },
  });
  await pass(20_000);
  expect(bound()).toBe(7);
  backend.put("wasmnodes", {
    ...stored,
    spec: { unschedulable: false, overcommit: { cpu: "1", memory: "1" } },
  });
  await pass(1_000);
  const status = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", "a")?.["status"];
  expect(status).not.toHaveProperty("promisable");
  // What runs, runs.
  expect(bound()).toBe(7);
});

test("Engine: a usage limit keeps instances away while a node is in use, and lets them in when it is less", async () => {
  const { backend, node, pass, states } = await startWith(
    "profiles: [{name: web, usageLimit: {memory: 50}}]",
  );
  const a = node("a");
  backend.put("wasmdeployments", deployment(1, requesting("1m")));
  await pass(1_000);
  a.runAll();
  a.use(3 * gibibyte);
  backend.put("wasmdeployments", deployment(2, requesting("1m")));
  await pass(30_000);
  expect(states().toSorted()).toEqual(["bound", "pending"]);
  a.use(gibibyte);
  await pass(30_000);
  expect(states()).toEqual(["bound", "bound"]);
});

test("Engine: what nodes really use counts, and what was placed since counts with its requests", async () => {
  const { backend, node, pass } = await startWith(
    "profiles: [{name: web, scores: [{name: owner-spread, weight: 0}, {name: least-allocated, weight: 0}]}]",
  );
  const [a, b] = [node("a"), node("b")];
  backend.put("wasmdeployments", deployment(2, requesting("1m", "8Mi")));
  await pass(1_000);
  expect([a.held.size, b.held.size]).toEqual([1, 1]);
  for (const each of [a, b]) each.runAll();
  a.use(gibibyte);
  b.use(8 * 2 ** 20);
  backend.put("wasmdeployments", deployment(102, requesting("1m", "20Mi")));
  await pass(1_000);
  // 1 GiB is some fifty of them: b gets those, and the rest is shared.
  expect(b.held.size - a.held.size).toBeGreaterThan(40);
  expect(a.held.size).toBeGreaterThan(15);
});

test("Engine: a node that has the module is preferred, and only as long as it has it", async () => {
  const { backend, node, pass } = await startWith("");
  const [a, b, c] = ["a", "b", "c"].map(node);
  b?.hasModules("file:///m.wasm");
  backend.put("wasmdeployments", deployment(1));
  await pass(1_000);
  expect([a, b, c].map((each) => each?.held.size)).toEqual([0, 1, 0]);
  b?.hasModules();
  c?.hasModules("file:///m.wasm");
  const other = deployment(1);
  backend.put("wasmdeployments", { ...other, metadata: { ...other.metadata, name: "other" } });
  await pass(1_000);
  expect([a, b, c].map((each) => each?.held.size)).toEqual([0, 1, 1]);
});
