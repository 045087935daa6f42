/** What people ask of placement over HTTP: why it is so, and what if. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { PlacementSimulationStatus } from "../../api/gen/kinds.gen.ts";
import { WherryError } from "../../kit/errors.ts";
import type { PlacementSimulator, SimulationRequest } from "./placement-simulator.ts";
import { TestServer } from "./testing/test-server.ts";

const instances = "/apis/live.wherry.dev/v1alpha1/namespaces/default/wasminstances";
const simulations = "/apis/live.wherry.dev/v1alpha1/placementsimulations";

const nothing: PlacementSimulationStatus = {
  message: "nothing moves",
  before: { nodes: 1, usedNodes: 0, placed: 0, pending: 0, cpuShare: 0, memoryShare: 0 },
  after: { nodes: 1, usedNodes: 0, placed: 0, pending: 0, cpuShare: 0, memoryShare: 0 },
  moves: [],
  pending: [],
  nodes: [],
  preemptions: [],
  omitted: 0,
};

/** Notes what it is asked, and answers as it is told. */
class FakeSimulator implements PlacementSimulator {
  readonly asked: SimulationRequest[] = [];
  refusal: Error | undefined;

  async simulate(request: SimulationRequest): Promise<PlacementSimulationStatus> {
    this.asked.push(request);
    if (this.refusal) throw this.refusal;
    return nothing;
  }
}

const simulator = new FakeSimulator();
let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    simulator,
    tokens: [
      { token: "viewer-token", user: "viewer", uid: "", groups: [] },
      { token: "nobody-token", user: "nobody", uid: "", groups: [] },
    ],
  });
  await server.call("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", {
    body: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "viewer" },
      subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "viewer" }],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    },
  });
  server.live.put("default", "web-1");
  server.live.put("other", "web-2");
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  simulator.asked.length = 0;
  simulator.refusal = undefined;
});

test("explain: answers of an instance, with as many nodes as are asked for", async () => {
  const { code, body } = await server.call("GET", `${instances}/web-1/explain?limit=7`);
  expect(code).toBe(200);
  expect(body).toMatchObject({
    kind: "InstanceExplanation",
    metadata: { name: "web-1" },
    spec: { limit: 7 },
  });
});

test.each([
  { name: "without a limit", query: "", limit: 50 },
  { name: "with more than there may be", query: "?limit=99999999", limit: 10_000 },
])("explain: $name it lists $limit nodes at most", async ({ query, limit }) => {
  const { body } = await server.call("GET", `${instances}/web-1/explain${query}`);
  expect(body.spec.limit).toBe(limit);
});

test("explain: comes as YAML, too", async () => {
  const { text } = await server.call("GET", `${instances}/web-1/explain`, { accept: "application/yaml" });
  expect(text).toContain("kind: InstanceExplanation\n");
});

test.each([
  { name: "an instance that is not there", method: "GET", path: `${instances}/x/explain`, code: 404 },
  { name: "a limit that is no number", method: "GET", path: `${instances}/web-1/explain?limit=x`, code: 400 },
  { name: "a write", method: "PUT", path: `${instances}/web-1/explain`, code: 405 },
  { name: "another subresource", method: "GET", path: `${instances}/web-1/reasons`, code: 404 },
  {
    name: "another kind",
    method: "GET",
    path: "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments/x/explain",
    code: 404,
  },
])("explain: $name is refused with $code", async ({ method, path, code }) => {
  expect((await server.call(method, path, method === "PUT" ? { body: {} } : {})).code).toBe(code);
});

test("explain: no table is made of it", async () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  expect((await server.call("GET", `${instances}/web-1/explain`, { accept })).code).toBe(406);
});

test.each([
  { who: "who may view the namespace", token: "viewer-token", namespace: "default", code: 200 },
  { who: "who may view another namespace", token: "viewer-token", namespace: "other", code: 403 },
  { who: "who may nothing", token: "nobody-token", namespace: "default", code: 403 },
])("explain: $who gets $code", async ({ token, namespace, code }) => {
  const path = `/apis/live.wherry.dev/v1alpha1/namespaces/${namespace}/wasminstances`;
  const name = namespace === "default" ? "web-1" : "web-2";
  expect((await server.call("GET", `${path}/${name}/explain`, { token })).code).toBe(code);
});

function simulation(...actions: readonly object[]) {
  return { apiVersion: "live.wherry.dev/v1alpha1", kind: "PlacementSimulation", spec: { actions } };
}

test("simulate: the answer has the question with what was not said, and nothing is kept", async () => {
  const body = simulation(
    { drain: { nodeName: "a" } },
    { addNodes: { like: "a", count: 2, memory: "4Gi" } },
    { scale: { kind: "WasmJob", namespace: "default", name: "work", factor: 2 } },
  );
  const answer = await server.call("POST", simulations, { body });
  expect(answer.code).toBe(201);
  expect(answer.body).toMatchObject({ kind: "PlacementSimulation", spec: { limit: 500 }, status: nothing });
  expect(simulator.asked).toEqual([
    {
      actions: [
        { kind: "drain", nodeName: "a" },
        { kind: "addNodes", like: "a", count: 2, memory: "4Gi" },
        { kind: "scale", workload: "WasmJob", namespace: "default", name: "work", factor: 2 },
      ],
      limit: 500,
    },
  ]);
  expect((await server.call("GET", simulations)).code).toBe(405);
});

const workload = {
  apiVersion: "wherry.dev/v1alpha1",
  kind: "WasmDeployment",
  metadata: { name: "web", namespace: "default", resourceVersion: "7", uid: "given", managedFields: [] },
  spec: { template: { spec: { module: { image: "https://example.com/a.wasm" } } } },
  status: { replicas: 9 },
};

test("simulate: a workload is checked and completed as if it were stored", async () => {
  const { code, text } = await server.call("POST", simulations, {
    body: simulation({ apply: { object: workload } }),
  });
  expect(code, text).toBe(201);
  const [action] = simulator.asked[0]?.actions ?? [];
  expect(action).toMatchObject({
    kind: "apply",
    object: {
      metadata: { name: "web", namespace: "default", generation: 1 },
      spec: { replicas: 1, strategy: { type: "RollingUpdate" } },
    },
  });
  expect(action?.kind === "apply" && action.object.metadata.uid).not.toBe("given");
  const stored = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments/web";
  expect((await server.call("GET", stored)).code).toBe(404);
});

test.each([
  { name: "no action", actions: [], code: 422, message: "spec.actions" },
  { name: "an action that is none", actions: [{}], code: 422, message: "spec.actions[0]" },
  {
    name: "two in one",
    actions: [{ drain: { nodeName: "a" }, removeNode: { nodeName: "b" } }],
    code: 422,
    message: "spec.actions[0]",
  },
  {
    name: "a drain of no node",
    actions: [{ drain: {} }],
    code: 422,
    message: "spec.actions[0].drain.nodeName",
  },
  {
    name: "no new nodes",
    actions: [{ addNodes: { like: "a", count: 0 } }],
    code: 422,
    message: "spec.actions[0].addNodes.count",
  },
  {
    name: "memory that is no quantity",
    actions: [{ addNodes: { like: "a", count: 1, memory: "much" } }],
    code: 422,
    message: "spec.actions[0].addNodes.memory",
  },
  {
    name: "a scale to nothing in particular",
    actions: [{ scale: { kind: "WasmJob", namespace: "default", name: "x" } }],
    code: 400,
    message: "spec.actions[0].scale: it must have either replicas or factor",
  },
  {
    name: "a scale of something else",
    actions: [{ scale: { kind: "ConfigMap", namespace: "default", name: "x", replicas: 1 } }],
    code: 422,
    message: "spec.actions[0].scale.kind",
  },
  {
    name: "a workload that is none",
    actions: [{ apply: { object: { apiVersion: "v1", kind: "Secret", metadata: { name: "x" } } } }],
    code: 400,
    message:
      "spec.actions[0].apply.object: only WasmDaemonSet, WasmDeployment, WasmJob are simulated, not Secret",
  },
  {
    name: "a workload in no namespace",
    actions: [{ apply: { object: { ...workload, metadata: { name: "x" } } } }],
    code: 400,
    message: "spec.actions[0].apply.object.metadata: it must have a name and a namespace",
  },
  {
    name: "a workload that would not be stored",
    actions: [{ apply: { object: { ...workload, spec: { template: {} } } } }],
    code: 422,
    message: "spec.template.spec",
  },
  {
    name: "more actions than one would read",
    actions: Array.from({ length: 101 }, () => ({ drain: { nodeName: "a" } })),
    code: 422,
    message: "spec.actions",
  },
])("simulate: $name is refused with $code", async ({ actions, code, message }) => {
  const answer = await server.call("POST", simulations, { body: simulation(...actions) });
  expect(answer.code, answer.text).toBe(code);
  expect(answer.body.message).toContain(message);
  expect(simulator.asked).toEqual([]);
});

test.each([
  { code: "SimulationBusy", status: 429, reason: "TooManyRequests" },
  { code: "SimulationImpossible", status: 400, reason: "BadRequest" },
  { code: "SimulationTooLarge", status: 400, reason: "BadRequest" },
])("simulate: $code is answered with $status", async ({ code, status, reason }) => {
  simulator.refusal = new WherryError(code, "no");
  const answer = await server.call("POST", simulations, { body: simulation({ drain: { nodeName: "a" } }) });
  expect(answer.code).toBe(status);
  expect(answer.body).toMatchObject({ reason, message: "no" });
});

test("simulate: only administrators of the cluster may", async () => {
  const body = simulation({ drain: { nodeName: "a" } });
  expect((await server.call("POST", simulations, { body, token: "viewer-token" })).code).toBe(403);
  expect(simulator.asked).toEqual([]);
});

test("simulate: where nothing is scheduled, nothing is answered", async () => {
  await using idle = await TestServer.start();
  const { code } = await idle.call("POST", simulations, { body: simulation({ drain: { nodeName: "a" } }) });
  expect(code).toBe(503);
});

test("discovery: names the subresource with what it answers, and the kind that is only created", async () => {
  const { body } = await server.call("GET", "/apis/live.wherry.dev/v1alpha1");
  expect(body.resources).toContainEqual(
    expect.objectContaining({ name: "wasminstances/explain", kind: "InstanceExplanation", verbs: ["get"] }),
  );
  expect(body.resources).toContainEqual(
    expect.objectContaining({ name: "placementsimulations", namespaced: false, verbs: ["create"] }),
  );
});

test("OpenAPI: tells what an explanation looks like", async () => {
  const { body } = await server.call("GET", "/openapi/v3/apis/live.wherry.dev/v1alpha1");
  const path = "/apis/live.wherry.dev/v1alpha1/namespaces/{namespace}/wasminstances/{name}/explain";
  const answer = body.paths[path].get.responses["200"].content["application/json"].schema;
  expect(answer).toEqual({ $ref: "#/components/schemas/dev.wherry.live.v1alpha1.InstanceExplanation" });
  const schema = body.components.schemas["dev.wherry.live.v1alpha1.InstanceExplanation"];
  expect(schema.properties.status.properties.waiting.properties.state.enum).toContain("Unschedulable");
});
